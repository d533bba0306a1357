//! What SES says about a message, in both of its formats: event publishing and the older notifications of an identity.
//!
//! One event becomes one [`Report`] for each recipient it names, and for nobody else. How the event came, over SNS or out
//! of SQS, does not matter here.

mod cause;
mod reports;
mod wire;

use postrider_core::domain::feedback::{Reference, Report};
use postrider_core::domain::id::NotificationId;
use postrider_core::limits::{PROVIDER_ID_BYTES_MAX, SES_EVENT_BYTES_MAX, SES_RECIPIENTS_MAX};

use wire::{Event, Mail};

/// The SES message tag that carries the notification's id: `X-SES-MESSAGE-TAGS: postrider-notification=ntf_…`, or
/// `EmailTags` of the API.
pub const TAG: &str = "postrider-notification";

/// One event as far as it concerns us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SesEvent {
    /// What kind of event it is.
    pub kind: EventKind,
    /// How to find the notification, most reliable first: our tag, our `Message-ID`, the id SES gave the message.
    pub references: Vec<Reference>,
    /// One report for each recipient named. Empty where SES only talks about itself.
    pub reports: Vec<Report>,
}

/// The kinds of events, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// SES took the message.
    Send,
    /// The recipient's server took it.
    Delivery,
    /// It came back.
    Bounce,
    /// The recipient called it spam, or took that back.
    Complaint,
    /// SES found a virus.
    Reject,
    /// SES could not make the message of its template.
    RenderingFailure,
    /// It is late.
    DeliveryDelay,
    /// It was opened.
    Open,
    /// A link was followed.
    Click,
    /// The recipient changed a preference that SES manages.
    Subscription,
    /// SES says that it will be talking here.
    Announcement,
    /// Unknown here.
    Other,
}

impl EventKind {
    /// The name in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Delivery => "delivery",
            Self::Bounce => "bounce",
            Self::Complaint => "complaint",
            Self::Reject => "reject",
            Self::RenderingFailure => "rendering_failure",
            Self::DeliveryDelay => "delivery_delay",
            Self::Open => "open",
            Self::Click => "click",
            Self::Subscription => "subscription",
            Self::Announcement => "announcement",
            Self::Other => "other",
        }
    }

    fn named(name: &str) -> Self {
        match name {
            "Send" => Self::Send,
            "Delivery" => Self::Delivery,
            "Bounce" => Self::Bounce,
            "Complaint" => Self::Complaint,
            "Reject" => Self::Reject,
            "Rendering Failure" | "RenderingFailure" => Self::RenderingFailure,
            "DeliveryDelay" => Self::DeliveryDelay,
            "Open" => Self::Open,
            "Click" => Self::Click,
            "Subscription" => Self::Subscription,
            "AmazonSnsSubscriptionSucceeded" => Self::Announcement,
            _ => Self::Other,
        }
    }
}

/// Why something is no SES event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEvent {
    /// Larger than SNS and SQS can carry.
    #[error("the event is larger than {SES_EVENT_BYTES_MAX} bytes, which SES never sends")]
    TooLarge,
    /// No JSON, or a member of the wrong type. The parser's words quote nothing of the event but names and positions.
    #[error("no SES event: {0}")]
    Json(String),
    /// A member is missing without which the event says nothing.
    #[error("no SES event: it has no `{0}`")]
    Missing(&'static str),
    /// More recipients than a message can have.
    #[error("the event names more than {SES_RECIPIENTS_MAX} recipients, which no SES message has")]
    TooManyRecipients,
    /// The message's id is longer than any that SES gives.
    #[error("the event's `mail.messageId` is empty or longer than {PROVIDER_ID_BYTES_MAX} bytes")]
    MessageId,
}

/// What SES publishes, in plain words, when a topic becomes an event destination.
const ANNOUNCEMENT: &[u8] = b"Successfully validated SNS topic for Amazon SES event publishing";

/// Reads one event.
///
/// Members that are unknown here are passed over; those that are needed must be there and of their type.
///
/// # Errors
/// Why it is no SES event.
pub fn read(event: &[u8]) -> Result<SesEvent, InvalidEvent> {
    if event.len() > SES_EVENT_BYTES_MAX {
        return Err(InvalidEvent::TooLarge);
    }
    let announcement =
        SesEvent { kind: EventKind::Announcement, references: Vec::new(), reports: Vec::new() };
    if event.trim_ascii_start().starts_with(ANNOUNCEMENT) {
        return Ok(announcement);
    }
    let event = std::str::from_utf8(event).map_err(|_| InvalidEvent::Json("not UTF-8".to_owned()))?;
    let parsed: Event = serde_json::from_str(event).map_err(|error| InvalidEvent::Json(describe(&error)))?;
    let name = parsed.event_type.as_deref().or(parsed.notification_type.as_deref());
    let name = name.ok_or(InvalidEvent::Missing("eventType"))?;
    let kind = EventKind::named(name);
    if kind == EventKind::Announcement {
        return Ok(announcement);
    }
    let mail = parsed.mail.as_ref().ok_or(InvalidEvent::Missing("mail"))?;
    if mail.message_id.is_empty() || mail.message_id.len() > PROVIDER_ID_BYTES_MAX {
        return Err(InvalidEvent::MessageId);
    }
    let reports = reports::of(kind, name, &parsed, mail, event)?;
    Ok(SesEvent { kind, references: references(mail), reports })
}

/// Serde's messages may quote a value of the wrong type, and values are addresses: only the place is told.
fn describe(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Syntax => "not valid JSON",
        serde_json::error::Category::Eof => "the JSON ends too early",
        serde_json::error::Category::Data => "a member is missing or not of its documented type",
        serde_json::error::Category::Io => "it cannot be read",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

fn references(mail: &Mail) -> Vec<Reference> {
    let tags = mail.tags.iter().flat_map(|tags| &tags.0).filter_map(|tag| tag.parse().ok());
    let header =
        |name: &Option<String>| name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("message-id"));
    let headers = mail.headers.iter().flatten().filter(|field| header(&field.name));
    let message_ids = headers
        .filter_map(|field| field.value.as_deref())
        .chain(mail.common_headers.as_ref().and_then(|common| common.message_id.as_deref()))
        .filter_map(NotificationId::from_message_id);
    let mut references: Vec<Reference> = Vec::with_capacity(2);
    for id in tags.take(1).chain(message_ids.take(2)) {
        let reference = Reference::Notification(id);
        if !references.contains(&reference) {
            references.push(reference);
        }
    }
    references.push(Reference::Provider(mail.message_id.clone()));
    references
}
