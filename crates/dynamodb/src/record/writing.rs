//! A record as a body, and back.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::category::Category;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::id::{EventId, NotificationId};
use postrider_core::domain::lifecycle::Lifecycle;
use postrider_core::domain::notification::Notification;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::catalog::{RenditionId, SentCopy};

use super::fields::{read_cause, read_reported, write_reported};
use super::{Data, EventLabels, Record, pack, read_entries, unpack, write_entries};
use crate::codec::{Garbled, Reader, Writer};
use postrider_core::ports::codes::{priority_code, priority_from_code, status_code, status_from_code};

/// The format of a notification's body.
const FORMAT: u8 = 1;
/// What stands where an address was erased.
const ERASED: &str = "erased@erased.invalid";

impl Record {
    /// The body that says all this.
    pub(super) fn write(&self) -> Vec<u8> {
        let notification = &self.notification;
        let lifecycle = &notification.lifecycle;
        let base = notification.created_at;
        let mut body = Writer::of_format(FORMAT);
        body.fixed(&notification.id.to_bytes());
        body.instant(base, Timestamp::EPOCH);
        body.instant(notification.updated_at, base);
        body.optional(notification.send_at, |body, at| body.instant(at, base));
        body.byte(status_code(lifecycle.status));
        body.optional(lifecycle.due_at, |body, at| body.instant(at, base));
        body.number(u64::from(lifecycle.fence));
        body.number(u64::from(lifecycle.attempts));
        body.optional(lifecycle.cause.as_ref(), |body, cause| body.text(cause.as_str()));
        body.optional(lifecycle.reported.as_ref(), write_reported);
        body.byte(priority_code(notification.priority));
        body.fixed(&self.business_key);
        body.fixed(&self.data_fingerprint.to_bytes());
        body.optional(self.copy.as_ref(), |body, copy| write_copy(body, copy, base));
        body.number(u64::from(self.pieces));
        body.number(u64::from(self.moved));
        body.optional(self.moved_sent_at, |body, at| body.instant(at, base));
        body.bytes(&write_entries(&self.entries, base));
        match &self.constant {
            Some(packed) => {
                debug_assert!(
                    unpack(packed, "event").is_ok_and(|constant| constant == self.write_constant()),
                    "what never changes was changed"
                );
                body.fixed(packed);
            }
            None => body.fixed(&self.packed_constant()),
        }
        body.finish()
    }

    pub(super) fn packed_constant(&self) -> Vec<u8> {
        pack(&self.write_constant())
    }

    /// What never changes, and repeats itself: the order's number and the recipient stand in the event's data too.
    fn write_constant(&self) -> Vec<u8> {
        let notification = &self.notification;
        let text = |body: &mut Writer, text: &str| body.text(text);
        let mut body = Writer::default();
        body.text(&notification.notification_type);
        // Where the address was erased, one stands that parses: programs older than erasure can read it.
        body.text(if notification.to.is_erased() { ERASED } else { notification.to.as_str() });
        body.optional(notification.order_id.as_deref(), text);
        body.text(notification.event_id.as_str());
        body.optional(notification.correlation_id.as_deref(), text);
        body.optional(self.labels.source.as_deref(), text);
        body.text(&self.labels.event_type);
        body.optional(self.labels.locale.as_deref(), text);
        match &self.data {
            Data::Inline(data) => {
                body.byte(0);
                body.text(data);
            }
            Data::Apart(content) => {
                body.byte(1);
                body.fixed(&content.to_bytes());
            }
        }
        // At the end, and left out where it is the usual one, as in records older than categories.
        let erased = notification.lifecycle.erased;
        if !notification.category.is_transactional() || erased {
            body.text(notification.category.as_str());
        }
        if erased {
            body.byte(1);
        }
        body.finish()
    }

    /// What `body` says.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Garbled> {
        let mut body = Reader::of_format(body, FORMAT)?;
        let id = NotificationId::from_bytes(body.fixed("id")?);
        let base = body.instant(Timestamp::EPOCH, "time of acceptance")?;
        let updated_at = body.instant(base, "time of its last change")?;
        let send_at = body.optional("wished time", |body| body.instant(base, "wished time"))?;
        let lifecycle = Lifecycle {
            status: body.code("status", status_from_code)?,
            due_at: body.optional("due time", |body| body.instant(base, "due time"))?,
            fence: body.small("fence")?,
            attempts: body.small("attempts")?,
            cause: body.optional("cause", read_cause)?,
            reported: body.optional("reports", read_reported)?,
            erased: false,
        };
        let priority = body.code("priority", priority_from_code)?;
        let business_key = body.fixed("business key")?;
        let data_fingerprint = Fingerprint::from_bytes(body.fixed("fingerprint")?);
        let copy = body.optional("copy", |body| read_copy(body, base))?;
        let pieces = body.small("pieces of its timeline")?;
        let moved = body.small("entries in pieces")?;
        let moved_sent_at =
            body.optional("time it was sent", |body| body.instant(base, "time it was sent"))?;
        let entries = read_entries(body.bytes("timeline")?, base)?;

        let packed = body.rest();
        let constant = unpack(packed, "event")?;
        let mut body = Reader::new(&constant);
        let text = |body: &mut Reader<'_>| body.text("event").map(str::to_owned);
        let notification_type = text(&mut body)?;
        let to = EmailAddress::parse(body.text("recipient")?).map_err(|_| Garbled::Part("recipient"))?;
        let order_id = body.optional("order", text)?;
        let event_id = EventId::given(text(&mut body)?);
        let correlation_id = body.optional("correlation id", text)?;
        let labels = EventLabels {
            source: body.optional("source", text)?,
            event_type: text(&mut body)?,
            locale: body.optional("locale", text)?,
        };
        let data = match body.byte("data")? {
            0 => Data::Inline(text(&mut body)?),
            1 => Data::Apart(Fingerprint::from_bytes(body.fixed("data")?)),
            _ => return Err(Garbled::Part("data")),
        };
        let category = match body.rest() {
            [] => Category::TRANSACTIONAL,
            _ => body.text("category")?.parse().map_err(|_| Garbled::Part("category"))?,
        };
        let lifecycle = Lifecycle { erased: !body.rest().is_empty(), ..lifecycle };
        let to = if lifecycle.erased && to.as_str() == ERASED { EmailAddress::erased() } else { to };
        let notification = Notification {
            id,
            event_id,
            notification_type,
            to,
            order_id,
            correlation_id,
            priority,
            category,
            created_at: base,
            updated_at,
            send_at,
            lifecycle,
        };
        Ok(Self {
            notification,
            business_key,
            data_fingerprint,
            labels,
            data,
            copy,
            entries,
            pieces,
            moved,
            moved_sent_at,
            constant: Some(packed.to_vec()),
        })
    }
}

fn write_copy(body: &mut Writer, copy: &SentCopy, base: Timestamp) {
    body.fixed(&copy.rendition.0.to_bytes());
    body.instant(copy.composed_at, base);
    body.fixed(&copy.fingerprint.to_bytes());
    body.optional(copy.signature.as_deref(), Writer::text);
}

fn read_copy(body: &mut Reader<'_>, base: Timestamp) -> Result<SentCopy, Garbled> {
    Ok(SentCopy {
        rendition: RenditionId(Fingerprint::from_bytes(body.fixed("copy")?)),
        composed_at: body.instant(base, "copy")?,
        fingerprint: Fingerprint::from_bytes(body.fixed("copy")?),
        signature: body.optional("copy", |body| body.text("copy").map(str::to_owned))?,
    })
}
