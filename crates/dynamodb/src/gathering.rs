//! Reads that several steps are about to make, made in one request: messages of a batch that are dealt with side by side
//! look for their recipients at the same moment.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use postrider_core::limits::LEDGER_WAIT_MS_MAX;
use postrider_core::ports::ledger::LedgerError;
use tokio::sync::oneshot;

use crate::calls::Calls;
use crate::table::{Consistency, Item, Key};

type Found = Result<HashMap<Key, Item>, LedgerError>;

/// Where those wait who want to read.
#[derive(Debug, Default)]
pub(crate) struct Gathering(Mutex<Vec<Waiting>>);

#[derive(Debug)]
struct Waiting {
    keys: Vec<Key>,
    found: oneshot::Sender<Found>,
}

impl Gathering {
    /// The items under `keys` as they are now; those that are not there are left out. What others ask for meanwhile may be
    /// among them.
    pub(crate) async fn get(&self, calls: &Calls, keys: &[Key]) -> Found {
        let (sender, found) = oneshot::channel();
        let is_first = {
            let mut waiting = self.waiting();
            waiting.push(Waiting { keys: keys.to_vec(), found: sender });
            waiting.len() == 1
        };
        if is_first {
            let gathered = Gathered(Some(self));
            // Whoever is about to ask does so now.
            tokio::task::yield_now().await;
            read(calls, gathered.take()).await;
        }
        let patience = Duration::from_millis(LEDGER_WAIT_MS_MAX);
        match tokio::time::timeout(patience, found).await {
            // What somebody else asked for cannot be read; that need not be so for ours.
            Ok(Ok(Err(LedgerError::Fatal { .. }))) |
            // Whoever was to read for all of us was given up, or is not let go on.
            Ok(Err(_)) | Err(_) => calls.get_all(keys, Consistency::Strong).await,
            Ok(Ok(found)) => found,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those who have come until now. If the first of them is given up before it reads, the others must not wait for it.
struct Gathered<'a>(Option<&'a Gathering>);

impl Gathered<'_> {
    fn take(mut self) -> Vec<Waiting> {
        self.0.take().map(|gathering| mem::take(&mut *gathering.waiting())).unwrap_or_default()
    }
}

impl Drop for Gathered<'_> {
    fn drop(&mut self) {
        if let Some(gathering) = self.0 {
            gathering.waiting().clear();
        }
    }
}

async fn read(calls: &Calls, waiting: Vec<Waiting>) {
    let mut keys: Vec<Key> = waiting.iter().flat_map(|one| one.keys.iter().cloned()).collect();
    keys.sort_unstable();
    keys.dedup();
    let found = calls.get_all(&keys, Consistency::Strong).await;
    for one in waiting {
        let of_it = found.as_ref().map_err(Clone::clone).map(|found| {
            let items = one.keys.iter().filter_map(|key| found.get_key_value(key));
            items.map(|(key, item)| (key.clone(), item.clone())).collect()
        });
        // Whoever was given up meanwhile does not want to know any more.
        drop(one.found.send(of_it));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt as _;
    use postrider_testkit::random::SeededRandom;

    use super::Gathering;
    use crate::calls::Calls;
    use crate::fake::FakeTable;
    use crate::table::{Key, Table as _};

    #[tokio::test]
    async fn whoever_came_while_the_first_was_given_up_asks_for_itself() {
        let table = Arc::new(FakeTable::default());
        let calls = Calls::new(Arc::clone(&table) as _, Arc::new(SeededRandom::new(1)));
        let gathering = Gathering::default();
        let keys = |name: &str| [Key::new(b"r", name.as_bytes())];
        let (first_keys, second_keys) = (keys("1"), keys("2"));
        let mut first = Box::pin(gathering.get(&calls, &first_keys));
        let mut second = Box::pin(gathering.get(&calls, &second_keys));
        assert!(first.as_mut().now_or_never().is_none(), "it waits for others");
        assert!(second.as_mut().now_or_never().is_none(), "it waits for the first");
        drop(first);
        assert_eq!(second.await, Ok(std::collections::HashMap::new()));
        assert_eq!(table.meter().read().requests, 1);
        assert!(gathering.get(&calls, &keys("3")).await.is_ok(), "the next is the first again");
        assert_eq!(table.meter().read().requests, 2);
    }
}
