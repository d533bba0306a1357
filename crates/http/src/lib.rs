//! Postrider over HTTP: the API, its description, health, metrics and the dashboard.

pub mod api;
mod body;
mod dashboard;
pub mod health;
pub mod idempotency;
pub mod metrics;
pub mod openapi;
mod problem;
pub mod server;
pub mod state;

pub use api::router;
pub use problem::{Problem, ProblemBody};
