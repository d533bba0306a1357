//! How many endpoints there are, and were: what every step asks that has something to tell.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use postrider_core::domain::time::Timestamp;
use postrider_core::limits::DYNAMODB_ENDPOINTS_SEEN_MS;
use postrider_core::ports::ledger::LedgerError;
use tokio::time::Instant;

use super::keys;
use crate::codec::{Garbled, Reader, Writer};
use crate::table::{Item, Key};
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
pub(crate) struct EndpointsSeen(Mutex<State>);

#[derive(Clone, Copy, Debug, Default)]
struct State {
    seen: Option<Seen>,
    /// When this process changed it last: what somebody began to read before that is not kept.
    changed: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    registry: Registry,
    /// By the clock of whoever had something to tell: it goes on while a function is frozen.
    at: Timestamp,
    /// By a clock that never stands still because a step is tried again.
    instant: Instant,
}

impl Seen {
    fn holds(&self, now: Timestamp) -> bool {
        let apart = now.as_millis().abs_diff(self.at.as_millis()).max(millis(self.instant.elapsed()));
        apart < DYNAMODB_ENDPOINTS_SEEN_MS
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl EndpointsSeen {
    /// Where the registry is.
    pub(crate) fn key() -> Key {
        keys::registry()
    }

    /// What was found there when the ledger was opened. What cannot be read is read again by whoever needs it.
    pub(crate) fn at_opening(item: Option<&Item>, now: Timestamp) -> Self {
        let read = item.map_or_else(|| Ok(Registry::default()), |item| Registry::read(&item.body));
        let seen = read.ok().map(|registry| Seen { registry, at: now, instant: Instant::now() });
        Self(Mutex::new(State { seen, changed: None }))
    }

    /// The registry as it is at `now` or was less than a second before. Whoever ask at the same time read it together.
    pub(super) async fn registry(&self, work: &Work<'_>, now: Timestamp) -> Result<Registry, LedgerError> {
        let (seen, context) = (self.state().seen, work.context);
        // Somebody else was in the way of a step that is repeated: that takes time.
        if let Some(seen) = seen.filter(|seen| seen.holds(now) && !work.is_repeated()) {
            return Ok(seen.registry);
        }
        let (key, instant) = (Self::key(), Instant::now());
        let found = context.gathering.get(&context.calls, std::slice::from_ref(&key)).await?;
        let read = found.get(&key).map_or_else(|| Ok(Registry::default()), |item| Registry::read(&item.body));
        let registry = read.map_err(|garbled| context.garbled(&key, &garbled))?;
        let mut state = self.state();
        let newest = state.seen.map(|seen| seen.instant).max(state.changed);
        if newest.is_none_or(|newest| newest <= instant) {
            state.seen = Some(Seen { registry, at: now, instant });
        }
        Ok(registry)
    }

    /// Forgets it: this process has just changed it.
    pub(super) fn forget(&self) {
        *self.state() = State { seen: None, changed: Some(Instant::now()) };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
