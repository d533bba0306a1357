//! Messages without a type: somebody else has written them, and Postrider sends them with the same guarantees.

mod message;

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

use crate::mime::message::{Mailbox, MessageParts, write};
use crate::render::plain_text;

use super::extras::{Resources, load_files};
use super::rendition::MessageError;
use super::sender::Sender;

/// The name under which such messages are listed, as if there were a type of that name. No type may have it.
pub(super) const NAME: &str = "email";

/// Raised whenever the same event would give other bytes than before.
const FORMAT: u32 = 1;

/// What is stored in place of templates: that there are none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DirectBundle {
    direct: u32,
}

impl DirectBundle {
    /// The bundle in `bytes`, if it is one and this version makes such messages.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|bundle: &Self| bundle.direct == FORMAT)
    }
}

/// What every such message is made of besides its event, with its id.
pub(super) fn rendition() -> (RenditionId, Vec<u8>) {
    let bytes = format!("{{\"direct\":{FORMAT}}}").into_bytes();
    (RenditionId(Fingerprint::of_parts(&[&bytes])), bytes)
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

/// The message to one recipient, without a signature.
pub(super) fn message(
    notification: &Notification,
    event: &StoredEvent,
    at: Timestamp,
    resources: &Resources,
) -> Result<Vec<u8>, MessageError> {
    let data: Value = serde_json::from_str(&event.data).map_err(|_| MessageError::Event)?;
    let message = message::read(&data, "").map_err(|_| MessageError::Event)?;
    let attachments = load_files(&message::files(), &data, resources)?;
    let of_recipient = |known: &&Mailbox| known.address == notification.to;
    let to_name = message.to.iter().find(of_recipient).and_then(|known| known.name.as_deref());
    let text = match (&message.text, &message.html) {
        (Some(text), _) => text.clone(),
        (None, html) => plain_text::from_html(html.as_deref().unwrap_or_default()),
    };
    let message = write(&MessageParts {
        id: notification.id,
        date: at,
        from: &message.from,
        reply_to: message.reply_to.as_ref(),
        to: &notification.to,
        to_name,
        language: None,
        subject: message.subject.trim(),
        text: &text,
        html: message.html.as_deref(),
        fields: &message.fields,
        attachments: &attachments,
    });
    if message.len() > MESSAGE_BYTES_MAX { Err(MessageError::TooLarge) } else { Ok(message) }
}
