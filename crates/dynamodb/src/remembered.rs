//! What this process knows without asking the table.
//!
//! What it has claimed itself it need not read to finish it: the write is made on condition that nobody has written
//! since, and a step that would write nothing looks again before it says so.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use postrider_core::limits::DYNAMODB_CLAIMS_REMEMBERED_MAX;

use crate::table::{Item, Key};

/// Items as this process wrote them last. The oldest go first.
#[derive(Debug, Default)]
pub(crate) struct Remembered(Mutex<VecDeque<Item>>);

impl Remembered {
    /// Remembers an item that was written just now.
    pub(crate) fn keep(&self, item: Item) {
        let mut items = self.items();
        if items.len() == DYNAMODB_CLAIMS_REMEMBERED_MAX {
            items.pop_front();
        }
        items.push_back(item);
    }

    /// The item under `key`, which is forgotten with that.
    pub(crate) fn take(&self, key: &Key) -> Option<Item> {
        let mut items = self.items();
        // One that was claimed again stands there twice; only the newest is worth trying.
        let place = items.iter().rposition(|item| item.key == *key)?;
        items.remove(place)
    }

    fn items(&self) -> MutexGuard<'_, VecDeque<Item>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
