//! Calls to the table, repeated where that may help, within bounds.
//!
//! A write is repeated with the token it had: whoever finds the token in what is there knows that the write was done and
//! only its answer was lost.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use postrider_core::limits::{DYNAMODB_CALLS_MAX, DYNAMODB_PAUSE_MS_MAX, LEDGER_WAIT_MS_MAX};
use postrider_core::ports::clock::Random;
use postrider_core::ports::ledger::LedgerError;
use tokio::time::Instant;

use crate::table::{
    BATCH_GET_MAX, Change, Consistency, Entry, Index, Item, Key, Page, Passing, Position, Query, Table,
    TableError, Write, WriteToken, Written,
};
use crate::together::together;

/// The first pause before a call is repeated is drawn from zero to this.
const PAUSE_MS_FIRST: u64 = 20;

/// Makes a call that changes nothing until it is answered, or was made often enough.
macro_rules! repeated {
    ($calls:ident, $call:expr) => {{
        let begun = Instant::now();
        let mut tried = 0;
        loop {
            match $call.await {
                Ok(answer) => break Ok::<_, LedgerError>(answer),
                Err(error) => {
                    tried += 1;
                    if let Err(error) = $calls.give_up_or_wait(error, tried, begun).await {
                        break Err(error);
                    }
                }
            }
        }
    }};
}

/// The table, and how often it is asked.
pub(crate) struct Calls {
    table: Arc<dyn Table>,
    random: Arc<dyn Random>,
}

impl Calls {
    pub(crate) fn new(table: Arc<dyn Table>, random: Arc<dyn Random>) -> Self {
        Self { table, random }
    }

    pub(crate) fn table(&self) -> &dyn Table {
        &*self.table
    }

    /// A token for one write.
    pub(crate) fn new_token(&self) -> WriteToken {
        self.random.next_u64().to_be_bytes()
    }

    /// A number below `end` that nobody can guess.
    pub(crate) fn below(&self, end: u64) -> u64 {
        self.random.next_u64() % end.max(1)
    }

    /// Waits before try number `tried` + 1, longer each time and never as long as anybody else.
    pub(crate) async fn pause(&self, tried: u32) {
        let ceiling = PAUSE_MS_FIRST.saturating_mul(1 << tried.min(16)).min(DYNAMODB_PAUSE_MS_MAX);
        let ms = self.below(ceiling + 1);
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    /// The item under `key` as it is now.
    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Item>, LedgerError> {
        repeated!(self, self.table.get(key, Consistency::Strong))
    }

    /// The item under `key` as it was a moment ago, at half the price.
    pub(crate) async fn get_lately(&self, key: &Key) -> Result<Option<Item>, LedgerError> {
        repeated!(self, self.table.get(key, Consistency::Eventual))
    }

    /// The items under `keys`, however many; those that are not there are left out.
    pub(crate) async fn get_all(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<HashMap<Key, Item>, LedgerError> {
        // Whoever asks for one needs no permission to read several.
        if let [one] = keys {
            let found = repeated!(self, self.table.get(one, consistency))?;
            return Ok(found.into_iter().map(|item| (item.key.clone(), item)).collect());
        }
        let parts = keys.chunks(BATCH_GET_MAX).map(|part| self.get_part(part, consistency));
        let parts = together(parts.collect()).await?;
        Ok(parts.into_iter().flatten().collect())
    }

    async fn get_part(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<HashMap<Key, Item>, LedgerError> {
        let mut wanted = keys.to_vec();
        let mut found = HashMap::with_capacity(keys.len());
        let mut tried = 0;
        while !wanted.is_empty() {
            let (items, left) = repeated!(self, self.table.batch_get(&wanted, consistency))?;
            tried = if items.is_empty() { tried + 1 } else { 0 };
            if tried == DYNAMODB_CALLS_MAX && !left.is_empty() {
                return Err(self.unavailable(&TableError::Passing(Passing::Throttled)));
            }
            if !left.is_empty() {
                self.pause(tried).await;
            }
            found.extend(items.into_iter().map(|item| (item.key.clone(), item)));
            wanted = left;
        }
        Ok(found)
    }

    /// A page of one partition of the table.
    pub(crate) async fn query(&self, query: &Query) -> Result<Page<Item>, LedgerError> {
        repeated!(self, self.table.query(query))
    }

    /// A page of one partition of an index.
    pub(crate) async fn query_index(&self, index: Index, query: &Query) -> Result<Page<Entry>, LedgerError> {
        repeated!(self, self.table.query_index(index, query))
    }

    /// How many entries one partition of an index has between the ends of `query`, up to about `most`.
    pub(crate) async fn count_index(
        &self,
        index: Index,
        query: &Query,
        most: usize,
    ) -> Result<usize, LedgerError> {
        let mut query = query.clone();
        let mut count = 0;
        loop {
            let (found, next): (usize, Option<Position>) =
                repeated!(self, self.table.count_index(index, &query))?;
            count += found;
            match next {
                Some(next) if count < most => query.after = Some(next),
                _ => return Ok(count),
            }
        }
    }

    /// Carries out writes that all have `token`, together or not at all.
    pub(crate) async fn write(&self, writes: &[Write], token: WriteToken) -> Result<Written, LedgerError> {
        let begun = Instant::now();
        let mut may_be_done = false;
        let transaction = u128::from(u64::from_be_bytes(token)) << 64 | u128::from(self.random.next_u64());
        let transaction = format!("{transaction:032x}");
        for tried in 1.. {
            let written = match writes {
                [] => return Ok(Written::Done),
                [one] => self.table.write(one).await,
                many => self.table.transact(many, &transaction).await,
            };
            match written {
                Ok(Written::Refused(refusals)) => {
                    let is_own = refusals.iter().any(|refusal| match &refusal.found {
                        Some(item) => item.token == token,
                        // Gone, as it was to be.
                        None => may_be_done
                            && writes.iter().any(
                                |write| matches!(&write.change, Change::Delete(key) if *key == refusal.key),
                            ),
                    });
                    return Ok(if is_own { Written::Done } else { Written::Refused(refusals) });
                }
                Ok(Written::Done) => return Ok(Written::Done),
                Err(error) => {
                    self.give_up_or_wait(error, tried, begun).await.map(|passing| {
                        may_be_done |= passing.may_have_happened();
                    })?;
                }
            }
        }
        Ok(Written::Done)
    }

    /// Waits before the next try, unless the failure is final or there were tries enough.
    async fn give_up_or_wait(
        &self,
        error: TableError,
        tried: u32,
        begun: Instant,
    ) -> Result<Passing, LedgerError> {
        let TableError::Passing(passing) = error else { return Err(self.unavailable(&error)) };
        let is_late = begun.elapsed() >= Duration::from_millis(LEDGER_WAIT_MS_MAX);
        if tried >= DYNAMODB_CALLS_MAX || is_late {
            return Err(self.unavailable(&error));
        }
        self.pause(tried).await;
        Ok(passing)
    }

    /// What a failed call means to whoever asked the ledger.
    pub(crate) fn unavailable(&self, error: &TableError) -> LedgerError {
        let table = self.table.name();
        match error {
            TableError::Passing(passing) if passing.may_have_happened() => LedgerError::Unavailable {
                reason: format!(
                    "DynamoDB table {table}: {error}; whether it was written is not known, ask again"
                ),
            },
            TableError::Passing(_) | TableError::Refused { .. } => {
                LedgerError::Unavailable { reason: format!("DynamoDB table {table}: {error}") }
            }
            TableError::Unreadable { .. } => LedgerError::Fatal {
                reason: format!(
                    "DynamoDB table {table}: {error}; if a newer Postrider wrote it, run that one, else restore the \
                     table to a point in time before it was damaged"
                ),
            },
        }
    }

    /// An item that cannot be understood.
    pub(crate) fn unreadable(&self, key: &Key, what: &str) -> LedgerError {
        self.unavailable(&TableError::Unreadable { key: key.to_string(), what: what.to_owned() })
    }
}
