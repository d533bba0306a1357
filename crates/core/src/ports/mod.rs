//! What the core needs from the outside, as traits. Adapters implement them; the core never names an adapter.

pub mod budget;
pub mod catalog;
pub mod clock;
pub mod codes;
pub mod erasure;
pub mod feedback;
mod history;
pub mod keys;
pub mod ledger;
pub mod mailer;
pub mod stats;
pub mod webhooks;
