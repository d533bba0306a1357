//! The functions as Lambda runs them, against an emulator of AWS: what is published to SNS, what SES is given, what the
//! API tells afterwards.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cost;
mod failing;
mod hold;
mod lambda_service;
mod orders;
mod publishing;
mod recovery;
mod stack;
