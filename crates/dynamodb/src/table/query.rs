//! Walks along one partition.

use super::item::Key;

/// The table's indexes. Each projects keys only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Index {
    /// Notifications by order, where the business key does not lead to them already.
    Order,
    /// Notifications by recipient.
    Recipient,
    /// Everything that is listed newest first.
    Time,
    /// What asks for something: waiting, on its way, unknown, dead letters.
    Due,
}

impl Index {
    /// Every index.
    pub const ALL: [Self; 4] = [Self::Order, Self::Recipient, Self::Time, Self::Due];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Recipient => "recipient",
            Self::Time => "time",
            Self::Due => "due",
        }
    }

    /// The attribute that is its partition key.
    #[must_use]
    pub fn partition_attribute(self) -> &'static str {
        match self {
            Self::Order => "o",
            Self::Recipient => "r",
            Self::Time => "t",
            Self::Due => "d",
        }
    }

    /// The attribute that is its sort key.
    #[must_use]
    pub fn sort_attribute(self) -> &'static str {
        match self {
            Self::Order | Self::Recipient | Self::Time => "i",
            Self::Due => "e",
        }
    }
}

/// A stretch of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Which partition.
    pub partition: Vec<u8>,
    /// The lowest sort key, itself included; `None` begins with the first.
    pub from: Option<Vec<u8>>,
    /// The highest sort key, itself included; `None` ends with the last.
    pub to: Option<Vec<u8>>,
    /// Lowest sort key first, or highest.
    pub forward: bool,
    /// How many at most, from 1. A page may be shorter and still have a next one.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<Position>,
}

impl Query {
    /// The first `limit` of a whole partition, lowest sort key first.
    #[must_use]
    pub fn forward(partition: impl Into<Vec<u8>>, limit: usize) -> Self {
        Self { partition: partition.into(), from: None, to: None, forward: true, limit, after: None }
    }

    /// The last `limit` of a whole partition, highest sort key first.
    #[must_use]
    pub fn backward(partition: impl Into<Vec<u8>>, limit: usize) -> Self {
        Self { forward: false, ..Self::forward(partition, limit) }
    }
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The sort key of the last one in what was walked along.
    pub sort: Vec<u8>,
    /// Its key in the table.
    pub key: Key,
}

/// What an index tells about an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key in the table.
    pub key: Key,
    /// Its sort key in the index.
    pub sort: Vec<u8>,
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What was found, in order.
    pub found: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Position>,
}
