//! The end-to-end measurement: orders in over HTTP, messages out over SMTP, and Postfix doing its part of the same.

pub mod full_ledger;
pub mod lookups;
pub mod report;
pub mod runs;
