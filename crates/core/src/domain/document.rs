//! The event's `data`: JSON read strictly, compared by meaning.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::de::SliceRead;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::limits::{JSON_DEPTH_MAX, JSON_NUMBER_CHARS_MAX, JSON_NUMBER_EXPONENT_MAX};

use super::problem::{FieldError, FieldErrors};

/// SHA-256 of a JSON value's canonical form, cut to 128 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Of raw parts, each preceded by its length so that parts cannot run together.
    #[must_use]
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self::cut(hash)
    }

    /// Of a JSON value by meaning: member order, spacing and the spelling of a number do not matter.
    #[must_use]
    pub fn of_json(value: &Value) -> Self {
        let mut canonical = Vec::with_capacity(1024);
        write_canonical(value, &mut canonical);
        Self::of_parts(&[&canonical])
    }

    /// The stored form.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The fingerprint whose stored form is `bytes`.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    fn cut(hash: Sha256) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        Self(bytes)
    }
}

/// Why bytes are not a JSON document we accept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDocument {
    /// Not JSON, nested too deeply, or an object names one member twice.
    #[error("the body is not valid JSON: {0}")]
    Syntax(String),
    /// JSON, but with values no event may carry.
    #[error("the body has values that cannot be accepted")]
    Values(Vec<FieldError>),
}

/// Reads JSON strictly: one value, no duplicate members, bounded depth, no control characters in text beyond tab
/// and line ends, numbers that a decimal can hold. Numbers keep every digit they came with.
///
/// # Errors
/// [`InvalidDocument::Syntax`] for what a parser refuses, [`InvalidDocument::Values`] with one pointer a wrong value.
pub fn parse_json(bytes: &[u8]) -> Result<Value, InvalidDocument> {
    let value = parse_syntax(bytes)?;
    let errors = check_values(&value);
    if errors.is_empty() { Ok(value) } else { Err(InvalidDocument::Values(errors.into_vec())) }
}

/// Reads JSON as [`parse_json`] does, but leaves the values to [`check_values`]: for a document of several parts, one
/// of which must not spoil the others.
///
/// # Errors
/// [`InvalidDocument::Syntax`].
pub fn parse_syntax(bytes: &[u8]) -> Result<Value, InvalidDocument> {
    let mut reader = serde_json::Deserializer::new(SliceRead::new(bytes));
    Strict { depth: 0 }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| InvalidDocument::Syntax(error.to_string()))
}

/// What no event may carry, by pointer from the top of `value`: control characters in text beyond tab and line ends,
/// numbers that no decimal can hold.
#[must_use]
pub fn check_values(value: &Value) -> FieldErrors {
    let mut errors = FieldErrors::default();
    check_value(value, &mut String::new(), &mut errors);
    errors
}

struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth >= JSON_DEPTH_MAX {
            return Err(E::custom(format_args!("nested more than {JSON_DEPTH_MAX} levels deep")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Characters of a member's name that an error repeats.
const NAME_CHARS_SHOWN: usize = 64;
/// The member name under which serde_json hands over a number with all its digits.
const NUMBER_MEMBER: &str = "$serde_json::private::Number";

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.deeper()?)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if members.is_empty() && name == NUMBER_MEMBER {
                let digits: String = map.next_value()?;
                let number = digits.parse().map_err(A::Error::custom)?;
                return Ok(Value::Number(number));
            }
            if members.contains_key(&name) {
                let name: String = name.chars().take(NAME_CHARS_SHOWN).collect();
                return Err(A::Error::custom(format_args!(
                    "the member {name:?} appears twice in one object"
                )));
            }
            let value = map.next_value_seed(self.deeper()?)?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

fn check_value(value: &Value, pointer: &mut String, errors: &mut FieldErrors) {
    if errors.is_full() {
        return;
    }
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => {
            if Decimal::parse(number.as_str()).is_none() {
                errors
                    .push(FieldError::new(pointer.as_str(), "is a number too large or too long to be meant"));
            }
        }
        Value::String(text) => {
            if text.chars().any(is_forbidden_control) {
                errors.push(FieldError::new(pointer.as_str(), "contains a control character"));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let len = pointer.len();
                pointer.push('/');
                pointer.push_str(&index.to_string());
                check_value(item, pointer, errors);
                pointer.truncate(len);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let len = pointer.len();
                push_token(pointer, name);
                if name.chars().any(char::is_control) {
                    errors.push(FieldError::new(pointer.as_str(), "has a control character in its name"));
                }
                check_value(member, pointer, errors);
                pointer.truncate(len);
            }
        }
    }
}

/// Appends one reference token to a JSON Pointer (RFC 6901 §3).
pub fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    for c in token.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

fn is_forbidden_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r')
}

/// A JSON number as sign, digits and exponent, with no leading or trailing zero digit.
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        if text.len() > JSON_NUMBER_CHARS_MAX {
            return None;
        }
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (unsigned, 0),
        };
        if exponent.abs() > JSON_NUMBER_EXPONENT_MAX {
            return None;
        }
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0');
        let digits = significant.trim_end_matches('0');
        let trailing = significant.len() - digits.len();
        let exponent = exponent - i64::try_from(fraction.len()).ok()? + i64::try_from(trailing).ok()?;
        if digits.is_empty() {
            return Some(Self { negative: false, digits: "0".to_owned(), exponent: 0 });
        }
        Some(Self { negative, digits: digits.to_owned(), exponent })
    }
}

fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Number(number) => match Decimal::parse(number.as_str()) {
            Some(decimal) => {
                if decimal.negative {
                    out.push(b'-');
                }
                out.extend_from_slice(decimal.digits.as_bytes());
                out.push(b'e');
                out.extend_from_slice(decimal.exponent.to_string().as_bytes());
            }
            None => out.extend_from_slice(number.as_str().as_bytes()),
        },
        Value::Array(items) => {
            out.push(b'[');
            for item in items {
                write_canonical(item, out);
                out.push(b',');
            }
            out.push(b']');
        }
        Value::Object(members) => {
            out.push(b'{');
            // serde_json's map is ordered by name here: the workspace does not switch on `preserve_order`, and the
            // test `member_order_does_not_matter` fails should a dependency do so.
            for (name, member) in members {
                write_text(name, out);
                out.push(b':');
                write_canonical(member, out);
                out.push(b',');
            }
            out.push(b'}');
        }
        Value::String(text) => write_text(text, out),
        Value::Bool(true) => out.push(b't'),
        Value::Bool(false) => out.push(b'f'),
        Value::Null => out.push(b'n'),
    }
}

/// Length first, so that no escape is needed and no two texts read alike.
fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.len().to_string().as_bytes());
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
}
