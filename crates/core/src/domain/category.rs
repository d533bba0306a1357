//! Why people get a message, in one word of the shop's own.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::limits::CATEGORY_CHARS_MAX;

/// The category of a notification type: `transactional`, or whatever the shop calls mail that a recipient may refuse
/// (`newsletter`, `review_request`). A recipient unsubscribes from one category at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Category(Cow<'static, str>);

impl Category {
    /// Part of something the recipient did: an order, a password reset. Nobody can unsubscribe from it.
    pub const TRANSACTIONAL: Self = Self(Cow::Borrowed("transactional"));

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is what a shop must be able to tell its customers.
    #[must_use]
    pub fn is_transactional(&self) -> bool {
        *self == Self::TRANSACTIONAL
    }
}

impl Default for Category {
    fn default() -> Self {
        Self::TRANSACTIONAL
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text names no category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {CATEGORY_CHARS_MAX} lower-case letters, digits, - or _")]
pub struct InvalidCategory;

impl FromStr for Category {
    type Err = InvalidCategory;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == Self::TRANSACTIONAL.as_str() {
            return Ok(Self::TRANSACTIONAL);
        }
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        let fits = (1..=CATEGORY_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed);
        if fits { Ok(Self(Cow::Owned(text.to_owned()))) } else { Err(InvalidCategory) }
    }
}
