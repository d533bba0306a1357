//! DKIM signatures (RFC 6376), with RSA or Ed25519 keys (RFC 8463).

pub mod canonical;
pub mod key;
pub mod signature;

pub use key::{DkimKey, DkimKeyError};
