//! What the table in memory holds, and what writes make of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use super::units;
use crate::meter::Meter;
use crate::table::{
    Change, Condition, Entry, Index, Item, Key, Page, Position, Query, Refusal, TableError, Write, Written,
};

/// Partition, sort key, and the key of the item.
type Place = (Vec<u8>, Vec<u8>, Key);

/// Items, what indexes show of them, and the transactions that were done.
#[derive(Debug, Default)]
pub(super) struct Store {
    items: BTreeMap<Key, Item>,
    indexes: [BTreeSet<Place>; Index::ALL.len()],
    transactions: HashMap<String, Vec<Write>>,
}

impl Store {
    pub(super) fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Item> {
        self.items.get(key)
    }

    pub(super) fn index_len(&self, index: Index) -> usize {
        self.indexes[index as usize].len()
    }

    /// Carries the writes out, all or none; those of a transaction that was done before are not done again.
    pub(super) fn write(
        &mut self,
        writes: &[Write],
        token: Option<&str>,
        meter: &Meter,
    ) -> Result<Written, TableError> {
        if let Some(done) = token.and_then(|token| self.transactions.get(token)) {
            if done == writes {
                units::replayed(meter, writes);
                return Ok(Written::Done);
            }
            return Err(TableError::Refused {
                code: "IdempotentParameterMismatchException".to_owned(),
                what: "another transaction has this token",
                advice: "nothing was written; ask again",
            });
        }
        let refusals: Vec<_> = writes.iter().filter_map(|write| self.refusal(write)).collect();
        if !refusals.is_empty() {
            units::refused(meter, token.is_some(), &refusals);
            return Ok(Written::Refused(refusals));
        }
        for write in writes {
            let old = match &write.change {
                Change::Put(item) => self.put(Item::clone(item)),
                Change::Delete(key) => self.delete(key),
            };
            units::written(meter, token.is_some(), old.as_ref(), &write.change);
        }
        units::request(meter);
        if let Some(token) = token {
            self.transactions.insert(token.to_owned(), writes.to_vec());
        }
        Ok(Written::Done)
    }

    /// Refuses the first write that has a condition, as if somebody had just been faster.
    pub(super) fn refuse(&self, writes: &[Write], meter: &Meter) -> Written {
        let first = writes.iter().find(|write| write.condition != Condition::None);
        let refusals: Vec<_> = first
            .map(|write| write.change.key())
            .map(|key| Refusal { key: key.clone(), found: self.get(key).cloned().map(Box::new) })
            .into_iter()
            .collect();
        units::refused(meter, writes.len() > 1, &refusals);
        Written::Refused(refusals)
    }

    fn refusal(&self, write: &Write) -> Option<Refusal> {
        let key = write.change.key();
        let found = self.get(key);
        let holds = match write.condition {
            Condition::None => true,
            Condition::Absent => found.is_none(),
            Condition::Version(version) => found.is_some_and(|item| item.version == version),
        };
        (!holds).then(|| Refusal { key: key.clone(), found: found.cloned().map(Box::new) })
    }

    fn put(&mut self, item: Item) -> Option<Item> {
        let old = self.delete(&item.key);
        for index in Index::ALL {
            if let Some((partition, sort)) = item.indexed.place(index) {
                let place = (partition.to_vec(), sort.to_vec(), item.key.clone());
                self.indexes[index as usize].insert(place);
            }
        }
        self.items.insert(item.key.clone(), item);
        old
    }

    fn delete(&mut self, key: &Key) -> Option<Item> {
        let old = self.items.remove(key)?;
        for index in Index::ALL {
            if let Some((partition, sort)) = old.indexed.place(index) {
                let place = (partition.to_vec(), sort.to_vec(), key.clone());
                self.indexes[index as usize].remove(&place);
            }
        }
        Some(old)
    }

    pub(super) fn walk_table(&self, query: &Query) -> Page<Item> {
        let at = |sort: &[u8]| Key::new(query.partition.clone(), sort);
        let after = query.after.as_ref().map(|after| after.key.clone());
        let beyond = Key::new(successor(&query.partition), []);
        let range = range(query, at, after, beyond).map(|range| self.items.range(range));
        let page = take(query, range.into_iter().flatten());
        Page {
            found: page.0.iter().map(|(_, item)| (*item).clone()).collect(),
            next: page.1.map(|(key, _)| Position { sort: key.sk.clone(), key: key.clone() }),
        }
    }

    pub(super) fn walk_index(&self, index: Index, query: &Query) -> Page<Entry> {
        let no_key = || Key::new([], []);
        let at = |sort: &[u8]| (query.partition.clone(), sort.to_vec(), no_key());
        let after = query.after.as_ref();
        let after = after.map(|after| (query.partition.clone(), after.sort.clone(), after.key.clone()));
        let beyond = (successor(&query.partition), Vec::new(), no_key());
        let range = range(query, at, after, beyond).map(|range| self.indexes[index as usize].range(range));
        let page = take(query, range.into_iter().flatten());
        Page {
            found: page
                .0
                .iter()
                .map(|(_, sort, key)| Entry { key: key.clone(), sort: sort.clone() })
                .collect(),
            next: page.1.map(|(_, sort, key)| Position { sort: sort.clone(), key: key.clone() }),
        }
    }
}

/// The places `query` walks along; `None` if there are none between its ends. `at` makes the first place of a sort key,
/// `beyond` is the first place of the next partition.
fn range<P: Ord>(
    query: &Query,
    at: impl Fn(&[u8]) -> P,
    after: Option<P>,
    beyond: P,
) -> Option<(Bound<P>, Bound<P>)> {
    let first = Bound::Included(at(query.from.as_deref().unwrap_or_default()));
    let last = Bound::Excluded(query.to.as_deref().map_or(beyond, |to| at(&successor(to))));
    let (low, high) = match after {
        None => (first, last),
        Some(after) if query.forward => (Bound::Excluded(after), last),
        Some(after) => (first, Bound::Excluded(after)),
    };
    let (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(to)) = (&low, &high) else {
        return None;
    };
    (from < to).then_some((low, high))
}

/// The first byte string after `bytes`.
fn successor(bytes: &[u8]) -> Vec<u8> {
    [bytes, &[0]].concat()
}

/// As many as the page may have, and the last of them if there is more.
fn take<T: Copy>(query: &Query, places: impl DoubleEndedIterator<Item = T>) -> (Vec<T>, Option<T>) {
    let limit = query.limit.max(1);
    let mut found: Vec<T> =
        if query.forward { places.take(limit + 1).collect() } else { places.rev().take(limit + 1).collect() };
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().copied().filter(|_| has_more);
    (found, next)
}
