//! What the table's use costs, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::table::Index;

/// Counts requests and capacity units. Shared, and only ever rises.
#[derive(Debug, Default)]
pub struct Meter {
    requests: AtomicU64,
    read_half_units: AtomicU64,
    table_write_units: AtomicU64,
    index_write_units: [AtomicU64; Index::ALL.len()],
}

/// A reading of a [`Meter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Consumed {
    /// Calls that reached the service.
    pub requests: u64,
    /// Read units, in halves: an eventually consistent read of up to 4 KB is one half.
    pub read_half_units: u64,
    /// Write units of the table itself.
    pub table_write_units: u64,
    /// Write units of the indexes, in the order of [`Index::ALL`].
    pub index_write_units: [u64; Index::ALL.len()],
}

impl Consumed {
    /// Write units of table and indexes together.
    #[must_use]
    pub fn write_units(&self) -> u64 {
        self.table_write_units + self.index_write_units.iter().sum::<u64>()
    }

    /// What has been used since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut index_write_units = self.index_write_units;
        for (now, then) in index_write_units.iter_mut().zip(earlier.index_write_units) {
            *now = now.saturating_sub(then);
        }
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            read_half_units: self.read_half_units.saturating_sub(earlier.read_half_units),
            table_write_units: self.table_write_units.saturating_sub(earlier.table_write_units),
            index_write_units,
        }
    }
}

impl Meter {
    /// Adds one request and what it used.
    pub fn add(&self, used: &Consumed) {
        let add = |counter: &AtomicU64, units: u64| counter.fetch_add(units, Ordering::Relaxed);
        add(&self.requests, used.requests);
        add(&self.read_half_units, used.read_half_units);
        add(&self.table_write_units, used.table_write_units);
        for (counter, units) in self.index_write_units.iter().zip(used.index_write_units) {
            add(counter, units);
        }
    }

    /// What has been used so far.
    #[must_use]
    pub fn read(&self) -> Consumed {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Consumed {
            requests: load(&self.requests),
            read_half_units: load(&self.read_half_units),
            table_write_units: load(&self.table_write_units),
            index_write_units: std::array::from_fn(|n| load(&self.index_write_units[n])),
        }
    }
}
