//! Time and chance, passed in.

use crate::domain::time::Timestamp;

/// Tells the time. Tests hold their own.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}

/// A source of unpredictable numbers. Tests seed their own.
pub trait Random: Send + Sync {
    /// 64 bits that nobody can guess.
    fn next_u64(&self) -> u64;

    /// 128 bits that nobody can guess.
    fn next_u128(&self) -> u128 {
        (u128::from(self.next_u64()) << 64) | u128::from(self.next_u64())
    }
}
