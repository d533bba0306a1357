//! What Postrider's tests share: a clock held in the hand, a ledger in memory, the contract every ledger must keep,
//! an SMTP server that follows a script, and a private Postfix.

pub mod clock;
pub mod contract;
pub mod faulty_ledger;
pub mod memory_ledger;
pub mod postfix;
pub mod random;
pub mod smtp_server;
