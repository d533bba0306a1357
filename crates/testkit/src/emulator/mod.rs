//! An AWS on this machine: the emulator in `emulator/`, accounts of it, and what runs functions as Lambda does.
//!
//! One emulator serves all tests of a run. A test takes an [`Account`] of its own, in which nothing of another test
//! exists: names can be plain, counters count only its calls, faults and SES's settings are its own.

mod account;
mod counters;
mod deployment;
mod faults;
mod http;
pub mod lambda;
mod mail;
mod queue;
mod server;
mod topic;

pub use account::{Account, REGION, Refusal, unique};
pub use counters::Counters;
pub use deployment::Deployment;
pub use faults::{Fault, FaultKind};
pub use mail::SentMail;
pub use queue::{Message, Queue};
pub use server::{endpoint, python};
pub use topic::{Delivery, Topic};
