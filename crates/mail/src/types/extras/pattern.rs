//! Text with values of the event in it: `invoice-{{ orderId }}.pdf`.

use postrider_core::domain::document::push_token;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Text in which `{{ path }}` stands for a member of an event's data. No more than paths: what such text becomes part
/// of (names of files, header fields) is checked by whoever uses it, not escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::types) struct Pattern(String);

/// One piece of a pattern.
enum Piece<'a> {
    Words(&'a str),
    Path(Path<'a>),
}

/// Member names from the top of `data` downwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::types) struct Path<'a>(Vec<&'a str>);

impl<'a> Path<'a> {
    /// Reads `customer.email`.
    pub(in crate::types) fn read(text: &'a str) -> Option<Self> {
        let names: Vec<&str> = text.trim().split('.').collect();
        let is_name = |name: &&str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        };
        names.iter().all(is_name).then_some(Self(names))
    }

    /// The member it names, unless that is missing or null.
    pub(in crate::types) fn find<'d>(&self, data: &'d Value) -> Option<&'d Value> {
        let found = self.0.iter().try_fold(data, |value, name| value.get(name))?;
        (!found.is_null()).then_some(found)
    }

    /// Its JSON Pointer.
    pub(in crate::types) fn pointer(&self) -> String {
        let mut pointer = String::new();
        self.0.iter().for_each(|name| push_token(&mut pointer, name));
        pointer
    }

    /// The name it begins with.
    pub(in crate::types) fn first(&self) -> &'a str {
        self.0.first().copied().unwrap_or_default()
    }
}

impl Pattern {
    /// Reads `source`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(in crate::types) fn parse(source: &str) -> Result<Self, String> {
        match pieces(source) {
            Some(_) => Ok(Self(source.to_owned())),
            None => {
                Err(format!("{source:?} may hold paths such as {{{{ orderId }}}} and nothing else in braces"))
            }
        }
    }

    /// The paths in it.
    pub(in crate::types) fn paths(&self) -> Vec<Path<'_>> {
        let pieces = pieces(&self.0).unwrap_or_default();
        pieces
            .into_iter()
            .filter_map(|piece| if let Piece::Path(path) = piece { Some(path) } else { None })
            .collect()
    }

    /// The JSON Pointer of the first member it reads; empty without one.
    pub(in crate::types) fn pointer(&self) -> String {
        self.paths().first().map(Path::pointer).unwrap_or_default()
    }

    /// The text for `data`; `None` where a member is missing or is neither text nor a number.
    pub(in crate::types) fn fill(&self, data: &Value) -> Option<String> {
        let mut filled = String::with_capacity(self.0.len() + 16);
        for piece in pieces(&self.0)? {
            match piece {
                Piece::Words(words) => filled.push_str(words),
                Piece::Path(path) => match path.find(data)? {
                    Value::String(text) => filled.push_str(text),
                    Value::Number(number) => filled.push_str(number.as_str()),
                    Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
                },
            }
        }
        Some(filled)
    }
}

fn pieces(source: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = source;
    while let Some((words, after)) = rest.split_once("{{") {
        let (path, behind) = after.split_once("}}")?;
        pieces.extend([Piece::Words(words), Piece::Path(Path::read(path)?)]);
        rest = behind;
    }
    pieces.push(Piece::Words(rest));
    Some(pieces)
}
