//! API keys: who may ask the API for what.

mod ring;
mod token;

use std::fmt;
use std::str::FromStr;

pub use ring::{KeyRing, Revocation};
pub use token::{KeyHash, KeyToken};

use super::id::ApiKeyId;
use super::time::Timestamp;

/// What a key lets its holder do. Each stands for itself: none includes another. The names are a public contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Hand in events and messages.
    Send,
    /// Look at everything.
    Read,
    /// Change everything: retry, cancel, suppress, redrive, webhooks, keys, …
    Manage,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Send, Self::Read, Self::Manage];

    /// The public name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Read => "read",
            Self::Manage => "manage",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Send => 1,
            Self::Read => 2,
            Self::Manage => 4,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of send, read, manage")]
pub struct InvalidScope;

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(InvalidScope)
    }
}

/// One scope or more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// All of them: what a key has unless somebody says otherwise.
    pub const ALL: Self = Self(7);

    /// These; `None` for none, because a key that may do nothing is a mistake.
    #[must_use]
    pub fn of(scopes: impl IntoIterator<Item = Scope>) -> Option<Self> {
        Self::from_bits(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }

    /// Whether `scope` is among them.
    #[must_use]
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }

    /// The stored form: one bit a scope. It never changes its meaning.
    #[must_use]
    pub fn to_bits(self) -> u8 {
        self.0
    }

    /// The scopes whose stored form is `bits`.
    #[must_use]
    pub fn from_bits(bits: u8) -> Option<Self> {
        (1..=Self::ALL.0).contains(&bits).then_some(Self(bits))
    }
}

impl fmt::Display for Scopes {
    /// With commas between them: `send,read`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is kept of a key. Its token is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its name for programs.
    pub id: ApiKeyId,
    /// Its name for people; at most [`crate::limits::API_KEY_NAME_CHARS_MAX`] characters, as the caller has checked. May
    /// be empty.
    pub name: String,
    /// What its holder may do.
    pub scopes: Scopes,
    /// What its token must hash to.
    pub hash: KeyHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it is good for nothing; `None` while it lives.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether it still opens anything.
    #[must_use]
    pub fn is_living(&self) -> bool {
        self.revoked_at.is_none()
    }
}
