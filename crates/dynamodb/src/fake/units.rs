//! Capacity units, counted as the service counts them.

use crate::meter::{Consumed, Meter};
use crate::table::{Change, Consistency, Entry, Index, Item, Refusal, Write};

/// Bytes one write unit covers.
const WRITE_UNIT_BYTES: usize = 1024;
/// Bytes one strongly consistent read unit covers.
const READ_UNIT_BYTES: usize = 4 * 1024;
/// Bytes an index entry has besides keys.
const ENTRY_OVERHEAD_BYTES: usize = 100;

/// One request that read items of these sizes, each rounded up by itself; what is not there counts as the smallest.
pub(super) fn read(meter: &Meter, consistency: Consistency, sizes: impl IntoIterator<Item = usize>) {
    let halves = if consistency == Consistency::Strong { 2 } else { 1 };
    let units: usize = sizes.into_iter().map(|size| size.div_ceil(READ_UNIT_BYTES).max(1)).sum();
    meter.add(&Consumed { requests: 1, read_half_units: (units * halves) as u64, ..Consumed::default() });
}

/// One query that went through this many bytes, rounded up in all.
pub(super) fn query(meter: &Meter, consistency: Consistency, bytes: usize) {
    read(meter, consistency, [bytes]);
}

/// What an index entry takes in a query.
pub(super) fn entry_size(entry: &Entry) -> usize {
    ENTRY_OVERHEAD_BYTES + entry.key.pk.len() + entry.key.sk.len() + entry.sort.len()
}

/// One writing request; what it wrote is counted apart.
pub(super) fn request(meter: &Meter) {
    meter.add(&Consumed { requests: 1, ..Consumed::default() });
}

/// One write that was done where `old` was: the larger of the two sizes; each index as far as its entry changes.
pub(super) fn written(meter: &Meter, in_transaction: bool, old: Option<&Item>, change: &Change) {
    let new = match change {
        Change::Put(item) => Some(item.as_ref()),
        Change::Delete(_) => None,
    };
    let times = if in_transaction { 2 } else { 1 };
    let size = old.map_or(0, Item::size).max(new.map_or(0, Item::size));
    let mut used = Consumed { table_write_units: write_units(size) * times, ..Consumed::default() };
    for (n, index) in Index::ALL.into_iter().enumerate() {
        let was = old.and_then(|item| item.indexed.place(index));
        let is = new.and_then(|item| item.indexed.place(index));
        used.index_write_units[n] = times
            * match (was, is) {
                (None, None) => 0,
                (Some(was), Some(is)) if was == is => 0,
                (Some(_), Some(_)) => 2,
                (Some(_), None) | (None, Some(_)) => 1,
            };
    }
    meter.add(&used);
}

/// One writing request whose conditions did not hold: a write of what is there, all the same.
pub(super) fn refused(meter: &Meter, in_transaction: bool, refusals: &[Refusal]) {
    let times = if in_transaction { 2 } else { 1 };
    let units =
        refusals.iter().map(|refusal| write_units(refusal.found.as_ref().map_or(0, |item| item.size())));
    let table_write_units = units.sum::<u64>() * times;
    meter.add(&Consumed { requests: 1, table_write_units, ..Consumed::default() });
}

/// A transaction that had been done already: its items are read.
pub(super) fn replayed(meter: &Meter, writes: &[Write]) {
    let sizes = writes.iter().map(|write| match &write.change {
        Change::Put(item) => item.size(),
        Change::Delete(_) => 0,
    });
    read(meter, Consistency::Strong, sizes);
}

fn write_units(size: usize) -> u64 {
    size.div_ceil(WRITE_UNIT_BYTES).max(1) as u64
}
