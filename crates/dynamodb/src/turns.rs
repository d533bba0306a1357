//! Steps of one process that are after the same item take turns, once they have got into each other's way. Whoever goes on
//! trying at the same time as all the others mostly fails with them.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use tokio::sync::{Mutex, MutexGuard};

use crate::table::Refusal;

/// Items that share a place take turns too, which costs time and nothing else.
const PLACES: usize = 64;

/// Where steps wait for each other.
#[derive(Debug)]
pub(crate) struct Turns([Mutex<()>; PLACES]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Turns {
    /// Waits until no other step that met the first of these refusals is under way. A step must wait for one turn only.
    /// What a refusal tells of an item is old if others wrote in between, and is dropped.
    pub(crate) async fn wait(&self, refusals: &mut [Refusal]) -> Option<MutexGuard<'_, ()>> {
        let mut hasher = DefaultHasher::new();
        refusals.first()?.key.hash(&mut hasher);
        let place = usize::try_from(hasher.finish() % PLACES as u64).unwrap_or_default();
        let place = self.0.get(place)?;
        if let Ok(turn) = place.try_lock() {
            return Some(turn);
        }
        let turn = place.lock().await;
        for refusal in refusals {
            refusal.found = None;
        }
        Some(turn)
    }
}
