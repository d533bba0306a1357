//! `schema.json`: what `data` must look like, and what is wrong with it in words for the sender.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::Location;
use jsonschema::{JsonType, Keyword, ValidationError, Validator};
use postrider_core::domain::document::push_token;
use postrider_core::domain::problem::FieldError;
use postrider_core::limits::FIELD_ERRORS_MAX;
use serde_json::{Map, Value};

use crate::render::date::is_time_zone;
use crate::render::money::{FRACTION_DIGITS_MAX, WHOLE_DIGITS_MAX, parse_amount};

/// The keyword with which a schema asks for an amount of money: `"money": true`.
const MONEY: &str = "money";
/// The keyword with which a schema words its own errors: a phrase, or an object of phrases by failed keyword. The name
/// and its two forms are those of the widely used `ajv-errors`.
const ERROR_MESSAGE: &str = "errorMessage";

/// The format with which a schema asks for a time zone's name.
const TIME_ZONE: &str = "time-zone";

/// A compiled schema.
#[derive(Debug)]
pub(super) struct Schema {
    validator: Validator,
    pub(super) document: Value,
}

impl Schema {
    /// Compiles a schema (JSON Schema, draft 2020-12 unless `$schema` says otherwise).
    pub(super) fn compile(source: &str) -> Result<Self, (Option<usize>, String)> {
        let document: Value = serde_json::from_str(source)
            .map_err(|error| (Some(error.line()), format!("not valid JSON: {error}")))?;
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .with_format(TIME_ZONE, is_time_zone)
            .with_keyword(MONEY, money_keyword)
            .build(&document)
            .map_err(|error| (None, format!("not a valid JSON Schema: {error}")))?;
        Ok(Self { validator, document })
    }

    /// Every field of `data` that is wrong, pointers prefixed with `prefix`. Messages never hold values of `data`.
    pub(super) fn check(&self, data: &Value, prefix: &str, errors: &mut Vec<FieldError>) {
        // Nearly all events are valid, and saying so is several times cheaper than listing nothing.
        if self.validator.is_valid(data) {
            return;
        }
        for error in self.validator.iter_errors(data) {
            for field in self.describe(&error, prefix) {
                if errors.len() >= FIELD_ERRORS_MAX {
                    return;
                }
                if !errors.contains(&field) {
                    errors.push(field);
                }
            }
        }
    }

    fn describe(&self, error: &ValidationError<'_>, prefix: &str) -> Vec<FieldError> {
        let at = format!("{prefix}{}", error.instance_path().as_str());
        let member = |name: &str| {
            let mut pointer = at.clone();
            push_token(&mut pointer, name);
            pointer
        };
        match error.kind() {
            ValidationErrorKind::Required { property } => {
                vec![FieldError::new(member(property.as_str().unwrap_or_default()), "is required")]
            }
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                unexpected.iter().map(|name| FieldError::new(member(name), "is not expected here")).collect()
            }
            kind => {
                let words = self.own_words(error).unwrap_or_else(|| words(kind));
                vec![FieldError::new(at, words)]
            }
        }
    }

    /// The schema's own phrase for a failed keyword, if it has one.
    fn own_words(&self, error: &ValidationError<'_>) -> Option<String> {
        let path = error.schema_path().as_str();
        let (parent, keyword) = path.rsplit_once('/')?;
        match self.document.pointer(parent)?.get(ERROR_MESSAGE)? {
            Value::String(phrase) => Some(phrase.clone()),
            Value::Object(phrases) => phrases.get(keyword)?.as_str().map(str::to_owned),
            _ => None,
        }
    }
}

/// A phrase that follows the field's name.
fn words(kind: &ValidationErrorKind) -> String {
    match kind {
        ValidationErrorKind::Type { kind: TypeKind::Single(one) } => format!("must be {}", type_words(*one)),
        ValidationErrorKind::Type { kind: TypeKind::Multiple(several) } => {
            let names: Vec<&str> = several.iter().map(type_words).collect();
            format!("must be {}", names.join(" or "))
        }
        ValidationErrorKind::MinLength { limit: 1 } => "must not be empty".to_owned(),
        ValidationErrorKind::MinLength { limit } => format!("must have at least {limit} characters"),
        ValidationErrorKind::MaxLength { limit } => format!("must have at most {limit} characters"),
        ValidationErrorKind::MinItems { limit: 1 } => "must have at least one item".to_owned(),
        ValidationErrorKind::MinItems { limit } => format!("must have at least {limit} items"),
        ValidationErrorKind::MaxItems { limit } => format!("must have at most {limit} items"),
        ValidationErrorKind::MaxProperties { limit } => format!("must have at most {limit} members"),
        ValidationErrorKind::MinProperties { limit } => format!("must have at least {limit} members"),
        ValidationErrorKind::Minimum { limit } => format!("must be at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("must be at most {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        ValidationErrorKind::Enum { options } => format!("must be one of {options}"),
        ValidationErrorKind::Constant { expected_value } => format!("must be {expected_value}"),
        ValidationErrorKind::UniqueItems => "must not hold the same item twice".to_owned(),
        ValidationErrorKind::Custom { message, .. } => message.clone(),
        ValidationErrorKind::Format { format } => match format.as_str() {
            "date-time" => "must be a date and time as in RFC 3339, such as 2026-11-23T10:00:00Z".to_owned(),
            "date" => "must be a date such as 2026-11-23".to_owned(),
            "email" => "must be an e-mail address, such as ada@example.com".to_owned(),
            TIME_ZONE => "must be the name of a time zone, such as Europe/Berlin".to_owned(),
            "uri" => "must be a web address, such as https://example.com/".to_owned(),
            other => format!("must be in the format {other:?}"),
        },
        other => format!("does not satisfy the schema's {:?}", other.keyword()),
    }
}

fn type_words(json_type: JsonType) -> &'static str {
    match json_type {
        JsonType::Null => "null",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Number => "a number",
        JsonType::String => "a string",
        JsonType::Array => "an array",
        JsonType::Object => "an object",
    }
}

/// A non-negative amount: a JSON number or a decimal string. Other types are the business of `type`.
struct Money;

impl<'i> Keyword<'i> for Money {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) {
            return Ok(());
        }
        Err(ValidationError::custom(format!(
            "must be a number or a decimal string such as \"129.00\", not negative, with at most {WHOLE_DIGITS_MAX} \
             digits before and {FRACTION_DIGITS_MAX} after the point"
        )))
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        match instance {
            Value::Number(number) => parse_amount(number.as_str(), true).is_some(),
            Value::String(text) => parse_amount(text, false).is_some(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => true,
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the signature is the one jsonschema calls")]
fn money_keyword<'a>(
    _parent: &'a Map<String, Value>,
    value: &'a Value,
    path: Location,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    if value == &Value::Bool(true) {
        return Ok(Box::new(Money));
    }
    Err(ValidationError::custom(format!("the keyword at {} must be true", path.as_str())))
}
