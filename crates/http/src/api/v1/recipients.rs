//! `DELETE /v1/recipients/{address}`: forgets a person.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use postrider_core::limits::ERASE_STEPS_MAX;
use postrider_core::use_cases::erase_recipient::{EraseError, EraseRecipient, Tally};
use serde::Serialize;
use utoipa::ToSchema;

use super::suppressions::parse_address;
use crate::Problem;
use crate::extract::Path;
use crate::problem::RETRY_AFTER_SECS;
use crate::state::Api;

/// Seconds after which to ask again while a sender has something of the person's, or somebody reads the log.
const IN_FLIGHT_SECS: u16 = 10;
/// The same where only the step was full.
const STEP_SECS: u16 = 1;

/// What one request has erased. Asking again counts what was left.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Erasure)]
pub struct ErasureView {
    /// Whether nothing is left. Otherwise ask again.
    done: bool,
    /// Notifications to the address that were erased.
    notifications: usize,
    /// Notifications that could still have left, those to others about the same events included. They never will.
    canceled: usize,
    /// Of those the ones to others: the merchant's copy, the other recipients of a message. At most 100 of them are named.
    canceled_for_others: Vec<String>,
    /// Events whose data was erased.
    events: usize,
    /// Messages that were removed from the outbox.
    captured: usize,
    /// Entries of the suppression list about the address. They go on stopping mail, as keyed hashes.
    suppressed: usize,
    /// Notifications that are being sent at this moment. They are erased by a request after their attempt is over.
    in_flight: Vec<String>,
    /// Whether the ledger's write-ahead log still has what was erased, because somebody reads it at this moment, such as a
    /// backup. A request after that clears it.
    log_in_use: bool,
}

impl From<Tally> for ErasureView {
    fn from(tally: Tally) -> Self {
        Self {
            done: tally.is_done(),
            notifications: tally.notifications,
            canceled: tally.canceled,
            canceled_for_others: tally.canceled_for_others.iter().map(ToString::to_string).collect(),
            events: tally.events,
            captured: tally.captured,
            suppressed: tally.suppressed,
            in_flight: tally.in_flight.iter().map(ToString::to_string).collect(),
            log_in_use: tally.in_use,
        }
    }
}

/// Forgets a person: everything that was or would have been written to an address, and what was told to others about the
/// same events. The suppression list goes on stopping mail to it, under a keyed hash.
///
/// What could still leave is canceled. Order numbers, statuses, times and causes stay, so that the same order again is still a
/// duplicate. Repeating is safe, and needed after a 202: something is being sent or the log is read at this moment, or there
/// was more than one request may do.
#[utoipa::path(delete, path = "/v1/recipients/{address}", tag = "suppressions",
    params(("address" = String, Path, description = "The address, however it is spelt.")),
    responses((status = 200, description = "Nothing is left, also where nothing was there.", body = ErasureView),
              (status = 202, description = "Something is left: ask again after `Retry-After`.", body = ErasureView),
              (status = 422, description = "`invalid_address`.", body = crate::ProblemBody),
              (status = 503, description = "`ledger_unavailable` or `outbox_unavailable`: not everything is erased. Repeating goes on.", body = crate::ProblemBody)))]
pub async fn erase(State(api): State<Api>, Path(address): Path<String>) -> Result<Response, Problem> {
    let address = parse_address(&address)?;
    let use_case =
        EraseRecipient { ledger: &*api.ledger, captured: api.captured.as_deref(), now: api.clock.now() };
    let tally = use_case.run(&address).await.map_err(interrupted)?;
    tracing::info!(
        notifications = tally.notifications,
        canceled = tally.canceled,
        in_flight = tally.in_flight.len(),
        log_in_use = tally.in_use,
        done = tally.is_done(),
        "a recipient was erased"
    );
    // What was canceled is told to endpoints.
    (api.wake_webhooks)();
    let wait = if tally.in_flight.is_empty() && !tally.in_use { STEP_SECS } else { IN_FLIGHT_SECS };
    let is_done = tally.is_done();
    let body = Json(ErasureView::from(tally));
    Ok(if is_done {
        body.into_response()
    } else {
        let again = [(header::RETRY_AFTER, HeaderValue::from(wait))];
        (StatusCode::ACCEPTED, again, body).into_response()
    })
}

fn interrupted(error: EraseError) -> Problem {
    let words = error.to_string();
    let (code, why) = match error {
        EraseError::Ledger(error) => {
            tracing::error!(%error, "an erasure was interrupted");
            ("ledger_unavailable", words)
        }
        EraseError::Captured { id, source } => {
            tracing::error!(notification_id = %id, error = %source, "an erasure was interrupted");
            ("outbox_unavailable", format!("{words}: {source}"))
        }
    };
    let detail = format!(
        "{why}. Not everything is erased; what is, stays so. Send the same request again: it goes on, at most \
         {ERASE_STEPS_MAX} notifications at a time"
    );
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(RETRY_AFTER_SECS)
}
