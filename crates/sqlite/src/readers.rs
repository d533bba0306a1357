//! A few connections that only read.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use postrider_core::limits::{LEDGER_READERS_MAX, LEDGER_WAIT_MS_MAX};
use postrider_core::ports::ledger::LedgerError;
use rusqlite::{Connection, Transaction};
use tokio::sync::Semaphore;

use crate::fault::{Fault, unavailable};
use crate::opening::connect_reader;

/// The connections that nobody uses at the moment, and the right to take one.
pub(crate) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    fault: Arc<Fault>,
}

impl Readers {
    pub(crate) fn open(path: &Path, fault: Arc<Fault>) -> rusqlite::Result<Self> {
        let mut idle = Vec::with_capacity(LEDGER_READERS_MAX);
        for _ in 0..LEDGER_READERS_MAX {
            idle.push(connect_reader(path)?);
        }
        Ok(Self {
            idle: Arc::new(Mutex::new(idle)),
            permits: Arc::new(Semaphore::new(LEDGER_READERS_MAX)),
            fault,
        })
    }

    /// Runs `query` on one of the connections, in one read transaction, so that all it sees belongs together.
    pub(crate) async fn read<T, Q>(&self, query: Q) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        Q: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.fault.check()?;
        let wait = Duration::from_millis(LEDGER_WAIT_MS_MAX);
        let permit = tokio::time::timeout(wait, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| {
                unavailable(format!("no reader was free within {LEDGER_WAIT_MS_MAX} ms; ask less often"))
            })?
            .map_err(|_| unavailable("it is closed, the process is stopping".to_owned()))?;
        let idle = Arc::clone(&self.idle);
        let fault = Arc::clone(&self.fault);
        let reading = tokio::task::spawn_blocking(move || {
            let taken = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(mut connection) = taken else {
                return Err(unavailable(
                    "its readers are gone after a defect; restart the process".to_owned(),
                ));
            };
            let result = run(&mut connection, query).map_err(|error| fault.judge(&error));
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            // Given back last: whoever gets the permit must find the connection.
            drop(permit);
            result
        });
        reading
            .await
            .unwrap_or_else(|_| Err(unavailable("a reader met a defect; please report this".to_owned())))
    }
}

fn run<T>(
    connection: &mut Connection,
    query: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.transaction()?;
    let found = query(&transaction)?;
    transaction.commit()?;
    Ok(found)
}
