//! Calls to other people's servers: webhooks as Standard Webhooks wants them, and the guarded HTTP client that makes them.
//!
//! `secret` and `signature` sign, `schedule` says when to try again, `judgement` what an answer means; all of them pure.
//! `client` calls, and reaches nothing but the public internet unless it is told otherwise.

pub mod client;
pub mod judgement;
pub mod schedule;
pub mod secret;
pub mod signature;

pub use client::{Answer, OutboundClient, OutboundConfig, OutboundError};
pub use judgement::{Judgement, judge};
pub use secret::{InvalidSecret, WebhookSecret};
pub use signature::{sign, signed_headers};
