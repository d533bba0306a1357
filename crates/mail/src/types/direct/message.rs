//! Reading a message that has no type out of its event's data.

use postrider_core::domain::document::push_token;
use postrider_core::domain::event::DIRECT_KEY;
use postrider_core::domain::problem::{FieldError, FieldErrors};
use postrider_core::limits::{
    DIRECT_RECIPIENTS_MAX, DIRECT_TAG_CHARS_MAX, DIRECT_TAGS_MAX, EXTRA_FIELDS_MAX, HEADER_TEXT_CHARS_MAX,
    IDEMPOTENCY_KEY_CHARS_MAX,
};
use serde_json::{Map, Value};

use crate::mime::field::{Field, check_name, check_value};
use crate::mime::message::Mailbox;

use super::super::extras::{FileSource, check_files};
use super::super::nearest::nearest;

/// Everything such a message may have.
const MEMBERS: [&str; 10] =
    ["from", "to", "subject", "html", "text", "replyTo", "headers", "attachments", "tags", "sendAt"];

/// A message that somebody else has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DirectMessage {
    /// What makes it the same as another.
    pub(super) key: String,
    pub(super) from: Mailbox,
    /// Each gets one of its own.
    pub(super) to: Vec<Mailbox>,
    pub(super) reply_to: Option<Mailbox>,
    pub(super) subject: String,
    pub(super) html: Option<String>,
    pub(super) text: Option<String>,
    pub(super) fields: Vec<Field>,
}

/// Where its files are.
pub(super) fn files() -> [FileSource; 1] {
    [FileSource::List("attachments".to_owned())]
}

/// Reads the message in `data`, whose members are named below `prefix` in errors.
///
/// # Errors
/// Every wrong member.
pub(super) fn read(data: &Value, prefix: &str) -> Result<DirectMessage, Vec<FieldError>> {
    let empty = Map::new();
    let members = data.as_object().unwrap_or(&empty);
    let mut reader = Reader { members, prefix, errors: FieldErrors::default() };
    reader.refuse_unknown();
    let key = reader.text(DIRECT_KEY).unwrap_or_default();
    if key.is_empty() || key.chars().count() > IDEMPOTENCY_KEY_CHARS_MAX {
        reader.wrong(DIRECT_KEY, format!("must have 1 to {IDEMPOTENCY_KEY_CHARS_MAX} characters"));
    }
    let (from, to, reply_to) = (reader.mailbox("from"), reader.recipients(), reader.mailbox("replyTo"));
    let subject = reader.subject();
    let (html, text) = (reader.text("html"), reader.text("text"));
    if html.is_none() && text.is_none() {
        reader.wrong("html", "is required, or else text".to_owned());
    }
    let fields = reader.fields();
    reader.check_tags();
    let mut wrong = Vec::new();
    check_files(&files(), data, &mut wrong);
    for error in wrong {
        reader.errors.push(FieldError::new(format!("{prefix}{}", error.pointer), error.message));
    }
    if from.is_none() && !members.contains_key("from") {
        reader.wrong("from", "is required".to_owned());
    }
    match from {
        Some(from) if reader.errors.is_empty() => {
            Ok(DirectMessage { key, from, to, reply_to, subject, html, text, fields })
        }
        _ => Err(reader.errors.into_vec()),
    }
}

struct Reader<'a> {
    members: &'a Map<String, Value>,
    prefix: &'a str,
    errors: FieldErrors,
}

impl Reader<'_> {
    /// `path` is a member's name, or that and what is below it.
    fn wrong(&mut self, path: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(format!("{}/{path}", self.prefix), message));
    }

    fn refuse_unknown(&mut self) {
        for name in
            self.members.keys().filter(|name| *name != DIRECT_KEY && !MEMBERS.contains(&name.as_str()))
        {
            let mut pointer = String::new();
            push_token(&mut pointer, name);
            let message = match name.as_str() {
                "cc" | "bcc" => "is not taken: every address in `to` gets a message of its own".to_owned(),
                _ => {
                    let hint = nearest(name, MEMBERS).map(|near| format!("; did you mean {near}?"));
                    let known = MEMBERS.join(", ");
                    format!("is not a member of a message; those are {known}{}", hint.unwrap_or_default())
                }
            };
            self.wrong(&pointer[1..], message);
        }
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.members.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => {
                self.wrong(name, "must be a string");
                None
            }
        }
    }

    fn mailbox(&mut self, name: &str) -> Option<Mailbox> {
        let text = self.text(name)?;
        self.read_mailbox(name, &text)
    }

    fn read_mailbox(&mut self, path: &str, text: &str) -> Option<Mailbox> {
        if text.chars().any(char::is_control) {
            self.wrong(path, "must not contain line breaks or control characters");
            return None;
        }
        Mailbox::parse(text).map_err(|error| self.wrong(path, error.to_string())).ok()
    }

    fn recipients(&mut self) -> Vec<Mailbox> {
        let texts = match self.members.get("to") {
            None | Some(Value::Null) => {
                self.wrong("to", "is required");
                return Vec::new();
            }
            Some(Value::Array(texts)) => texts.clone(),
            Some(one) => vec![one.clone()],
        };
        if texts.is_empty() || texts.len() > DIRECT_RECIPIENTS_MAX {
            self.wrong("to", format!("must have 1 to {DIRECT_RECIPIENTS_MAX} addresses"));
            return Vec::new();
        }
        let is_list = matches!(self.members.get("to"), Some(Value::Array(_)));
        let mut recipients: Vec<Mailbox> = Vec::with_capacity(texts.len());
        for (n, text) in texts.iter().enumerate() {
            let path = if is_list { format!("to/{n}") } else { "to".to_owned() };
            let Some(text) = text.as_str() else {
                self.wrong(&path, "must be a string");
                continue;
            };
            let Some(recipient) = self.read_mailbox(&path, text) else { continue };
            if recipients.iter().any(|known| known.address.normalized() == recipient.address.normalized()) {
                self.wrong(&path, "is there twice");
            }
            recipients.push(recipient);
        }
        recipients
    }

    fn subject(&mut self) -> String {
        let Some(subject) = self.text("subject") else {
            self.wrong("subject", "is required");
            return String::new();
        };
        let length = subject.trim().chars().count();
        if length == 0 || length > HEADER_TEXT_CHARS_MAX {
            self.wrong("subject", format!("must have 1 to {HEADER_TEXT_CHARS_MAX} characters"));
        } else if subject.chars().any(char::is_control) {
            self.wrong("subject", "must not contain line breaks or control characters");
        }
        subject
    }

    fn fields(&mut self) -> Vec<Field> {
        let headers = match self.members.get("headers") {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Object(headers)) if headers.len() <= EXTRA_FIELDS_MAX => headers,
            Some(_) => {
                self.wrong("headers", format!("must be an object with at most {EXTRA_FIELDS_MAX} members"));
                return Vec::new();
            }
        };
        let mut fields: Vec<Field> = Vec::with_capacity(headers.len());
        for (name, value) in headers {
            let checked = check_name(name).and_then(|()| {
                let value = value.as_str().ok_or_else(|| "must be a string".to_owned())?;
                check_value(name, value)?;
                if fields.iter().any(|known| known.name.eq_ignore_ascii_case(name)) {
                    return Err("is there twice".to_owned());
                }
                Ok(value)
            });
            match checked {
                Ok(value) => fields.push(Field { name: name.clone(), value: value.to_owned() }),
                Err(message) => {
                    let mut pointer = "headers".to_owned();
                    push_token(&mut pointer, name);
                    self.wrong(&pointer, message);
                }
            }
        }
        fields
    }

    /// Tags are kept with the event and say nothing to anybody else.
    fn check_tags(&mut self) {
        let tags = match self.members.get("tags") {
            None | Some(Value::Null) => return,
            Some(Value::Array(tags)) if tags.len() <= DIRECT_TAGS_MAX => tags,
            Some(_) => {
                return self.wrong("tags", format!("must be a list of at most {DIRECT_TAGS_MAX} tags"));
            }
        };
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        let is_label = |value: Option<&Value>| {
            value.and_then(Value::as_str).is_some_and(|text| {
                (1..=DIRECT_TAG_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed)
            })
        };
        for (n, tag) in tags.iter().enumerate() {
            let is_tag = tag.as_object().is_some_and(|tag| tag.len() == 2)
                && is_label(tag.get("name"))
                && is_label(tag.get("value"));
            if !is_tag {
                let message = format!(
                    "must be {{\"name\",\"value\"}}, each of 1 to {DIRECT_TAG_CHARS_MAX} letters, digits, - or _"
                );
                self.wrong(&format!("tags/{n}"), message);
            }
        }
    }
}
