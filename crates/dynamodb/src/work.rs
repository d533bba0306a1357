//! One step of the ledger: what it reads, what it changes, and the one write that makes it happen.
//!
//! A step reads items, decides, and says what they are to be. All of it is written together, on condition that nothing
//! it read and changed has been written since; otherwise the step begins anew with what is there now.

use std::borrow::Cow;
use std::collections::HashMap;

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::status::Status;
use postrider_core::domain::timeline::TimelineEntry;
use postrider_core::domain::webhook::WebhookEvent;
use postrider_core::limits::DYNAMODB_STEPS_MAX;
use postrider_core::ports::ledger::LedgerError;

use crate::context::Context;
use crate::table::{
    Change, Condition, Consistency, Indexed, Item, Key, Refusal, TRANSACT_MAX, Write, Written,
};
use crate::webhooks;

/// One step.
pub(crate) trait Step: Sync {
    /// What it comes to.
    type Output: Send;

    /// Reads what it needs and says what is to be changed. May be called again, with fresh `work`.
    fn run(&self, work: &mut Work<'_>) -> impl Future<Output = Result<Self::Output, LedgerError>> + Send;
}

/// What an item is to say; key, version and token are the work's business.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Draft {
    /// Where indexes show it.
    pub(crate) indexed: Indexed,
    /// What it is, in a word.
    pub(crate) label: Option<Cow<'static, str>>,
    /// When it may be cleared away, in seconds since 1970.
    pub(crate) expires_at: Option<u64>,
    /// What it says.
    pub(crate) body: Vec<u8>,
}

/// A change worth telling to endpoints.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Which notification.
    pub(crate) id: NotificationId,
    /// What endpoints hear of it.
    pub(crate) event: WebhookEvent,
    /// The entry that the change left on its timeline.
    pub(crate) entry: TimelineEntry,
    /// The status once it had happened.
    pub(crate) status: Status,
}

/// An item in the hands of a step.
#[derive(Clone, Debug)]
struct Slot {
    was: Option<Item>,
    planned: Planned,
    /// Whether it was not read, but remembered.
    is_remembered: bool,
}

impl Slot {
    fn read(was: Option<Item>) -> Self {
        Self { was, planned: Planned::Nothing, is_remembered: false }
    }
}

#[derive(Clone, Debug)]
enum Planned {
    Nothing,
    Put(Box<Draft>),
    Delete,
}

/// The items a step has in its hands.
pub(crate) struct Work<'a> {
    /// What the ledger is told at its opening.
    pub(crate) context: &'a Context,
    slots: HashMap<Key, Slot>,
    order: Vec<Key>,
    told: Vec<Told>,
    to_remember: Vec<Key>,
    is_repeated: bool,
}

impl<'a> Work<'a> {
    /// Nothing in hand, but what refusals have told already.
    fn new(context: &'a Context, refusals: Vec<Refusal>) -> Self {
        let is_repeated = !refusals.is_empty();
        let found = |refusal: Refusal| Some((refusal.key, Slot::read(Some(*refusal.found?))));
        Self {
            context,
            slots: refusals.into_iter().filter_map(found).collect(),
            order: Vec::new(),
            told: Vec::new(),
            to_remember: Vec::new(),
            is_repeated,
        }
    }

    /// What the item under `key` says: as this step has planned it, or as it is stored.
    pub(crate) async fn body(&mut self, key: &Key) -> Result<Option<&[u8]>, LedgerError> {
        if !self.slots.contains_key(key) {
            let was = self.context.calls.get(key).await?;
            self.slots.insert(key.clone(), Slot::read(was));
        }
        Ok(self.known(key))
    }

    /// Takes the items under `keys` into hand, in as few calls as it takes.
    pub(crate) async fn read_all(&mut self, keys: &[Key]) -> Result<(), LedgerError> {
        let mut missing: Vec<_> = keys.iter().filter(|key| !self.holds(key)).cloned().collect();
        missing.sort_unstable();
        missing.dedup();
        let mut found = self.context.calls.get_all(&missing, Consistency::Strong).await?;
        for key in missing {
            let was = found.remove(&key);
            self.take(key, was);
        }
        Ok(())
    }

    /// The same for an item this step has in hand already; none is read.
    pub(crate) fn known(&self, key: &Key) -> Option<&[u8]> {
        let slot = self.slots.get(key)?;
        match &slot.planned {
            Planned::Nothing => slot.was.as_ref().map(|item| &*item.body),
            Planned::Put(draft) => Some(&draft.body),
            Planned::Delete => None,
        }
    }

    /// Takes an item as it was read otherwise, fresh, unless the step has it in hand already. `None` says that nothing is
    /// there, or is believed to be: the write will tell.
    pub(crate) fn take(&mut self, key: Key, was: Option<Item>) {
        self.slots.entry(key).or_insert_with(|| Slot::read(was));
    }

    /// Takes the item as this process wrote it last, if it remembers it and the step has it not in hand already. The write
    /// will tell whether it is so still.
    pub(crate) fn recall(&mut self, key: &Key) {
        if !self.holds(key)
            && let Some(item) = self.context.remembered.take(key)
        {
            self.slots.insert(key.clone(), Slot { is_remembered: true, ..Slot::read(Some(item)) });
        }
    }

    /// Once the item in hand is written, it is remembered for [`Work::recall`].
    pub(crate) fn remember(&mut self, key: Key) {
        self.to_remember.push(key);
    }

    /// Whether what the step came to may be of yesterday: it goes by something remembered, and writes it not.
    fn relies_on_memory(&self) -> bool {
        self.slots.values().any(|slot| slot.is_remembered && matches!(slot.planned, Planned::Nothing))
    }

    /// Whether the step was begun before, and somebody else wrote in between.
    pub(crate) fn is_repeated(&self) -> bool {
        self.is_repeated
    }

    /// Whether the step has the item in hand.
    pub(crate) fn holds(&self, key: &Key) -> bool {
        self.slots.contains_key(key)
    }

    /// Counts the writes of the item in hand, with the one this step is about to make.
    pub(crate) fn next_version(&self, key: &Key) -> u64 {
        self.slots.get(key).and_then(|slot| slot.was.as_ref()).map_or(0, |item| item.version) + 1
    }

    /// The item in hand is to say this. It must have been read or taken before.
    pub(crate) fn put(&mut self, key: &Key, draft: Draft) {
        self.plan(key, Planned::Put(Box::new(draft)));
    }

    /// The item in hand is to go. It must have been read or taken before.
    pub(crate) fn delete(&mut self, key: &Key) {
        self.plan(key, Planned::Delete);
    }

    fn plan(&mut self, key: &Key, planned: Planned) {
        let slot = self.slots.entry(key.clone()).or_insert_with(|| Slot::read(None));
        if matches!(slot.planned, Planned::Nothing) {
            self.order.push(key.clone());
        }
        slot.planned = planned;
    }

    /// Notes what a step leaves on a timeline, to be told to endpoints if they want it: the seam to [`webhooks`].
    /// `before` is `None` for a notification that is new.
    pub(crate) fn note_change(
        &mut self,
        id: NotificationId,
        entry: &TimelineEntry,
        before: Option<Status>,
        status: Status,
    ) {
        if let Some(event) = WebhookEvent::of(entry.kind, before, status) {
            self.told.push(Told { id, event, entry: entry.clone(), status });
        }
    }

    /// What was noted so far, taken out: for [`webhooks::append_to_feed`].
    pub(crate) fn take_told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// Writes everything that is planned, together.
    async fn commit(mut self) -> Result<Written, LedgerError> {
        webhooks::append_to_feed(&mut self).await?;
        let token = self.context.calls.new_token();
        let mut writes = Vec::with_capacity(self.order.len());
        for key in std::mem::take(&mut self.order) {
            let Some(slot) = self.slots.remove(&key) else { continue };
            let condition =
                slot.was.as_ref().map_or(Condition::Absent, |item| Condition::Version(item.version));
            let change = match slot.planned {
                Planned::Put(draft) => {
                    let Draft { indexed, label, expires_at, body } = *draft;
                    let version = slot.was.map_or(0, |item| item.version) + 1;
                    Change::Put(Box::new(Item { key, version, token, indexed, label, expires_at, body }))
                }
                Planned::Delete if slot.was.is_some() => Change::Delete(key),
                Planned::Delete | Planned::Nothing => continue,
            };
            writes.push(Write { change, condition });
        }
        if writes.len() > TRANSACT_MAX {
            let reason = format!(
                "one step would write {} items, and DynamoDB writes at most {TRANSACT_MAX} together; ask for less at once",
                writes.len()
            );
            return Err(LedgerError::Unavailable { reason });
        }
        let written = self.context.calls.write(&writes, token).await?;
        if written == Written::Done {
            for write in writes {
                match write.change {
                    Change::Put(item) if self.to_remember.contains(&item.key) => {
                        self.context.remembered.keep(*item);
                    }
                    Change::Put(_) | Change::Delete(_) => {}
                }
            }
        }
        Ok(written)
    }
}

impl Context {
    /// Carries out `step`, as often as it takes until nobody has written in between.
    pub(crate) async fn carry_out<S: Step>(&self, step: &S) -> Result<S::Output, LedgerError> {
        let mut refusals = Vec::new();
        let mut turn = None;
        for tried in 0..DYNAMODB_STEPS_MAX {
            let mut work = Work::new(self, std::mem::take(&mut refusals));
            let output = step.run(&mut work).await?;
            if work.relies_on_memory() {
                continue;
            }
            match work.commit().await? {
                Written::Done => return Ok(output),
                Written::Refused(found) => refusals = found,
            }
            // The first time it is enough to look again: usually the other one is done.
            if tried > 0 {
                self.calls.pause(tried.min(4)).await;
            }
            if turn.is_none() {
                turn = self.turns.wait(&mut refusals).await;
            }
        }
        let table = self.calls.table().name();
        Err(LedgerError::Unavailable {
            reason: format!(
                "DynamoDB table {table}: others wrote the same item {DYNAMODB_STEPS_MAX} times in a row; nothing was \
                 written, ask again"
            ),
        })
    }
}
