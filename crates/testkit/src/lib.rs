//! What Postrider's tests share: a clock held in the hand, a ledger in memory, the contract every ledger must keep,
//! an SMTP server that follows a script, a private Postfix, a private Exim and an AWS on this machine.

pub mod clock;
pub mod contract;
pub mod emulator;
pub mod exim;
pub mod faulty_ledger;
pub mod memory_ledger;
pub mod postfix;
pub mod random;
pub mod smtp_server;
