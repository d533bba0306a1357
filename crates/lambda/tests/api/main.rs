//! The API's own tests, which `serve` passes, over the function `api`: the same files, another home.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../../app/tests/api/bad_input.rs"]
mod bad_input;
#[path = "../../../app/tests/api/batch.rs"]
mod batch;
#[path = "../../../app/tests/api/cloud_events.rs"]
mod cloud_events;
#[path = "../../../app/tests/api/dashboard.rs"]
mod dashboard;
#[path = "../../../app/tests/api/events.rs"]
mod events;
#[path = "../../../app/tests/api/feedback.rs"]
mod feedback;
#[path = "../../../app/tests/api/idempotency.rs"]
mod idempotency;
#[path = "../../../app/tests/api/interventions.rs"]
mod interventions;
#[path = "../../../app/tests/api/listing.rs"]
mod listing;
#[path = "../../../app/tests/api/outcomes.rs"]
mod outcomes;
mod server;
mod starting;
#[path = "../../../app/tests/api/suppressions.rs"]
mod suppressions;
#[path = "../../../app/tests/api/types.rs"]
mod types;
#[path = "../../../app/tests/api/webhooks.rs"]
mod webhooks;
