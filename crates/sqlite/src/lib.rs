//! The embedded ledger: one SQLite file, one thread that writes, a few connections that read.
//!
//! Steps are committed in groups, in the order in which they arrived, and each is answered only when the group's
//! write-ahead log has reached the disk. Every transition is decided by
//! [`Lifecycle::apply`](postrider_core::domain::lifecycle::Lifecycle::apply); the database only remembers.

mod checkpoint;
mod copy;
mod exceptional;
mod fault;
mod glance;
mod ledger;
mod lock;
mod opening;
mod queries;
mod readers;
mod rows;
mod schema;
mod steps;
mod unclear;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub use copy::{CopyError, CopyProgress, copy_ledger};
pub use glance::{Contents, Glance, glance};
pub use ledger::SqliteLedger;
pub use lock::Reservation;
pub use opening::{OpenError, has_secret};
pub use steps::RestoredHeld;
pub use verify::{Check, Finding, Look, Verified, check_copy, verify};
