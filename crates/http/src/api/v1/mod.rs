//! Version 1 of the API, one resource a file.

pub mod batch;
pub mod cost;
pub mod dead_letters;
pub mod emails;
pub mod events;
pub mod feedback;
pub mod feedback_messages;
pub mod interventions;
pub mod keys;
pub mod message;
pub mod notifications;
pub mod recipients;
pub mod stats;
pub mod suppressions;
pub mod suppressions_csv;
pub mod types;
pub mod view;
pub mod webhooks;
pub mod webhooks_fields;
pub mod webhooks_replay;
pub mod webhooks_view;

use postrider_core::domain::id::NotificationId;

use crate::Problem;

/// The notification id in a path; one that cannot exist is one that is not there.
pub(crate) fn parse_id(text: &str) -> Result<NotificationId, Problem> {
    text.parse().map_err(|_| no_such_notification(text))
}

/// 409 or 410: what is asked for was erased.
pub(crate) fn erased(id: &str, status: http::StatusCode) -> Problem {
    let detail = format!(
        "what {id} said was erased, because a person it told of was forgotten. It cannot be shown and is never sent again; \
         its order, its times and its statuses are still there"
    );
    Problem::new(status, "erased", detail)
}

fn no_such_notification(id: &str) -> Problem {
    let id: String = id.chars().filter(|c| !c.is_control()).take(64).collect();
    Problem::not_found("notification_not_found", format!("there is no notification {id}"))
}
