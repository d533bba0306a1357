//! Items: keys, the attributes that indexes are made of, and one body.

use std::borrow::Cow;
use std::fmt;

use super::query::Index;

/// Names an item: partition key and sort key, both binary.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The partition key; never empty.
    pub pk: Vec<u8>,
    /// The sort key; never empty.
    pub sk: Vec<u8>,
}

impl Key {
    /// The key of these two parts.
    #[must_use]
    pub fn new(pk: impl Into<Vec<u8>>, sk: impl Into<Vec<u8>>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }
}

impl fmt::Display for Key {
    /// Hexadecimal, as the console shows no binary key readably either: `6e01…/6e`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in &self.pk {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("/")?;
        for byte in &self.sk {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Random bytes that name one write: whoever finds them in an item knows that the write was theirs.
pub type WriteToken = [u8; 8];

/// One item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its key. Attributes `pk` and `sk`.
    pub key: Key,
    /// Counts its writes from 1. Attribute `v`.
    pub version: u64,
    /// Names its last write. Attribute `w`.
    pub token: WriteToken,
    /// Where indexes show it.
    pub indexed: Indexed,
    /// What it is, in a word, for people and for readers of the stream. Attribute `s`.
    pub label: Option<Cow<'static, str>>,
    /// When the service may clear it away, in seconds since 1970; nobody else judges by it. Attribute `x`.
    pub expires_at: Option<u64>,
    /// What it says. Attribute `b`.
    pub body: Vec<u8>,
}

/// Where indexes show an item; each only if its partition is given.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Indexed {
    /// Partition of [`Index::Order`]. Attribute `o`.
    pub order: Option<Vec<u8>>,
    /// Partition of [`Index::Recipient`]. Attribute `r`.
    pub recipient: Option<Vec<u8>>,
    /// Partition of [`Index::Time`]. Attribute `t`.
    pub time: Option<Vec<u8>>,
    /// Sort key of those three. Attribute `i`.
    pub sort: Option<Vec<u8>>,
    /// Place in [`Index::Due`].
    pub due: Option<Due>,
}

/// A place in [`Index::Due`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Partition. Attribute `d`.
    pub partition: Vec<u8>,
    /// Sort key. Attribute `e`.
    pub sort: Vec<u8>,
}

impl Indexed {
    /// Partition and sort key under which `index` shows the item.
    #[must_use]
    pub fn place(&self, index: Index) -> Option<(&[u8], &[u8])> {
        match index {
            Index::Order => Some((self.order.as_deref()?, self.sort.as_deref()?)),
            Index::Recipient => Some((self.recipient.as_deref()?, self.sort.as_deref()?)),
            Index::Time => Some((self.time.as_deref()?, self.sort.as_deref()?)),
            Index::Due => self.due.as_ref().map(|due| (&*due.partition, &*due.sort)),
        }
    }
}

impl Item {
    /// Its size as the service counts it: names and values of all attributes.
    #[must_use]
    pub fn size(&self) -> usize {
        let optional = |name: usize, value: Option<usize>| value.map_or(0, |len| name + len);
        let bytes = |value: &Option<Vec<u8>>| value.as_ref().map(Vec::len);
        let indexed = &self.indexed;
        2 + self.key.pk.len()
            + 2
            + self.key.sk.len()
            + 1
            + number_size(self.version)
            + 1
            + self.token.len()
            + optional(1, bytes(&indexed.order))
            + optional(1, bytes(&indexed.recipient))
            + optional(1, bytes(&indexed.time))
            + optional(1, bytes(&indexed.sort))
            + optional(2, indexed.due.as_ref().map(|due| due.partition.len() + due.sort.len()))
            + optional(1, self.label.as_ref().map(|label| label.len()))
            + optional(1, self.expires_at.map(number_size))
            + 1
            + self.body.len()
    }
}

/// A number takes about a byte for two significant digits, and one more.
fn number_size(number: u64) -> usize {
    let significant = number.to_string().trim_end_matches('0').len().max(1);
    significant.div_ceil(2) + 1
}
