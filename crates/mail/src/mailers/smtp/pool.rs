//! Connections that wait for their next message.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use postrider_core::limits::{SMTP_IDLE_MS_MAX, SMTP_MESSAGES_PER_CONNECTION_MAX};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::connection::Connection;

/// Capacity an idle connection keeps for its next message.
const CONTENT_BYTES_KEPT: usize = 64 * 1024;

/// A bounded number of connections, the idle ones in a stack: the one used last is the least likely to have been
/// closed, and the others grow old enough to be dropped when the load falls.
pub(super) struct Pool {
    slots: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

/// The right to hold one connection.
pub(super) type Slot<'a> = SemaphorePermit<'a>;

impl Pool {
    pub(super) fn new(connections: usize) -> Self {
        Self { slots: Semaphore::new(connections), idle: Mutex::new(Vec::with_capacity(connections)) }
    }

    /// Waits for the right to hold a connection, idle or new. `None` if the pool is closed.
    pub(super) async fn slot(&self) -> Option<Slot<'_>> {
        self.slots.acquire().await.ok()
    }

    /// The idle connection used last that is still fit for use.
    pub(super) async fn take_idle(&self) -> Option<Connection> {
        self.drop_expired().await;
        // Each turn takes one connection out, and a pool holds a bounded number of them.
        loop {
            let mut connection = self.lock().pop()?;
            if connection.wire.is_quiet().await {
                return Some(connection);
            }
        }
    }

    /// Takes a connection back, if it is between two messages and not worn out.
    ///
    /// It is handed over by value after an exchange that ended well. A send that is cancelled drops its connection
    /// instead, so that none in an unknown state ever gets here.
    pub(super) async fn put_back(&self, mut connection: Connection) {
        if !connection.is_settled {
            return;
        }
        if connection.carried >= SMTP_MESSAGES_PER_CONNECTION_MAX || self.slots.is_closed() {
            quit(connection).await;
            return;
        }
        connection.content.clear();
        connection.content.shrink_to(CONTENT_BYTES_KEPT);
        connection.idle_since = Some(Instant::now());
        self.lock().push(connection);
    }

    /// Says goodbye on every idle connection.
    pub(super) async fn close(&self) {
        self.slots.close();
        let idle = std::mem::take(&mut *self.lock());
        for connection in idle {
            quit(connection).await;
        }
    }

    async fn drop_expired(&self) {
        let expired: Vec<Connection> = {
            let idle_max = Duration::from_millis(SMTP_IDLE_MS_MAX);
            let mut idle = self.lock();
            let is_expired = |connection: &Connection| {
                connection.idle_since.is_some_and(|since| since.elapsed() >= idle_max)
            };
            // The oldest lie at the bottom of the stack.
            let count = idle.iter().take_while(|connection| is_expired(connection)).count();
            idle.drain(..count).collect()
        };
        for connection in expired {
            quit(connection).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        // Nothing that can panic runs under the lock, so a poisoned stack is still whole.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) async fn quit(connection: Connection) {
    connection.wire.write_last_words(b"QUIT\r\n").await;
}
