//! A table in memory that behaves, counts and fails as the service does: for load, and for faults at every call.

mod faults;
mod store;
mod units;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

pub use faults::{Fault, Faults};

use crate::meter::Meter;
use crate::table::{
    Change, Consistency, Entry, Index, Item, Key, Page, Passing, Position, Query, Table, TableError, Write,
    Written,
};
use store::Store;

/// A table in memory. Durable as long as the value lives.
#[derive(Debug)]
pub struct FakeTable {
    name: String,
    meter: Meter,
    store: Mutex<Store>,
    faults: Mutex<Faults>,
}

impl Default for FakeTable {
    fn default() -> Self {
        Self::new("fake")
    }
}

impl FakeTable {
    /// An empty table without faults.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            meter: Meter::default(),
            store: Mutex::default(),
            faults: Mutex::new(Faults::none()),
        }
    }

    /// From now on, calls fail as `faults` says.
    pub fn set_faults(&self, faults: Faults) {
        *lock(&self.faults) = faults;
    }

    /// Every item there is, in the order of their keys.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        lock(&self.store).items().cloned().collect()
    }

    /// How many entries an index has.
    #[must_use]
    pub fn index_len(&self, index: Index) -> usize {
        lock(&self.store).index_len(index)
    }

    /// Reads, unless a fault comes before it.
    async fn reading<T>(&self, read: impl FnOnce(&Store, &Meter) -> T + Send) -> Result<T, TableError> {
        let fault = lock(&self.faults).next();
        // Whoever is stopped while it waits for the service is stopped here.
        tokio::task::yield_now().await;
        match fault {
            None | Some(Fault::Refused) => Ok(read(&lock(&self.store), &self.meter)),
            Some(fault) => Err(self.failure(fault)),
        }
    }

    /// Writes, and fails before or after it if a fault says so.
    async fn writing(&self, writes: &[Write], token: Option<&str>) -> Result<Written, TableError> {
        let fault = lock(&self.faults).next();
        tokio::task::yield_now().await;
        let written = match fault {
            Some(fault @ (Fault::Throttled | Fault::Conflict | Fault::Server)) => {
                return Err(self.failure(fault));
            }
            Some(Fault::Refused)
                if writes.iter().any(|write| write.condition != crate::table::Condition::None) =>
            {
                lock(&self.store).refuse(writes, &self.meter)
            }
            _ => lock(&self.store).write(writes, token, &self.meter)?,
        };
        tokio::task::yield_now().await;
        match fault {
            Some(fault @ (Fault::LostAnswer | Fault::ServerAfterwards)) => Err(self.failure(fault)),
            _ => Ok(written),
        }
    }

    fn failure(&self, fault: Fault) -> TableError {
        self.meter.add(&crate::meter::Consumed { requests: 1, ..crate::meter::Consumed::default() });
        TableError::Passing(match fault {
            Fault::Throttled => Passing::Throttled,
            Fault::Conflict => Passing::Conflict,
            Fault::Server | Fault::ServerAfterwards => Passing::Server,
            Fault::LostAnswer | Fault::Refused => Passing::Unanswered,
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Table for FakeTable {
    fn name(&self) -> &str {
        &self.name
    }

    fn meter(&self) -> &Meter {
        &self.meter
    }

    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, TableError> {
        self.reading(|store, meter| {
            let item = store.get(key).cloned();
            units::read(meter, consistency, [item.as_ref().map_or(0, Item::size)]);
            item
        })
        .await
    }

    async fn batch_get(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<(Vec<Item>, Vec<Key>), TableError> {
        check(!keys.is_empty() && keys.len() <= crate::table::BATCH_GET_MAX)?;
        self.reading(|store, meter| {
            units::read(meter, consistency, keys.iter().map(|key| store.get(key).map_or(0, Item::size)));
            (keys.iter().filter_map(|key| store.get(key).cloned()).collect(), Vec::new())
        })
        .await
    }

    async fn write(&self, write: &Write) -> Result<Written, TableError> {
        check_item(write)?;
        self.writing(std::slice::from_ref(write), None).await
    }

    async fn transact(&self, writes: &[Write], token: &str) -> Result<Written, TableError> {
        check(!writes.is_empty() && writes.len() <= crate::table::TRANSACT_MAX)?;
        let mut keys: Vec<_> = writes.iter().map(|write| write.change.key()).collect();
        keys.sort_unstable();
        check(keys.windows(2).all(|pair| pair[0] != pair[1]))?;
        writes.iter().try_for_each(check_item)?;
        self.writing(writes, Some(token)).await
    }

    async fn query(&self, query: &Query) -> Result<Page<Item>, TableError> {
        self.reading(|store, meter| {
            let page = store.walk_table(query);
            units::query(meter, Consistency::Strong, page.found.iter().map(Item::size).sum());
            page
        })
        .await
    }

    async fn query_index(&self, index: Index, query: &Query) -> Result<Page<Entry>, TableError> {
        self.reading(|store, meter| {
            let page = store.walk_index(index, query);
            units::query(meter, Consistency::Eventual, page.found.iter().map(units::entry_size).sum());
            page
        })
        .await
    }

    async fn count_index(
        &self,
        index: Index,
        query: &Query,
    ) -> Result<(usize, Option<Position>), TableError> {
        let page = self.query_index(index, query).await?;
        Ok((page.found.len(), page.next))
    }
}

/// Bytes an item may have.
const ITEM_BYTES_MAX: usize = 400 * 1024;

fn check_item(write: &Write) -> Result<(), TableError> {
    let key = write.change.key();
    let fits = match &write.change {
        Change::Put(item) => item.size() <= ITEM_BYTES_MAX,
        Change::Delete(_) => true,
    };
    check(fits && !key.pk.is_empty() && !key.sk.is_empty())
}

fn check(holds: bool) -> Result<(), TableError> {
    if holds {
        return Ok(());
    }
    Err(TableError::Refused {
        code: "ValidationException".to_owned(),
        what: "the table does not take what it was given",
        advice: "the request breaks a rule of the service",
    })
}
