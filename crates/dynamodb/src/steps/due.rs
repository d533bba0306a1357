//! What is due with one priority, as it is taken from the index.

use postrider_core::domain::notification::Priority;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::ledger::LedgerError;

use crate::context::Context;
use crate::keys;
use crate::queries::Lanes;
use crate::table::{Entry, Index, Query};

/// How many times as many as are wanted are drawn from once others are seen to take the same.
const DRAWN_FROM: usize = 8;

/// What waits with one priority, longest due first.
///
/// Once somebody else is seen to take from it too, those that are wanted are drawn by chance from the first few: if all
/// took the first, most would find it gone, again and again.
pub(super) struct DueQueue<'a> {
    context: &'a Context,
    now: Timestamp,
    waiting: Lanes<'a>,
    at_hand: Vec<Entry>,
    /// Somebody else takes from it.
    pub(super) is_contended: bool,
    /// When the first that is not due becomes due, once that many have been looked at.
    pub(super) next_due_at: Option<Timestamp>,
}

impl<'a> DueQueue<'a> {
    pub(super) fn new(context: &'a Context, priority: Priority, now: Timestamp, limit: usize) -> Self {
        let lanes = context.every_shard().map(|shard| keys::waiting(priority, shard));
        let waiting = Lanes::new(context, Index::Due, lanes.map(|lane| Query::forward(lane, limit + 1)));
        Self { context, now, waiting, at_hand: Vec::new(), is_contended: false, next_due_at: None }
    }

    /// Whether anything is left that is due.
    pub(super) async fn has_next(&mut self) -> Result<bool, LedgerError> {
        self.fill(1).await?;
        Ok(!self.at_hand.is_empty())
    }

    /// Takes up to `count`.
    pub(super) async fn take(&mut self, count: usize) -> Result<Vec<Entry>, LedgerError> {
        if self.is_contended {
            self.fill(count.saturating_mul(DRAWN_FROM)).await?;
            self.shuffle();
        } else {
            self.fill(count).await?;
        }
        let count = count.min(self.at_hand.len());
        Ok(self.at_hand.drain(..count).collect())
    }

    /// Takes at hand what is due, until there are `count`.
    async fn fill(&mut self, count: usize) -> Result<(), LedgerError> {
        while self.at_hand.len() < count {
            let Some(next) = self.waiting.peek().await? else { break };
            let due_at = keys::instant_of(&next.sort).unwrap_or(Timestamp::EPOCH);
            if due_at > self.now {
                self.next_due_at = Some(due_at);
                break;
            }
            self.at_hand.extend(self.waiting.next().await?);
        }
        Ok(())
    }

    fn shuffle(&mut self) {
        for place in (1..self.at_hand.len()).rev() {
            let other = self.context.calls.below(place as u64 + 1);
            self.at_hand.swap(place, usize::try_from(other).unwrap_or(place));
        }
    }
}
