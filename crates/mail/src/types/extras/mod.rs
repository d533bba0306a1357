//! What a message has beyond its words: further header fields, files, a link to unsubscribe.

mod files;
mod manifest;
mod pattern;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::problem::FieldError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::attachment_folder::{AttachmentError, AttachmentFolder};
use crate::mime::attachment::Attachment;
use crate::mime::field::{Field, check_value};
use crate::mime::header::one_line;
use crate::unsubscribe::Unsubscribe;

pub(super) use files::{FileSource, check as check_files};
pub(super) use manifest::{KEYS, parse};
pub(super) use pattern::{Path, Pattern};

/// What making a message needs of the machine it is made on.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    /// Where files lie that events name by their path.
    pub attachments: AttachmentFolder,
    /// Makes links to unsubscribe; needed for every category but `transactional`.
    pub unsubscribe: Option<Unsubscribe>,
}

/// A type's extras as its manifest says, and as a bundle stores them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Extras {
    /// Where answers go, if not where the sender's settings say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reply_to: Option<Pattern>,
    /// Names and values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) headers: Vec<(String, Pattern)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) attachments: Vec<FileSource>,
    /// The URL of the server, for the link to unsubscribe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unsubscribe: Option<String>,
}

/// Why a message's extras cannot be made. Never holds the event's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ExtrasError {
    /// One file, by its number.
    #[error("attachment {0}: {1}")]
    Attachment(usize, AttachmentError),
    /// There is nothing to sign with.
    #[error("no link to unsubscribe can be made in this process, and mail of this category must have one")]
    Unsubscribe,
}

impl ExtrasError {
    /// The stable name of the cause.
    pub(super) fn cause(self) -> &'static str {
        match self {
            Self::Attachment(_, AttachmentError::Missing | AttachmentError::NoFolder) => "attachment_missing",
            Self::Attachment(_, AttachmentError::Refused) => "attachment_refused",
            Self::Attachment(_, AttachmentError::TooLarge) => "attachment_too_large",
            Self::Unsubscribe => "unsubscribe_unavailable",
        }
    }
}

impl Extras {
    /// Whether a message has nothing of them.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Every path in the data that they read.
    pub(super) fn paths(&self) -> Vec<Path<'_>> {
        let patterns = self.reply_to.iter().chain(self.headers.iter().map(|(_, value)| value));
        patterns.flat_map(Pattern::paths).chain(self.attachments.iter().flat_map(FileSource::paths)).collect()
    }

    /// What of `data` cannot become part of a message. Pointers start at the top of the data.
    pub(super) fn check(&self, data: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if let Some((pattern, text)) = self.reply_to.as_ref().and_then(|it| Some((it, it.fill(data)?)))
            && let Err(error) = EmailAddress::parse(&text)
        {
            errors.push(FieldError::new(pattern.pointer(), error.to_string()));
        }
        for (name, pattern) in &self.headers {
            let wrong = pattern.fill(data).and_then(|value| check_value(name, &one_line(&value)).err());
            errors.extend(wrong.map(|message| {
                FieldError::new(pattern.pointer(), format!("{message} (for the header field {name})"))
            }));
        }
        files::check(&self.attachments, data, &mut errors);
        errors
    }

    /// Where answers to the message go, if the type says so.
    pub(super) fn reply_to(&self, data: &Value) -> Option<EmailAddress> {
        EmailAddress::parse(&self.reply_to.as_ref()?.fill(data)?).ok()
    }

    /// The header fields of the message of the notification `id`; `None` if somebody else than its recipient gets it, who
    /// must not unsubscribe the recipient.
    ///
    /// # Errors
    /// [`ExtrasError::Unsubscribe`].
    pub(super) fn fields(
        &self,
        data: &Value,
        id: Option<NotificationId>,
        resources: &Resources,
    ) -> Result<Vec<Field>, ExtrasError> {
        let field = |(name, pattern): &(String, Pattern)| {
            let value = one_line(&pattern.fill(data)?);
            check_value(name, &value).ok()?;
            Some(Field { name: name.clone(), value })
        };
        let mut fields: Vec<Field> = self.headers.iter().filter_map(field).collect();
        if let (Some(base), Some(id)) = (&self.unsubscribe, id) {
            let unsubscribe = resources.unsubscribe.as_ref().ok_or(ExtrasError::Unsubscribe)?;
            fields.extend(unsubscribe.fields(base, id));
        }
        Ok(fields)
    }

    /// The files that travel with the message.
    ///
    /// # Errors
    /// [`ExtrasError::Attachment`] with the first that cannot.
    pub(super) fn files(&self, data: &Value, resources: &Resources) -> Result<Vec<Attachment>, ExtrasError> {
        load_files(&self.attachments, data, resources)
    }
}

/// The attachments that `data` calls for, with their bytes.
///
/// # Errors
/// [`ExtrasError::Attachment`] with the first that cannot be attached.
pub(super) fn load_files(
    sources: &[FileSource],
    data: &Value,
    resources: &Resources,
) -> Result<Vec<Attachment>, ExtrasError> {
    files::load(sources, data, &resources.attachments).map_err(|(n, error)| ExtrasError::Attachment(n, error))
}
