//! The small expressions of a type's manifest: whom to write to, what makes two events the same.

use postrider_core::domain::document::push_token;
use serde_json::Value;

use super::templates::{RESERVED_NAMES, RenderError, Slot, Templates};

/// An expression over an event's data.
///
/// Nearly all are plain paths such as `customer.email`, which need no template engine and name the field at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// Member names from the top of `data` downwards.
    Path(Vec<String>),
    /// Anything else, compiled into the given slot of the type's templates.
    Template(Slot),
}

/// Why an expression has no value for an event.
#[derive(Debug, thiserror::Error)]
pub enum ExpressionError {
    /// A member on the path is not there.
    #[error("is required")]
    Missing,
    /// There is a member, but it is neither text nor a number.
    #[error("must be a string")]
    NotText,
    /// The template failed.
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl Expression {
    /// Reads `source` as a path where it is one; `slot` is where the templates hold it otherwise.
    #[must_use]
    pub fn parse(source: &str, slot: Slot) -> Self {
        let names: Vec<&str> = source.trim().split('.').collect();
        let is_of_data = names.first().is_some_and(|name| !RESERVED_NAMES.contains(name));
        if is_of_data && names.iter().all(|name| is_identifier(name)) {
            return Self::Path(names.into_iter().map(str::to_owned).collect());
        }
        Self::Template(slot)
    }

    /// The JSON Pointer of the field the expression reads, empty when it is more than a path.
    #[must_use]
    pub fn pointer(&self) -> String {
        let mut pointer = String::new();
        if let Self::Path(names) = self {
            names.iter().for_each(|name| push_token(&mut pointer, name));
        }
        pointer
    }

    /// The expression's value as text.
    ///
    /// # Errors
    /// [`ExpressionError`]; its words never hold the data.
    pub fn evaluate(&self, data: &Value, templates: &Templates) -> Result<String, ExpressionError> {
        match self {
            Self::Path(names) => {
                let mut value = data;
                for name in names {
                    value = value.get(name).ok_or(ExpressionError::Missing)?;
                }
                match value {
                    Value::String(text) => Ok(text.clone()),
                    Value::Number(number) => Ok(number.as_str().to_owned()),
                    Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                        Err(ExpressionError::NotText)
                    }
                }
            }
            Self::Template(slot) => Ok(templates.render(*slot, templates.context(data, None))?),
        }
    }
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
