//! What the ledger is told when it is opened.

use postrider_core::domain::time::Timestamp;

/// Over how many partitions each index is spread, unless the configuration says otherwise. One partition takes about
/// 1,000 write units a second, and a message needs at most two of one index: 500 messages a second for each partition.
pub const SHARDS: u8 = 2;

/// How the ledger uses its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamoConfig {
    /// The table's name.
    pub table: String,
    /// Where DynamoDB is, if not where the region says.
    pub endpoint_url: Option<String>,
    /// Over how many partitions each index is spread, from 1. May be raised later, never lowered: the table remembers
    /// the highest.
    pub shards: u8,
    /// What to do with large events.
    pub payload: PayloadPolicy,
    /// What is read at the opening, in the same request; `None` reads each when it is needed first.
    pub ahead: Option<Ahead>,
}

/// What a process that lives briefly will ask next: what the ledger knows of notification types, whether there are
/// endpoints to tell, and the record about money
/// ([`DynamoLedger::budget_at_opening`](crate::DynamoLedger::budget_at_opening)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// The notification types it will meet.
    pub types: Vec<String>,
    /// When the ledger is opened.
    pub now: Timestamp,
}

impl DynamoConfig {
    /// The usual use of the table `table`.
    #[must_use]
    pub fn new(table: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            endpoint_url: None,
            shards: SHARDS,
            payload: PayloadPolicy::Compress,
            ahead: None,
        }
    }
}

/// What to do with events that are large once they are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadPolicy {
    /// Keep them; those that would make a notification's item larger than one write unit in an item of their own.
    Compress,
    /// Keep those of up to this many bytes compressed, as [`PayloadPolicy::Compress`] does, and refuse the others.
    RefuseOver(usize),
}
