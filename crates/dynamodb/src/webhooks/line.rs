//! Lines: what one endpoint waits for about one notification. The earliest change goes first; the others stand behind it
//! in the same item, so that nobody can overtake.

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::ledger::LedgerError;

use super::change::{Change, Numbered};
use super::endpoint::Endpoint;
use super::feed::expires_at;
use super::keys;
use crate::codec::{Garbled, Reader, Writer};
use crate::table::{Due, Indexed};
use crate::work::{Draft, Work};

const FORMAT: u8 = 1;
const IN_HAND: u8 = 1;
const HASTENED: u8 = 2;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) n: u64,
    pub(super) change: Change,
    pub(super) attempts: u32,
    /// When it is due; of one that is on its way, when the claim lapses.
    pub(super) due_at: Timestamp,
    pub(super) in_hand: bool,
    /// Whether the end of an outage has made it due once.
    pub(super) hastened: bool,
}

/// The calls of one line, earliest change first.
#[derive(Clone, Debug)]
pub(super) struct Line {
    notification: NotificationId,
    pub(super) calls: Vec<Call>,
    /// As it is stored: how many calls, and whether the first waits.
    was: (usize, bool),
}

impl Line {
    /// The line in the hands of a step; empty if there is none.
    pub(super) async fn load(
        work: &mut Work<'_>,
        endpoint: &Endpoint,
        notification: NotificationId,
    ) -> Result<Self, LedgerError> {
        let key = keys::line(endpoint.webhook.id, endpoint.born, notification);
        let context = work.context;
        let calls = match work.body(&key).await? {
            None => Vec::new(),
            Some(body) => read(body).map_err(|garbled| context.garbled(&key, &garbled))?,
        };
        let mut line = Self { notification, calls, was: (0, false) };
        line.was = (line.calls.len(), line.first_waiting().is_some());
        Ok(line)
    }

    /// The first call, if it waits. What stands behind it is to be told after it.
    pub(super) fn first_waiting(&self) -> Option<&Call> {
        self.calls.first().filter(|call| !call.in_hand)
    }

    /// The same, to be changed.
    pub(super) fn first_waiting_mut(&mut self) -> Option<&mut Call> {
        self.calls.first_mut().filter(|call| !call.in_hand)
    }

    /// The call that tells the change `n`.
    pub(super) fn call_mut(&mut self, n: u64) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.n == n)
    }

    /// Adds a call at its place, unless it is there. Tells whether it is new.
    pub(super) fn add(&mut self, numbered: &Numbered, due_at: Timestamp) -> bool {
        let Err(place) = self.calls.binary_search_by_key(&numbered.n, |call| call.n) else { return false };
        let Numbered { n, change } = numbered.clone();
        self.calls.insert(place, Call { n, change, attempts: 0, due_at, in_hand: false, hastened: false });
        true
    }

    /// Removes the call that tells `n`. Tells whether it was there.
    pub(super) fn remove(&mut self, n: u64) -> bool {
        let before = self.calls.len();
        self.calls.retain(|call| call.n != n);
        self.calls.len() < before
    }

    /// The line in hand is to be stored like this, and counted by its endpoint, which the step must still save.
    pub(super) fn save(self, work: &mut Work<'_>, endpoint: &mut Endpoint) {
        let key = keys::line(endpoint.webhook.id, endpoint.born, self.notification);
        let (was_len, was_waiting) = self.was;
        let pending = &mut endpoint.webhook.pending_calls;
        *pending = (*pending + self.calls.len() as u64).saturating_sub(was_len as u64);
        let is_waiting = u64::from(self.first_waiting().is_some());
        endpoint.waiting = (endpoint.waiting + is_waiting).saturating_sub(u64::from(was_waiting));
        let Some(newest) = self.calls.last() else {
            work.delete(&key);
            return;
        };
        let due = self
            .first_waiting()
            .map(|call| Due { partition: endpoint.due_partition(), sort: keys::due(call.due_at, call.n) });
        let draft = Draft {
            indexed: Indexed { due, ..Indexed::default() },
            label: Some("webhook calls".into()),
            expires_at: Some(expires_at(newest.change.at())),
            body: write(&self.calls),
        };
        work.put(&key, draft);
    }
}

fn write(calls: &[Call]) -> Vec<u8> {
    let mut body = Writer::of_format(FORMAT);
    body.number(calls.len() as u64);
    for call in calls {
        body.number(call.n);
        call.change.write(&mut body);
        body.number(u64::from(call.attempts));
        body.instant(call.due_at, call.change.at());
        body.byte(if call.in_hand { IN_HAND } else { 0 } | if call.hastened { HASTENED } else { 0 });
    }
    body.finish()
}

fn read(body: &[u8]) -> Result<Vec<Call>, Garbled> {
    const PART: &str = "call";
    let mut body = Reader::of_format(body, FORMAT)?;
    let count: usize = body.small(PART)?;
    let mut calls = Vec::new();
    for _ in 0..count {
        let n = body.number(PART)?;
        let change = Change::read(&mut body)?;
        let attempts = body.small(PART)?;
        let due_at = body.instant(change.at(), PART)?;
        let flags = body.byte(PART)?;
        let (in_hand, hastened) = (flags & IN_HAND != 0, flags & HASTENED != 0);
        calls.push(Call { n, change, attempts, due_at, in_hand, hastened });
    }
    Ok(calls)
}
