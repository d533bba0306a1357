//! What a message is made of besides its event, and making the message.

use std::fmt;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::event::StoredEvent;
use postrider_core::domain::notification::Notification;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::MESSAGE_BYTES_MAX;
use postrider_core::ports::catalog::{RenditionId, SentCopy};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::mime::header::one_line;
use crate::mime::message::{Mailbox, MessageParts, write};
use crate::render::expression::{Expression, ExpressionError};
use crate::render::plain_text;
use crate::render::templates::{RenderError, SenderFacts, Slot, Templates};

use super::sandbox::{Sandbox, StoredSandbox, Way, marked};
use super::sender::Sender;

/// Raised whenever the same bundle would give other bytes than before: a filter, the engine or the message format
/// changed. Old messages then say that this version cannot show them instead of showing something else.
const FORMAT: u32 = 1;

/// A rendition as it is stored: JSON, everything a message depends on besides its event and its date.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bundle {
    format: u32,
    pub(super) to_name: Option<String>,
    pub(super) subject: String,
    pub(super) html: String,
    pub(super) text: Option<String>,
    pub(super) from: StoredMailbox,
    pub(super) reply_to: Option<StoredMailbox>,
    /// Left out where there is none, so that renditions from before there were any keep their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sandbox: Option<StoredSandbox>,
}

/// A mailbox as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredMailbox {
    name: Option<String>,
    address: String,
}

impl From<&Mailbox> for StoredMailbox {
    fn from(mailbox: &Mailbox) -> Self {
        Self { name: mailbox.name.clone(), address: mailbox.address.as_str().to_owned() }
    }
}

impl StoredMailbox {
    fn restore(&self) -> Option<Mailbox> {
        let address = EmailAddress::parse(&self.address).ok()?;
        Some(Mailbox { name: self.name.clone(), address })
    }
}

impl Bundle {
    pub(super) fn new(
        to_name: Option<String>,
        subject: String,
        html: String,
        text: Option<String>,
        sender: &Sender,
    ) -> Self {
        Self {
            format: FORMAT,
            to_name,
            subject,
            html,
            text,
            from: (&sender.from).into(),
            reply_to: sender.reply_to.as_ref().map(Into::into),
            sandbox: sender.sandbox.as_ref().map(Into::into),
        }
    }
}

/// A bundle compiled: what makes messages.
pub(super) struct Rendition {
    /// Names the bundle.
    pub(super) id: RenditionId,
    /// The bundle's stored form.
    pub(super) bytes: Vec<u8>,
    pub(super) templates: Templates,
    pub(super) to_name: Option<Expression>,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    sandbox: Option<Sandbox>,
}

/// A message's three texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rendered {
    pub(super) subject: String,
    pub(super) html: String,
    pub(super) text: String,
}

/// Why a bundle does not compile: a template of it, or its format.
#[derive(Debug)]
pub(super) enum BundleError {
    Template(Slot, RenderError),
    Unreadable,
}

impl Rendition {
    /// Compiles `bundle`, with `extra` templates beside it that do not shape the message.
    pub(super) fn compile(bundle: &Bundle, extra: Vec<(Slot, String)>) -> Result<Self, BundleError> {
        let from = bundle.from.restore().ok_or(BundleError::Unreadable)?;
        let reply_to = match &bundle.reply_to {
            Some(mailbox) => Some(mailbox.restore().ok_or(BundleError::Unreadable)?),
            None => None,
        };
        let sandbox = match &bundle.sandbox {
            Some(sandbox) => Some(sandbox.restore().ok_or(BundleError::Unreadable)?),
            None => None,
        };
        let to_name = bundle.to_name.as_deref().map(|source| Expression::parse(source, Slot::ToName));
        let mut sources = extra;
        sources.push((Slot::Subject, bundle.subject.clone()));
        sources.push((Slot::Html, bundle.html.clone()));
        sources.extend(bundle.text.clone().map(|text| (Slot::Text, text)));
        if let (Some(Expression::Template(slot)), Some(source)) = (&to_name, &bundle.to_name) {
            sources.push((*slot, format!("{{{{ {source} }}}}")));
        }
        let facts = SenderFacts::of(&from, reply_to.as_ref());
        let templates = Templates::compile(sources, &facts)
            .map_err(|(slot, error)| BundleError::Template(slot, error))?;
        let bytes = serde_json::to_vec(bundle).map_err(|_| BundleError::Unreadable)?;
        let id = RenditionId(Fingerprint::of_parts(&[&bytes]));
        Ok(Self { id, bytes, templates, to_name, from, reply_to, sandbox })
    }

    /// The subject and both bodies for `data`.
    pub(super) fn render(&self, data: &Value) -> Result<Rendered, (Slot, RenderError)> {
        let context = self.templates.context(data);
        let render = |slot| self.templates.render(slot, context.clone()).map_err(|error| (slot, error));
        let subject = one_line(&render(Slot::Subject)?);
        let html = render(Slot::Html)?;
        let text =
            if self.templates.has(Slot::Text) { render(Slot::Text)? } else { plain_text::from_html(&html) };
        Ok(Rendered { subject, html, text })
    }

    /// The recipient's display name for `data`.
    pub(super) fn recipient_name(&self, data: &Value) -> Result<Option<String>, ExpressionError> {
        self.to_name.as_ref().map(|name| name.evaluate(data, &self.templates)).transpose()
    }

    /// Who gets what is meant for `to`; `None` if nobody does.
    pub(super) fn recipient<'a>(&'a self, to: &'a EmailAddress) -> Option<&'a EmailAddress> {
        match self.sandbox.as_ref().map_or(Way::Own, |sandbox| sandbox.way(to)) {
            Way::Own => Some(to),
            Way::Redirected(address) => Some(address),
            Way::Nowhere => None,
        }
    }

    /// The message without a signature.
    pub(super) fn message(
        &self,
        notification: &Notification,
        event: &StoredEvent,
        at: Timestamp,
    ) -> Result<Vec<u8>, MessageError> {
        let to = self.recipient(&notification.to).ok_or(MessageError::NotAllowed)?;
        let data: Value = serde_json::from_str(&event.data).map_err(|_| MessageError::Event)?;
        let to_name = self.recipient_name(&data).map_err(|error| MessageError::Name(error.to_string()))?;
        let mut rendered = self.render(&data).map_err(|(_, error)| MessageError::Render(error))?;
        if to != &notification.to {
            rendered.subject = one_line(&marked(&rendered.subject, &notification.to));
        }
        let message = write(&MessageParts {
            id: notification.id,
            date: at,
            from: &self.from,
            reply_to: self.reply_to.as_ref(),
            to,
            to_name: to_name.as_deref(),
            subject: &rendered.subject,
            text: &rendered.text,
            html: &rendered.html,
        });
        if message.len() > MESSAGE_BYTES_MAX { Err(MessageError::TooLarge) } else { Ok(message) }
    }
}

/// Why a message could not be made. Never holds the event's contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MessageError {
    /// A sandbox lets nobody have it.
    NotAllowed,
    /// The stored event is not JSON.
    Event,
    /// `to_name` has no value.
    Name(String),
    /// A template failed.
    Render(RenderError),
    /// The message is beyond its bound.
    TooLarge,
}

impl MessageError {
    /// Whether a bound was reached.
    pub(super) fn is_too_large(&self) -> bool {
        match self {
            Self::TooLarge => true,
            Self::Render(error) => error.too_large,
            Self::NotAllowed | Self::Event | Self::Name(_) => false,
        }
    }
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAllowed => f.write_str(
                "the sandbox lets nobody have this message: add its recipient to sandbox.allow, or set \
                 sandbox.redirect_to, or switch the sandbox off, and redrive",
            ),
            Self::Event => f.write_str("the stored event is not valid JSON"),
            Self::Name(words) => write!(f, "the recipient's name (to_name) {words}"),
            Self::Render(error) => write!(f, "{error}"),
            Self::TooLarge => write!(f, "the message is longer than {MESSAGE_BYTES_MAX} bytes"),
        }
    }
}

/// Why a sent message cannot be shown again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecomposeError {
    /// The bundle is damaged or was written by another version.
    #[error("the stored rendition cannot be read by this version; use the version that sent the message")]
    Unreadable,
    /// The bundle is not the one the copy names.
    #[error("the stored rendition is not the one this message was made of")]
    OtherRendition,
    /// The templates no longer render.
    #[error("the message cannot be rendered again: {0}")]
    Render(String),
    /// Rendered, but not to the bytes that were sent.
    #[error(
        "the message rendered again differs from the one that was sent; its event or rendition was changed"
    )]
    Differs,
}

/// Rebuilds a sent message, byte for byte, from the bundle stored under `copy.rendition`.
///
/// # Errors
/// [`RecomposeError`]; a message that is not exactly the one that was sent is never returned.
pub fn recompose(
    bundle: &[u8],
    notification: &Notification,
    event: &StoredEvent,
    copy: &SentCopy,
) -> Result<Vec<u8>, RecomposeError> {
    if RenditionId(Fingerprint::of_parts(&[bundle])) != copy.rendition {
        return Err(RecomposeError::OtherRendition);
    }
    let bundle: Bundle = serde_json::from_slice(bundle).map_err(|_| RecomposeError::Unreadable)?;
    if bundle.format != FORMAT {
        return Err(RecomposeError::Unreadable);
    }
    let rendition = Rendition::compile(&bundle, Vec::new()).map_err(|_| RecomposeError::Unreadable)?;
    let unsigned = rendition
        .message(notification, event, copy.composed_at)
        .map_err(|error| RecomposeError::Render(error.to_string()))?;
    let message = with_signature(copy.signature.as_deref(), unsigned);
    if Fingerprint::of_parts(&[&message]) == copy.fingerprint {
        Ok(message)
    } else {
        Err(RecomposeError::Differs)
    }
}

/// The message with its `DKIM-Signature` field, if any, before its first field.
pub(super) fn with_signature(signature: Option<&str>, unsigned: Vec<u8>) -> Vec<u8> {
    match signature {
        Some(field) => [field.as_bytes(), &unsigned].concat(),
        None => unsigned,
    }
}
