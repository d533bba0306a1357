//! The real world in a temporary directory: a private Postfix, a sink behind it that counts what arrives, and a proxy
//! in front of it that breaks connections at the worst moments.

mod config;
mod instance;
mod port;
mod proxy;
mod sink;

#[cfg(test)]
mod tests;

pub use config::LocalDomain;
pub use instance::{Postfix, PostfixError};
pub use port::reserved_addr;
pub use proxy::{Fault, FaultProxy};
pub use sink::{Arrival, SmtpSink};
