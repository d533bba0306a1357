//! How often a key may ask: a token bucket each, which holds the requests of one second.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue};
use postrider_core::domain::id::ApiKeyId;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::API_KEYS_MAX;

/// Of a request, in the bucket's own measure: what one key gets in a millisecond at one request a second.
const REQUEST: u64 = 1_000;

/// The bucket of every key that has asked lately, and one for whoever asks while there are no keys.
#[derive(Debug)]
pub struct RateLimits {
    per_second: u32,
    buckets: Mutex<HashMap<Option<ApiKeyId>, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    level: u64,
    at: Timestamp,
}

/// What one key has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests a second.
    pub limit: u32,
    /// Requests that could follow at once.
    pub remaining: u64,
    /// Seconds until all of them can.
    pub reset_secs: u64,
    /// Whether this request is one too many.
    pub is_over: bool,
}

impl RateLimits {
    /// This many requests a second for each key, at least one.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        Self { per_second: per_second.max(1), buckets: Mutex::default() }
    }

    /// Counts a request of `key` at `now`.
    pub fn take(&self, key: Option<ApiKeyId>, now: Timestamp) -> Quota {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > API_KEYS_MAX {
            // A full bucket says no more than none.
            buckets.retain(|_, bucket| self.filled(*bucket, now).level < self.full());
        }
        let bucket = buckets.entry(key).or_insert(Bucket { level: self.full(), at: now });
        *bucket = self.filled(*bucket, now);
        let left = bucket.level.checked_sub(REQUEST);
        bucket.level = left.unwrap_or(bucket.level);
        let reset_ms = (self.full() - bucket.level).div_ceil(u64::from(self.per_second));
        Quota {
            limit: self.per_second,
            remaining: bucket.level / REQUEST,
            reset_secs: reset_ms.div_ceil(1_000),
            is_over: left.is_none(),
        }
    }

    fn full(&self) -> u64 {
        u64::from(self.per_second) * REQUEST
    }

    /// A clock that was set back fills nothing, and counts from there.
    fn filled(&self, bucket: Bucket, now: Timestamp) -> Bucket {
        let gained = now.ms_since(bucket.at).saturating_mul(u64::from(self.per_second));
        Bucket { level: bucket.level.saturating_add(gained).min(self.full()), at: now }
    }
}

impl Quota {
    /// Tells it in an answer's header, as the drafts of RateLimit header fields up to the sixth have it.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let told = [
            ("ratelimit-limit", u64::from(self.limit)),
            ("ratelimit-remaining", self.remaining),
            ("ratelimit-reset", self.reset_secs),
        ];
        for (name, value) in told {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + ms)
    }

    fn key(n: u128) -> Option<ApiKeyId> {
        Some(ApiKeyId::new(at(0), n))
    }

    #[test]
    fn a_second_holds_its_requests_and_they_come_back_one_by_one() {
        let limits = RateLimits::new(4);
        let remaining: Vec<_> =
            (0..5).map(|_| limits.take(key(1), at(0))).map(|q| (q.remaining, q.is_over)).collect();
        assert_eq!(remaining, [(3, false), (2, false), (1, false), (0, false), (0, true)]);
        assert!(limits.take(key(1), at(249)).is_over);
        assert!(!limits.take(key(1), at(250)).is_over);
        assert!(limits.take(key(1), at(250)).is_over);
        let quota = limits.take(key(1), at(60_000));
        assert_eq!((quota.limit, quota.remaining, quota.reset_secs), (4, 3, 1));
    }

    #[test]
    fn one_key_does_not_use_up_what_another_has() {
        let limits = RateLimits::new(1);
        for who in [key(1), key(2), None] {
            assert!(!limits.take(who, at(0)).is_over);
            assert!(limits.take(who, at(0)).is_over);
        }
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let limits = RateLimits::new(1);
        limits.take(key(1), at(3_600_000));
        assert!(limits.take(key(1), at(0)).is_over);
        assert!(!limits.take(key(1), at(1_000)).is_over);
    }

    #[test]
    fn keys_that_have_not_asked_for_a_while_take_no_memory() {
        let limits = RateLimits::new(1);
        for n in 0..10_000 {
            limits.take(key(n), at(i64::try_from(n).unwrap_or(0) * 100));
        }
        assert!(limits.buckets.lock().unwrap().len() <= API_KEYS_MAX + 1);
    }
}
