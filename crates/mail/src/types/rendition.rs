//! What a message is made of besides its event, and making the message.

use std::collections::BTreeMap;
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
use crate::render::wrap::wrap;

use super::conventions::Conventions;
use super::direct::Direct;
use super::extras::{Extras, ExtrasError, Resources};
use super::sandbox::{CAUSE_NOT_ALLOWED, Sandbox, StoredSandbox, marked, recipient};
use super::sender::Sender;

/// Raised whenever the same bundle would give other bytes than before: a filter, the engine or the message format
/// changed. Old messages then say that this version cannot show them instead of showing something else.
///
/// Format 1 knew neither locales nor a theme, and did not wrap text; its messages can still be made.
const FORMAT: u32 = 2;

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
    /// The locale of its words; none in format 1.
    #[serde(default)]
    pub(super) locale: Option<String>,
    #[serde(default)]
    pub(super) theme: BTreeMap<String, String>,
    /// Left out where there are none, as in bundles older than they are.
    #[serde(default, skip_serializing_if = "Extras::is_empty")]
    pub(super) extras: Extras,
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

/// What a new bundle is made of.
pub(super) struct Templated {
    pub(super) to_name: Option<String>,
    pub(super) subject: String,
    pub(super) html: String,
    pub(super) text: Option<String>,
    pub(super) locale: String,
    pub(super) theme: BTreeMap<String, String>,
}

impl Bundle {
    /// A bundle of today's format.
    pub(super) fn new(parts: Templated, sender: &Sender) -> Self {
        Self {
            format: FORMAT,
            to_name: parts.to_name,
            subject: parts.subject,
            html: parts.html,
            text: parts.text,
            from: (&sender.from).into(),
            reply_to: sender.reply_to.as_ref().map(Into::into),
            locale: Some(parts.locale),
            theme: parts.theme,
            extras: Extras::default(),
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
    /// None in format 1.
    conventions: Option<Conventions>,
    extras: Extras,
    sandbox: Option<Sandbox>,
}

/// A message's three texts, and their language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rendered {
    pub(super) subject: String,
    pub(super) html: String,
    pub(super) text: String,
    /// `Content-Language`; none in format 1.
    pub(super) language: Option<String>,
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
        let conventions = match bundle.locale.as_deref().map(Conventions::of) {
            Some(None) => return Err(BundleError::Unreadable),
            Some(conventions) => conventions,
            None => None,
        };
        let facts = SenderFacts::of(&from, reply_to.as_ref());
        let templates = Templates::compile(sources, &facts, &bundle.theme)
            .map_err(|(slot, error)| BundleError::Template(slot, error))?;
        let bytes = serde_json::to_vec(bundle).map_err(|_| BundleError::Unreadable)?;
        let id = RenditionId(Fingerprint::of_parts(&[&bytes]));
        let extras = bundle.extras.clone();
        Ok(Self { id, bytes, templates, to_name, from, reply_to, conventions, extras, sandbox })
    }

    /// The subject and both bodies for `data`, as the locale asked for writes numbers and dates.
    pub(super) fn render(&self, data: &Value, locale: Option<&str>) -> Result<Rendered, (Slot, RenderError)> {
        let formats = self.conventions.as_ref().map(|conventions| conventions.for_locale(locale));
        let context = self.templates.context(data, formats.as_ref());
        let render = |slot| self.templates.render(slot, context.clone()).map_err(|error| (slot, error));
        let subject = one_line(&render(Slot::Subject)?);
        let html = render(Slot::Html)?;
        let text = if !self.templates.has(Slot::Text) {
            plain_text::from_html(&html)
        } else if formats.is_some() {
            wrap(&render(Slot::Text)?)
        } else {
            render(Slot::Text)?
        };
        let language = formats.map(|formats| formats.tag().to_owned());
        Ok(Rendered { subject, html, text, language })
    }

    /// The recipient's display name for `data`.
    pub(super) fn recipient_name(&self, data: &Value) -> Result<Option<String>, ExpressionError> {
        self.to_name.as_ref().map(|name| name.evaluate(data, &self.templates)).transpose()
    }

    /// Who gets what is meant for `to`; `None` if nobody does.
    pub(super) fn recipient<'a>(&'a self, to: &'a EmailAddress) -> Option<&'a EmailAddress> {
        recipient(self.sandbox.as_ref(), to)
    }

    /// The message without a signature.
    pub(super) fn message(
        &self,
        notification: &Notification,
        event: &StoredEvent,
        at: Timestamp,
        resources: &Resources,
    ) -> Result<Vec<u8>, MessageError> {
        let to = self.recipient(&notification.to).ok_or(MessageError::NotAllowed)?;
        let data: Value = serde_json::from_str(&event.data).map_err(|_| MessageError::Event)?;
        let to_name = self.recipient_name(&data).map_err(|error| MessageError::Name(error.to_string()))?;
        let mut rendered =
            self.render(&data, event.locale.as_deref()).map_err(|(_, error)| MessageError::Render(error))?;
        if to != &notification.to {
            rendered.subject = one_line(&marked(&rendered.subject, &notification.to));
        }
        let fields =
            self.extras.fields(&data, (to == &notification.to).then_some(notification.id), resources)?;
        let attachments = self.extras.files(&data, resources)?;
        let own_reply_to = self.extras.reply_to(&data).map(|address| Mailbox { name: None, address });
        let message = write(&MessageParts {
            id: notification.id,
            date: at,
            from: &self.from,
            reply_to: own_reply_to.as_ref().or(self.reply_to.as_ref()),
            to,
            to_name: to_name.as_deref(),
            language: rendered.language.as_deref(),
            subject: &rendered.subject,
            text: &rendered.text,
            html: Some(&rendered.html),
            fields: &fields,
            attachments: &attachments,
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
    /// A file or a header field cannot be made.
    Extras(ExtrasError),
    /// The message is beyond its bound.
    TooLarge,
}

impl From<ExtrasError> for MessageError {
    fn from(error: ExtrasError) -> Self {
        Self::Extras(error)
    }
}

impl MessageError {
    /// The stable name of the cause.
    pub(super) fn cause(&self) -> &'static str {
        match self {
            Self::NotAllowed => CAUSE_NOT_ALLOWED,
            Self::Extras(error) => error.cause(),
            _ if self.is_too_large() => "render_too_large",
            _ => "render_failed",
        }
    }

    /// Whether a bound was reached.
    fn is_too_large(&self) -> bool {
        match self {
            Self::TooLarge => true,
            Self::Render(error) => error.too_large,
            Self::NotAllowed | Self::Event | Self::Name(_) | Self::Extras(_) => false,
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
            Self::Extras(error) => write!(f, "{error}"),
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
        "the message made again differs from the one that was sent; its event, its rendition or a file it carries was changed"
    )]
    Differs,
}

/// Rebuilds a sent message, byte for byte, from the bundle stored under `copy.rendition`. The files it carries are read
/// again, where events named them by their path.
///
/// # Errors
/// [`RecomposeError`]; a message that is not exactly the one that was sent is never returned.
pub fn recompose(
    bundle: &[u8],
    notification: &Notification,
    event: &StoredEvent,
    copy: &SentCopy,
    resources: &Resources,
) -> Result<Vec<u8>, RecomposeError> {
    if RenditionId(Fingerprint::of_parts(&[bundle])) != copy.rendition {
        return Err(RecomposeError::OtherRendition);
    }
    let unsigned = match Direct::restore(bundle) {
        Some(direct) => direct.message(notification, event, copy.composed_at, resources),
        None => templated(bundle)?.message(notification, event, copy.composed_at, resources),
    };
    let unsigned = unsigned.map_err(|error| RecomposeError::Render(error.to_string()))?;
    let message = with_signature(copy.signature.as_deref(), unsigned);
    if Fingerprint::of_parts(&[&message]) == copy.fingerprint {
        Ok(message)
    } else {
        Err(RecomposeError::Differs)
    }
}

/// The templates in a stored bundle.
fn templated(bundle: &[u8]) -> Result<Rendition, RecomposeError> {
    let bundle: Bundle = serde_json::from_slice(bundle).map_err(|_| RecomposeError::Unreadable)?;
    if !(1..=FORMAT).contains(&bundle.format) {
        return Err(RecomposeError::Unreadable);
    }
    Rendition::compile(&bundle, Vec::new()).map_err(|_| RecomposeError::Unreadable)
}

/// The message with its `DKIM-Signature` field, if any, before its first field.
pub(super) fn with_signature(signature: Option<&str>, unsigned: Vec<u8>) -> Vec<u8> {
    match signature {
        Some(field) => [field.as_bytes(), &unsigned].concat(),
        None => unsigned,
    }
}
