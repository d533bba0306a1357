//! What the product decides, as values and pure functions.

pub mod address;
pub mod api_key;
pub mod bounce;
pub mod budget;
pub mod category;
pub mod document;
pub mod event;
pub mod feedback;
pub mod guard;
pub mod id;
pub mod lifecycle;
pub mod mention;
pub mod money;
pub mod notification;
pub mod outcome;
pub mod problem;
pub mod retry;
pub mod status;
pub mod suppression;
pub mod time;
pub mod timeline;
pub mod webhook;
