//! What a call says.

use postrider_core::ports::webhooks::WebhookCall;
use serde::Serialize;

use crate::api::v1::view::{TimelineView, shown};

/// The body of a call, as Standard Webhooks lays it out.
#[derive(Serialize)]
struct Body {
    /// What happened: `notification.bounced`.
    #[serde(rename = "type")]
    event: &'static str,
    /// When; RFC 3339.
    timestamp: String,
    data: Data,
}

/// The notification once that had happened. Only what every try of the call tells alike: a receiver may get any of them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    id: String,
    event_id: String,
    #[serde(rename = "type")]
    notification_type: String,
    /// Null once the person was erased.
    to: Option<String>,
    order_id: Option<String>,
    status: &'static str,
    /// Why, where something is not well.
    cause: Option<String>,
    correlation_id: Option<String>,
    created_at: String,
    /// What happened, as it stands on the timeline.
    entry: TimelineView,
}

/// The body of `call` as JSON.
pub(super) fn of(call: &WebhookCall) -> serde_json::Result<Vec<u8>> {
    let notification = &call.notification;
    serde_json::to_vec(&Body {
        event: call.event.as_str(),
        timestamp: call.at.to_string(),
        data: Data {
            id: notification.id.to_string(),
            event_id: notification.event_id.to_string(),
            notification_type: notification.notification_type.clone(),
            to: shown(&notification.to),
            order_id: notification.order_id.clone(),
            status: call.status.as_str(),
            cause: call.entry.cause.as_ref().map(ToString::to_string),
            correlation_id: notification.correlation_id.clone(),
            created_at: notification.created_at.to_string(),
            entry: TimelineView::from(&call.entry),
        },
    })
}
