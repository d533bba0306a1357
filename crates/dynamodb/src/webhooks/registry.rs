//! How many endpoints there are, and were: what every step asks that has something to tell.

use postrider_core::domain::time::Timestamp;
use postrider_core::limits::DYNAMODB_ENDPOINTS_SEEN_MS;
use postrider_core::ports::ledger::LedgerError;
use tokio::sync::Mutex;

use super::keys;
use crate::codec::{Garbled, Reader, Writer};
use crate::table::Key;
use crate::work::{Draft, Work};

const FORMAT: u8 = 1;

/// What is known about endpoints together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Registry {
    /// How many were ever made.
    pub(super) generation: u64,
    /// How many there are.
    pub(super) live: u64,
}

impl Registry {
    pub(super) async fn load(work: &mut Work<'_>) -> Result<Self, LedgerError> {
        let (key, context) = (keys::registry(), work.context);
        let Some(body) = work.body(&key).await? else { return Ok(Self::default()) };
        Self::read(body).map_err(|garbled| context.garbled(&key, &garbled))
    }

    /// The registry in hand is to be stored like this.
    pub(super) fn save(self, work: &mut Work<'_>) {
        let mut body = Writer::of_format(FORMAT);
        body.number(self.generation);
        body.number(self.live);
        let draft = Draft { label: Some("webhooks".into()), body: body.finish(), ..Draft::default() };
        work.put(&keys::registry(), draft);
    }

    fn read(body: &[u8]) -> Result<Self, Garbled> {
        let mut body = Reader::of_format(body, FORMAT)?;
        Ok(Self { generation: body.number("generation")?, live: body.number("number of endpoints")? })
    }
}

/// The registry as it was read last. Almost always there is nothing new in it, and every end of an attempt asks for it.
#[derive(Debug, Default)]
pub(crate) struct EndpointsSeen(Mutex<Option<(Timestamp, Registry)>>);

impl EndpointsSeen {
    /// Where the registry is.
    pub(crate) fn key() -> Key {
        keys::registry()
    }

    /// What was found there when the ledger was opened.
    pub(crate) fn at_opening(body: Option<&[u8]>, now: Timestamp) -> Result<Self, Garbled> {
        let registry = body.map_or_else(|| Ok(Registry::default()), Registry::read)?;
        Ok(Self(Mutex::new(Some((now, registry)))))
    }

    /// The registry at `now`, or a moment before: an endpoint that is made meanwhile hears of what happens after it.
    pub(super) async fn registry(
        &self,
        work: &mut Work<'_>,
        now: Timestamp,
    ) -> Result<Registry, LedgerError> {
        // Whoever comes while it is read waits for it.
        let mut seen = self.0.lock().await;
        match *seen {
            Some((at, registry)) if at <= now && now.ms_since(at) < DYNAMODB_ENDPOINTS_SEEN_MS => {
                Ok(registry)
            }
            _ => {
                let registry = Registry::load(work).await?;
                *seen = Some((now, registry));
                Ok(registry)
            }
        }
    }

    /// Forgets it: this process has just changed it.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}
