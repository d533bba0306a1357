//! Postrider over HTTP: the API, its description, health, metrics and the dashboard.

pub mod access;
pub mod api;
mod body;
pub mod calls;
mod dashboard;
mod extract;
pub mod feedback;
pub mod gate;
pub mod health;
pub mod idempotency;
pub mod metrics;
pub mod openapi;
mod problem;
pub mod reload;
mod remembered;
pub mod server;
pub mod sns;
pub mod state;
mod unsubscribe;
mod write_deadline;

pub use api::router;
pub use body::BodyRoom;
pub use problem::{Problem, ProblemBody};
