//! The built program, from outside: drills that hurt it and measurements that compare it.
//!
//! Everything here talks to a real `postrider serve` process over HTTP and to real SMTP servers. What a drill promises
//! and what a measurement is bounded by is said in this crate's `README.md`.

pub mod drills;
pub mod end_to_end;
pub mod feedback;
pub mod http;
pub mod latency;
pub mod load;
pub mod machine;
pub mod order;
pub mod peer;
pub mod process;
pub mod records;
pub mod seed;
pub mod server;

/// What went wrong, in words for the person who runs the drill.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
