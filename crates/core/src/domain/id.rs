//! Identifiers that sort by age and cannot be guessed.

use std::fmt;
use std::str::FromStr;

use super::notification::BusinessKey;
use super::suppression::Secret;
use super::time::Timestamp;

/// Crockford's base 32 in lower case: no `i`, `l`, `o`, `u`, so an id survives being read aloud.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TEXT_LEN: usize = 26;
const RANDOM_BITS: u32 = 80;
/// Bytes of an id that are not its time.
const KEY_BYTES: usize = RANDOM_BITS as usize / 8;

/// 48 bits of milliseconds followed by 80 random bits, as in a ULID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct SortableId(u128);

impl SortableId {
    fn new(now: Timestamp, random: u128) -> Self {
        let time = u128::from(now.as_millis().unsigned_abs()) & ((1 << 48) - 1);
        Self((time << RANDOM_BITS) | (random & ((1 << RANDOM_BITS) - 1)))
    }

    fn write(self, f: &mut fmt::Formatter<'_>, prefix: &str) -> fmt::Result {
        let mut text = [0u8; TEXT_LEN];
        let mut rest = self.0;
        for slot in text.iter_mut().rev() {
            *slot = ALPHABET[(rest & 31) as usize];
            rest >>= 5;
        }
        f.write_str(prefix)?;
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }

    fn parse(text: &str, prefix: &str) -> Option<Self> {
        let digits = text.strip_prefix(prefix)?;
        if digits.len() != TEXT_LEN {
            return None;
        }
        let mut value: u128 = 0;
        for byte in digits.bytes() {
            let digit = ALPHABET.iter().position(|known| *known == byte)?;
            value = value.checked_mul(32)?.checked_add(digit as u128)?;
        }
        Some(Self(value))
    }
}

/// The text is not an identifier of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {0}…")]
pub struct InvalidId(&'static str);

/// Names one notification: `ntf_` and 26 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NotificationId(SortableId);

impl NotificationId {
    const PREFIX: &'static str = "ntf_";

    /// A new id from the clock and at least 80 random bits.
    #[must_use]
    pub fn new(now: Timestamp, random: u128) -> Self {
        Self(SortableId::new(now, random))
    }

    /// The id of the notification that has `key`, accepted at `now`: the clock and 80 bits of a keyed hash. Nobody can
    /// guess it without the secret, and a ledger that cannot look a key up and store an id in one write finds both in
    /// one place.
    #[must_use]
    pub fn for_key(now: Timestamp, secret: &Secret, key: BusinessKey) -> Self {
        let mut random = [0; 16];
        random[6..].copy_from_slice(&secret.sign("notification", &[&key.to_bytes()])[..KEY_BYTES]);
        Self::new(now, u128::from_be_bytes(random))
    }

    /// The part that [`NotificationId::for_key`] makes of the business key: the same for every instant.
    #[must_use]
    pub fn key_part(self) -> [u8; KEY_BYTES] {
        let mut part = [0; KEY_BYTES];
        part.copy_from_slice(&self.to_bytes()[6..]);
        part
    }

    /// The id from which a `Message-ID` was made, `<ntf_…@domain>`; `None` if it is none of ours. The angle brackets may
    /// be missing, as they are in reports that took it apart.
    #[must_use]
    pub fn from_message_id(text: &str) -> Option<Self> {
        let text = text.trim();
        let bare = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
        bare.split_once('@')?.0.parse().ok()
    }

    /// Writes the id's 26 characters behind another prefix, for names made from it.
    pub(crate) fn write_as(self, f: &mut fmt::Formatter<'_>, prefix: &str) -> fmt::Result {
        self.0.write(f, prefix)
    }

    /// The sixteen bytes a ledger stores; they sort as the ids do.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.0.to_be_bytes()
    }

    /// The id whose stored form is `bytes`.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(SortableId(u128::from_be_bytes(bytes)))
    }
}

impl fmt::Display for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, Self::PREFIX)
    }
}

impl fmt::Debug for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for NotificationId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        SortableId::parse(text, Self::PREFIX).map(Self).ok_or(InvalidId(Self::PREFIX))
    }
}

/// Names one event: the sender's own `id` where it gave one, `evt_…` otherwise.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct EventId(String);

impl EventId {
    /// A generated id from the clock and at least 80 random bits.
    #[must_use]
    pub fn generate(now: Timestamp, random: u128) -> Self {
        struct Text(SortableId);
        impl fmt::Display for Text {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.write(f, "evt_")
            }
        }
        Self(Text(SortableId::new(now, random)).to_string())
    }

    /// The id an event came with. The caller has checked it with [`super::event::check_label`].
    #[must_use]
    pub fn given(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An id made from the clock and randomness: its prefix and 26 characters, sixteen bytes in a ledger.
macro_rules! sortable_id {
    ($(#[$meta:meta])* $name:ident, $prefix:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(SortableId);

        impl $name {
            const PREFIX: &'static str = $prefix;

            /// A new id from the clock and at least 80 random bits.
            #[must_use]
            pub fn new(now: Timestamp, random: u128) -> Self {
                Self(SortableId::new(now, random))
            }

            /// The sixteen bytes a ledger stores.
            #[must_use]
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.0.to_be_bytes()
            }

            /// The id whose stored form is `bytes`.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(SortableId(u128::from_be_bytes(bytes)))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.write(f, Self::PREFIX)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                SortableId::parse(text, Self::PREFIX).map(Self).ok_or(InvalidId(Self::PREFIX))
            }
        }
    };
}

sortable_id!(
    /// Names one endpoint that hears what becomes of notifications: `whk_` and 26 characters.
    WebhookId,
    "whk_"
);

sortable_id!(
    /// Names one API key: `key_` and 26 characters. No secret: the token begins with the same characters.
    ApiKeyId,
    "key_"
);

impl ApiKeyId {
    /// Writes the id's 26 characters behind another prefix.
    pub(crate) fn write_as(self, f: &mut fmt::Formatter<'_>, prefix: &str) -> fmt::Result {
        self.0.write(f, prefix)
    }

    /// The id behind its 26 characters alone.
    pub(crate) fn from_digits(digits: &str) -> Option<Self> {
        SortableId::parse(digits, "").map(Self)
    }
}
