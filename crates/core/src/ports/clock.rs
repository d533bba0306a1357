//! Time and chance, passed in.

use async_trait::async_trait;

use crate::domain::time::Timestamp;

/// Tells the time. Tests hold their own.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}

/// Lets time pass. Tests let it jump.
#[async_trait]
pub trait Pause: Send + Sync {
    /// Returns `ms` milliseconds later, or a little more.
    async fn pause(&self, ms: u64);
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
