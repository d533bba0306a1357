//! The port to one DynamoDB table: what the ledger asks of it, in the few forms it asks.
//!
//! Everything is an [`Item`] under a [`Key`]. Conditions are "must not be there" and "must still have this version"; every
//! write replaces a whole item. So there is nothing an implementation has to interpret, and the one in memory
//! ([`crate::fake`]) can behave as the service does.

mod error;
mod item;
mod query;

use async_trait::async_trait;

pub use error::{Passing, TableError};
pub use item::{Due, Indexed, Item, Key, WriteToken};
pub use query::{Entry, Index, Page, Position, Query};

use crate::meter::Meter;

/// Keys one [`Table::batch_get`] may ask for.
pub const BATCH_GET_MAX: usize = 100;
/// Writes one [`Table::transact`] may carry.
pub const TRANSACT_MAX: usize = 100;

/// How fresh a read must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Every write that was answered before is seen. Costs twice.
    Strong,
    /// May lag behind, usually by less than a second.
    Eventual,
}

/// What must hold of the item that is there for a write to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    None,
    /// There is none.
    Absent,
    /// It has this version.
    Version(u64),
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The item takes the place of what is there.
    Put(Box<Item>),
    /// Whatever is there goes.
    Delete(Key),
}

impl Change {
    /// Which item it is about.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Put(item) => &item.key,
            Self::Delete(key) => key,
        }
    }
}

/// One write with its condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The write.
    pub change: Change,
    /// What must hold for it.
    pub condition: Condition,
}

/// What a write came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is done, durably.
    Done,
    /// Conditions did not hold; nothing changed. At least one refusal.
    Refused(Vec<Refusal>),
}

/// One condition that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Of which item.
    pub key: Key,
    /// What is there instead; `None` if nothing is, or if the service did not say.
    pub found: Option<Box<Item>>,
}

/// One table.
///
/// A call is made once: whoever calls repeats it where that may help ([`TableError::Passing`]).
#[async_trait]
pub trait Table: Send + Sync {
    /// The table's name, for messages.
    fn name(&self) -> &str;

    /// What has been used so far.
    fn meter(&self) -> &Meter;

    /// The item under `key`.
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, TableError>;

    /// The items under `keys`, at most [`BATCH_GET_MAX`] and no key twice, in any order; those that are not there are
    /// left out. The second list names keys the service had no time for: ask for them again.
    async fn batch_get(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<(Vec<Item>, Vec<Key>), TableError>;

    /// Carries out one write, if its condition holds.
    async fn write(&self, write: &Write) -> Result<Written, TableError>;

    /// Carries out 1 to [`TRANSACT_MAX`] writes to different items, all or none. Costs twice. The same `token` within
    /// ten minutes names the same transaction: it is done once.
    async fn transact(&self, writes: &[Write], token: &str) -> Result<Written, TableError>;

    /// A stretch of one partition of the table, whole items in the order of their sort keys. Always fresh.
    async fn query(&self, query: &Query) -> Result<Page<Item>, TableError>;

    /// A stretch of one partition of an index: keys only, and may lag behind.
    async fn query_index(&self, index: Index, query: &Query) -> Result<Page<Entry>, TableError>;

    /// How many entries [`Table::query_index`] would find on one page, and where the next begins.
    async fn count_index(&self, index: Index, query: &Query)
    -> Result<(usize, Option<Position>), TableError>;
}
