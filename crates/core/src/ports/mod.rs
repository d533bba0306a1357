//! What the core needs from the outside, as traits. Adapters implement them; the core never names an adapter.

pub mod catalog;
pub mod clock;
mod history;
pub mod ledger;
pub mod mailer;
