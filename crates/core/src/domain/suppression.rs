//! Whom not to write to any more, and why.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::address::EmailAddress;
use super::category::Category;
use super::feedback::{Report, ReportKind};
use super::outcome::Cause;
use super::time::Timestamp;

type HmacSha256 = Hmac<Sha256>;

/// The secret under which addresses are kept once the person behind them asked to be forgotten, and with which return
/// paths are signed.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// From 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// HMAC-SHA-256 (RFC 2104) over `parts`, each preceded by its length; `purpose` keeps the uses of one secret apart.
    #[must_use]
    pub fn sign(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        self.hmac(purpose, parts).finalize().into_bytes().into()
    }

    /// Whether `signature` is the beginning of what [`Secret::sign`] gives, compared in constant time. The caller sees
    /// to it that it is long enough.
    #[must_use]
    pub fn verify(&self, purpose: &str, parts: &[&[u8]], signature: &[u8]) -> bool {
        self.hmac(purpose, parts).verify_truncated_left(signature).is_ok()
    }

    fn hmac(&self, purpose: &str, parts: &[&[u8]]) -> HmacSha256 {
        let Ok(mut hmac) = <HmacSha256 as hmac::Mac>::new_from_slice(&self.0) else {
            unreachable!("HMAC takes keys of any length (RFC 2104 §2)");
        };
        for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
            hmac.update(&(part.len() as u64).to_be_bytes());
            hmac.update(part);
        }
        hmac
    }
}

/// Names a recipient without naming the person: a keyed hash of the normalized address. Without the secret nobody can
/// tell whose it is, nor try addresses out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RecipientKey([u8; 16]);

impl RecipientKey {
    /// The key of `address`, however it is spelt.
    #[must_use]
    pub fn of(secret: &Secret, address: &EmailAddress) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&secret.sign("recipient", &[address.normalized().as_bytes()])[..16]);
        Self(key)
    }

    /// The stored form.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The key whose stored form is `bytes`.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

/// Why an address is on the list. The names are a public contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SuppressionReason {
    /// A hard bounce.
    HardBounce,
    /// A complaint.
    Complaint,
    /// Soft bounces, again and again.
    RepeatedSoftBounces,
    /// The recipient unsubscribed.
    Unsubscribed,
    /// A person put it there.
    Manual,
}

impl SuppressionReason {
    /// Every reason, in the order of its stored code.
    pub const ALL: [Self; 5] =
        [Self::HardBounce, Self::Complaint, Self::RepeatedSoftBounces, Self::Unsubscribed, Self::Manual];

    /// The public name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HardBounce => "hard_bounce",
            Self::Complaint => "complaint",
            Self::RepeatedSoftBounces => "soft_bounces",
            Self::Unsubscribed => "unsubscribed",
            Self::Manual => "manual",
        }
    }

    /// Which of two reasons outweighs the other.
    fn gravity(self) -> u8 {
        match self {
            Self::Complaint => 4,
            Self::HardBounce => 3,
            Self::Unsubscribed => 2,
            Self::Manual => 1,
            Self::RepeatedSoftBounces => 0,
        }
    }

    /// The cause a notification is suppressed with.
    #[must_use]
    pub fn cause(self) -> Cause {
        Cause::known(match self {
            Self::HardBounce => "suppressed_hard_bounce",
            Self::Complaint => "suppressed_complaint",
            Self::RepeatedSoftBounces => "suppressed_soft_bounces",
            Self::Unsubscribed => "suppressed_unsubscribed",
            Self::Manual => "suppressed_manual",
        })
    }
}

impl fmt::Display for SuppressionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of hard_bounce, complaint, soft_bounces, unsubscribed, manual")]
pub struct InvalidReason;

impl FromStr for SuppressionReason {
    type Err = InvalidReason;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or(InvalidReason)
    }
}

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Whom it is about.
    pub recipient: RecipientKey,
    /// The address; `None` once the person was erased.
    pub address: Option<EmailAddress>,
    /// The category of notification types it holds for; `None` means all.
    pub category: Option<String>,
    /// Why.
    pub reason: SuppressionReason,
    /// Who says so: `ses`, `dsn`, `arf`, `smtp`, `rule`, `api`, `import`, …
    pub source: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when; `None` means for good.
    pub expires_at: Option<Timestamp>,
}

impl Suppression {
    /// The entry that remains where this one is and `newer` comes, both for the same recipient and category: the
    /// graver reason, the longer term, the earlier beginning. Whichever comes first, the same remains. Where the person was
    /// erased, whoever puts the address there again brings it not back.
    #[must_use]
    pub fn merged(self, newer: Self, now: Timestamp) -> Self {
        if !self.holds(now) {
            return newer;
        }
        let since = self.since.min(newer.since);
        // For good outlasts every end.
        let lasts = |entry: &Self| entry.expires_at.map_or(i64::MAX, Timestamp::as_millis);
        let expires_at = if lasts(&newer) > lasts(&self) { newer.expires_at } else { self.expires_at };
        let is_erased = self.address.is_none();
        let is_graver = newer.reason.gravity() > self.reason.gravity();
        let (mut kept, other) = if is_graver { (newer, self) } else { (self, newer) };
        kept.expires_at = expires_at;
        kept.address = if is_erased { None } else { kept.address.or(other.address) };
        kept.since = since;
        kept
    }

    /// Whether it still holds at `now`.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it holds for mail of `category`.
    #[must_use]
    pub fn covers(&self, category: &Category) -> bool {
        self.category.as_deref().is_none_or(|own| own == category.as_str())
    }
}

/// When soft bounces add up to a suppression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoftBounceRule {
    /// Messages that bounced softly within `window_ms`; 0 switches the rule off.
    pub count: u32,
    /// The window, in milliseconds.
    pub window_ms: u64,
    /// How long the suppression lasts, in milliseconds.
    pub expiry_ms: u64,
}

impl Default for SoftBounceRule {
    /// Five within a fortnight suppress for thirty days.
    fn default() -> Self {
        const DAY_MS: u64 = 24 * 60 * 60 * 1000;
        Self { count: 5, window_ms: 14 * DAY_MS, expiry_ms: 30 * DAY_MS }
    }
}

/// What a report means for its recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Nothing.
    None,
    /// The address goes on the list, for good.
    Suppress(SuppressionReason),
    /// One more soft bounce to count by the [`SoftBounceRule`].
    CountSoftBounce,
}

/// What `report` means for its recipient. Class decides, never a bare code.
#[must_use]
pub fn consequence(report: &Report) -> Consequence {
    match report.kind {
        ReportKind::Complained => Consequence::Suppress(SuppressionReason::Complaint),
        ReportKind::Bounced(class) if class.condemns_address() => {
            Consequence::Suppress(SuppressionReason::HardBounce)
        }
        ReportKind::Bounced(class) | ReportKind::SoftBounced(class) if class.counts_as_soft() => {
            Consequence::CountSoftBounce
        }
        ReportKind::Accepted
        | ReportKind::Delivered
        | ReportKind::Bounced(_)
        | ReportKind::SoftBounced(_)
        | ReportKind::Delayed(_)
        | ReportKind::Rejected
        | ReportKind::RenderingFailed
        | ReportKind::Opened
        | ReportKind::Clicked
        | ReportKind::NotSpam
        | ReportKind::AutoReply
        | ReportKind::Other => Consequence::None,
    }
}
