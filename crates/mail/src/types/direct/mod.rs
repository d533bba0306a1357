//! Messages without a type: somebody else has written them, and Postrider sends them with the same guarantees.

mod message;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::category::Category;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::event::{Event, StoredEvent};
use postrider_core::domain::notification::{BusinessKey, Notification, PlannedNotification, Priority};
use postrider_core::domain::problem::FieldError;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::MESSAGE_BYTES_MAX;
use postrider_core::ports::catalog::{Rejection, RenditionId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::mime::header::one_line;
use crate::mime::message::{Mailbox, MessageParts, write};
use crate::render::plain_text;

use super::extras::{Resources, load_files};
use super::rendition::MessageError;
use super::sandbox::{Sandbox, StoredSandbox, marked, recipient};
use super::sender::Sender;

/// The name under which such messages are listed, as if there were a type of that name. No type may have it.
pub(super) const NAME: &str = "email";

/// Raised whenever the same event would give other bytes than before.
const FORMAT: u32 = 1;

/// What is stored in place of templates.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bundle {
    direct: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sandbox: Option<StoredSandbox>,
}

/// What makes such messages.
pub(super) struct Direct {
    /// Names the bundle.
    pub(super) id: RenditionId,
    /// The bundle's stored form.
    pub(super) bytes: Vec<u8>,
    sandbox: Option<Sandbox>,
}

impl Direct {
    /// Of a sender: only its sandbox counts, everything else is in the event.
    pub(super) fn new(sandbox: Option<&Sandbox>) -> Self {
        let bundle = Bundle { direct: FORMAT, sandbox: sandbox.map(Into::into) };
        let bytes = serde_json::to_vec(&bundle).unwrap_or_default();
        Self { id: RenditionId(Fingerprint::of_parts(&[&bytes])), bytes, sandbox: sandbox.cloned() }
    }

    /// From a bundle's stored form, if it is one of these and this version makes such messages.
    pub(super) fn restore(bytes: &[u8]) -> Option<Self> {
        let bundle: Bundle = serde_json::from_slice(bytes).ok()?;
        let sandbox = match &bundle.sandbox {
            Some(stored) => Some(stored.restore()?),
            None => None,
        };
        (bundle.direct == FORMAT).then(|| Self::new(sandbox.as_ref()))
    }

    /// Who gets what is meant for `to`; `None` if nobody does.
    pub(super) fn recipient<'a>(&'a self, to: &'a EmailAddress) -> Option<&'a EmailAddress> {
        recipient(self.sandbox.as_ref(), to)
    }

    /// The message to one recipient, without a signature.
    pub(super) fn message(
        &self,
        notification: &Notification,
        event: &StoredEvent,
        at: Timestamp,
        resources: &Resources,
    ) -> Result<Vec<u8>, MessageError> {
        let to = self.recipient(&notification.to).ok_or(MessageError::NotAllowed)?;
        let data: Value = serde_json::from_str(&event.data).map_err(|_| MessageError::Event)?;
        let message = message::read(&data, "").map_err(|_| MessageError::Event)?;
        let attachments = load_files(&message::files(), &data, resources)?;
        let of_recipient = |known: &&Mailbox| known.address == notification.to;
        let to_name = message.to.iter().find(of_recipient).and_then(|known| known.name.as_deref());
        let text = match (&message.text, &message.html) {
            (Some(text), _) => text.clone(),
            (None, html) => plain_text::from_html(html.as_deref().unwrap_or_default()),
        };
        let mut subject = message.subject.trim().to_owned();
        let mut fields = message.fields;
        if to != &notification.to {
            // Who stands in must not unsubscribe the recipient.
            fields.retain(|field| !field.name.to_ascii_lowercase().starts_with("list-unsubscribe"));
            subject = one_line(&marked(&subject, &notification.to));
        }
        let message = write(&MessageParts {
            id: notification.id,
            date: at,
            from: &message.from,
            reply_to: message.reply_to.as_ref(),
            to,
            to_name,
            language: None,
            subject: &subject,
            text: &text,
            html: message.html.as_deref(),
            fields: &fields,
            attachments: &attachments,
        });
        if message.len() > MESSAGE_BYTES_MAX { Err(MessageError::TooLarge) } else { Ok(message) }
    }
}

/// One notification for each recipient.
pub(super) fn plan(event: &Event, sender: &Sender) -> Result<Vec<PlannedNotification>, Rejection> {
    let prefix = event.pointers.data;
    let message = message::read(&event.data, prefix).map_err(Rejection::Invalid)?;
    let domain = message.from.address.domain();
    if !sender.may_use(domain) {
        let text = format!(
            "must be an address of {}: name further domains in sender.allowed_domains",
            sender.from.address.domain()
        );
        return Err(Rejection::Invalid(vec![FieldError::new(format!("{prefix}/from"), text)]));
    }
    let planned = message.to.iter().map(|recipient| {
        // One key for all of them would make the second recipient a duplicate of the first.
        let dedup = format!("{}\n{}", message.key, recipient.address.normalized());
        PlannedNotification {
            notification_type: NAME.to_owned(),
            to: recipient.address.clone(),
            order_id: None,
            business_key: BusinessKey::new(NAME, &dedup),
            priority: Priority::Normal,
            category: Category::TRANSACTIONAL,
        }
    });
    Ok(planned.collect())
}
