//! Keeps the month's money: counts it, holds sending when a hard budget is spent, lets it go again.

use std::sync::{Mutex, PoisonError};

use crate::domain::budget::{
    BudgetHold, BudgetRecord, BudgetTurn, CAUSE_BUDGET, Rates, Search, Searched, Spending,
};
use crate::domain::id::NotificationId;
use crate::domain::money::Usd;
use crate::domain::status::Status;
use crate::domain::time::Timestamp;
use crate::limits::{
    BUDGET_BELIEVED_MS, BUDGET_LOOKS_MAX, BUDGET_RESUMED_MAX, BUDGET_SEEN_MS, BUDGET_TRIES_MAX, PAGE_MAX,
};
use crate::ports::clock::Clock;
use crate::ports::ledger::{Intervened, Intervention, Ledger, LedgerError, ListQuery};

/// What a person or a machine wants to know about the month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The month's spending.
    pub spending: Spending,
    /// The hold, if sending is on hold.
    pub hold: Option<BudgetHold>,
    /// When a person let this month's mail go, if one did.
    pub released_at: Option<Timestamp>,
}

impl Account {
    fn of(record: &BudgetRecord, rates: Rates, now: Timestamp) -> Self {
        Self {
            spending: record.spending(rates, now),
            hold: record.hold_at(now),
            released_at: record.released_at(),
        }
    }
}

/// What the month has cost so far; `None` if nobody has counted yet.
///
/// # Errors
/// The ledger's.
pub async fn account(
    ledger: &dyn Ledger,
    rates: Rates,
    now: Timestamp,
) -> Result<Option<Account>, LedgerError> {
    Ok(ledger.budget().await?.map(|stored| Account::of(&stored.record, rates, now)))
}

/// What to tell a person of whom [`Kept::was_ahead_ms`] says it.
pub const CLOCK_WAS_AHEAD: &str = "when the month's mail was counted last, a clock was ahead by this many milliseconds: it is \
    counted anew from now on, and what the month has cost so far may be wrong. See to it that every machine that counts has \
    the right time, and compare with the bill";

/// What a count has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The month's money.
    pub account: Account,
    /// What has changed.
    pub turn: BudgetTurn,
    /// By how many milliseconds the count before lay ahead, if some clock was wrong: then it was begun anew, and what the
    /// month has cost is not exact.
    pub was_ahead_ms: Option<u64>,
}

/// Counts what the mail service has sent in the last 24 hours, and begins or ends the hold.
///
/// # Errors
/// The ledger's, and [`LedgerError::Unavailable`] if others write the record all the time.
pub async fn keep(
    ledger: &dyn Ledger,
    sent_last_day: u64,
    rates: Rates,
    budget: Option<Usd>,
    now: Timestamp,
) -> Result<Kept, LedgerError> {
    change(ledger, now, |record| {
        let was_ahead_ms = record.count(sent_last_day, now);
        let turn = record.judge(budget, record.spending(rates, now).spent, now);
        (true, Kept { account: Account::of(record, rates, now), turn, was_ahead_ms })
    })
    .await
}

/// A person lets this month's mail go, whatever it costs. Tells whether there was a hold.
///
/// # Errors
/// As for [`keep`].
pub async fn release(ledger: &dyn Ledger, now: Timestamp) -> Result<bool, LedgerError> {
    change(ledger, now, |record| {
        let was_on = record.release(now);
        (was_on, was_on)
    })
    .await
}

/// Ends a hold where there is no budget, or nothing that is paid by the message, any more. Tells whether there was one.
///
/// # Errors
/// As for [`keep`].
pub async fn without_budget(ledger: &dyn Ledger, now: Timestamp) -> Result<bool, LedgerError> {
    change(ledger, now, |record| {
        let is_lifted = record.judge(None, Usd::default(), now) == BudgetTurn::Lifted;
        (is_lifted, is_lifted)
    })
    .await
}

/// Queues what a hold held that is over ([`HoldWatch::is_lifting`]), a bounded part of it and until about `until`, and of
/// that the oldest first: what an order's other e-mails wait for came before them. Tells how many.
///
/// It looks for them from the newest on and remembers in the record how far it has come, so that others that are held and
/// lie before them are passed once, however many they are. However late it is, it takes one step.
///
/// # Errors
/// The ledger's; asking again goes on.
pub async fn resume(ledger: &dyn Ledger, clock: &dyn Clock, until: Timestamp) -> Result<usize, LedgerError> {
    let began = clock.now();
    let Some(stored) = ledger.budget().await? else { return Ok(0) };
    let search = stored.record.search(began);
    // What is found must be queued in the same time.
    let look_until = began.plus_ms(until.ms_since(began) / 2);
    let (held, mut searched) = look(ledger, clock, search, look_until).await?;
    let mut resumed = 0;
    for (done, id) in held.iter().rev().enumerate() {
        let now = clock.now();
        if done > 0 && now >= until {
            // The others are newer than those that were queued: the next search begins where this one did.
            searched = Searched::Until(search.after());
            break;
        }
        let done = ledger.intervene(*id, Intervention::Resume, now).await?;
        resumed += usize::from(matches!(done, Intervened::Done(_)));
    }
    let now = clock.now();
    let note = |record: &mut BudgetRecord| (record.searched(search, searched, resumed > 0, now), ());
    change(ledger, now, note).await?;
    Ok(resumed)
}

/// Some of what the budget holds, the newest first, and how far it was looked for.
async fn look(
    ledger: &dyn Ledger,
    clock: &dyn Clock,
    search: Search,
    until: Timestamp,
) -> Result<(Vec<NotificationId>, Searched), LedgerError> {
    let mut query = ListQuery {
        statuses: vec![Status::Held],
        cause: Some(CAUSE_BUDGET),
        after: search.after(),
        limit: PAGE_MAX,
        ..ListQuery::default()
    };
    let mut held = Vec::new();
    // A page may be empty because it has looked at many that something else holds.
    for _ in 0..BUDGET_LOOKS_MAX {
        let page = ledger.list(query.clone()).await?;
        held.extend(page.notifications.into_iter().map(|notification| notification.id));
        let Some(next) = page.next else { return Ok((held, Searched::ToTheEnd)) };
        query.after = Some(next);
        if held.len() >= BUDGET_RESUMED_MAX || clock.now() >= until {
            break;
        }
    }
    Ok((held, Searched::Until(query.after)))
}

/// Changes the record, as often as it takes until nobody has written in between. `change` tells whether it has changed
/// anything.
async fn change<T>(
    ledger: &dyn Ledger,
    now: Timestamp,
    change: impl Fn(&mut BudgetRecord) -> (bool, T),
) -> Result<T, LedgerError> {
    for _ in 0..BUDGET_TRIES_MAX {
        let (mut record, revision) = match ledger.budget().await? {
            Some(stored) => (stored.record, stored.revision),
            None => (BudgetRecord::new(now), 0),
        };
        let (is_changed, output) = change(&mut record);
        if !is_changed || ledger.store_budget(record, revision).await? {
            return Ok(output);
        }
    }
    let reason =
        format!("others wrote the record of the budget {BUDGET_TRIES_MAX} times in a row; ask again");
    Err(LedgerError::Unavailable { reason })
}

/// Whether sending is on hold, asked of the ledger at most once in [`BUDGET_SEEN_MS`].
#[derive(Debug, Default)]
pub struct HoldWatch(Mutex<Option<Seen>>);

#[derive(Clone, Debug)]
struct Seen {
    at: Timestamp,
    record: Option<BudgetRecord>,
}

impl HoldWatch {
    /// Whether sending is on hold at `now`, as far as was seen. The end of the month counts at once.
    ///
    /// # Errors
    /// The ledger's, if it could not be read; the next call asks again.
    pub async fn is_on(&self, ledger: &dyn Ledger, now: Timestamp) -> Result<bool, LedgerError> {
        Ok(self.look(ledger, now).await?.is_some_and(|record| record.is_holding(now)))
    }

    /// Whether a hold is over at `now` and [`resume`] has something to do, as far as was seen.
    ///
    /// # Errors
    /// As for [`HoldWatch::is_on`].
    pub async fn is_lifting(&self, ledger: &dyn Ledger, now: Timestamp) -> Result<bool, LedgerError> {
        Ok(self.look(ledger, now).await?.is_some_and(|record| record.is_lifting(now)))
    }

    async fn look(&self, ledger: &dyn Ledger, now: Timestamp) -> Result<Option<BudgetRecord>, LedgerError> {
        let seen =
            self.seen().clone().filter(|seen| seen.at <= now && now.ms_since(seen.at) < BUDGET_SEEN_MS);
        if let Some(seen) = seen {
            return Ok(seen.record);
        }
        let record = ledger.budget().await?.map(|stored| stored.record);
        self.saw(record.clone(), now);
        Ok(record)
    }

    /// Remembers what somebody has just read for another reason; it is believed as if it had been asked for at `now`.
    pub fn saw(&self, record: Option<BudgetRecord>, now: Timestamp) {
        *self.seen() = Some(Seen { at: now, record });
    }

    /// What was seen not long ago, without asking anybody: for whoever must decide and cannot ask. What is older is not
    /// believed: what it holds back after the hold is over would be held for ever.
    #[must_use]
    pub fn last_seen(&self, now: Timestamp) -> bool {
        self.seen()
            .as_ref()
            .filter(|seen| now.ms_since(seen.at) < BUDGET_BELIEVED_MS)
            .and_then(|seen| seen.record.as_ref())
            .is_some_and(|record| record.is_holding(now))
    }

    /// Forgets what was seen: something has just changed.
    pub fn forget(&self) {
        *self.seen() = None;
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Option<Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
