//! What Postrider's tests share: a clock held in the hand, a ledger in memory, the contract every ledger must keep,
//! an SMTP server and an HTTP endpoint that follow scripts, a private Postfix, a private Exim and an AWS on this machine.

pub mod api;
pub mod clock;
pub mod contract;
pub mod emulator;
pub mod exim;
pub mod faulty_ledger;
pub mod http_endpoint;
pub mod memory_ledger;
pub mod model;
pub mod postfix;
pub mod posting;
pub mod random;
pub mod ses_answers;
pub mod smtp_server;
