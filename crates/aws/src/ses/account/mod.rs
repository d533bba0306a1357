//! What SES lets the account do: whether it may send at all, how many a second, how many a day. One for a process, shared
//! by all its senders, so that together they keep to it.

mod turns;
mod view;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sesv2::Client;
use postrider_core::domain::outcome::{Cause, Failure};
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{SES_ACCOUNT_FRESH_MS, SES_ACCOUNT_FRESH_MS_MIN};
use postrider_core::ports::clock::Clock;
use tokio::sync::watch;
use tokio::time::Instant;

pub use view::AccountView;

use super::look_client;
use super::outcome::{self, CAUSE_QUOTA, WORDS_QUOTA};
use crate::sdk::words_of;
use turns::Turns;

/// After SES has said that requests are too many the rate falls to this part of what it was, in percent.
const SLOWED_PERCENT: u32 = 70;
/// It never falls below this part of what the account allows.
const SLOWEST_PERCENT: u32 = 10;
/// By how much it rises again, and how often.
const RECOVERY_PERCENT: u32 = 10;
const RECOVERY_MS: u64 = 10_000;
/// Requests on their way when SES complains all complain: together they count once.
const THROTTLED_ONCE_MS: u64 = 1_000;

/// What the account is allowed, as SES said not long ago.
pub struct Account {
    client: Client,
    clock: Arc<dyn Clock>,
    share_percent: u32,
    known: Mutex<Known>,
    /// Held by whoever asks SES; the others wait for the answer.
    looking: tokio::sync::Mutex<()>,
    turns: Turns,
}

#[derive(Debug, Default)]
struct Known {
    view: Option<AccountView>,
    /// When SES was last asked, whether or not it answered.
    asked_at: Option<Timestamp>,
    /// Messages SES took from this process since then.
    sent_since: u64,
    /// Something says that the view is not true any more.
    is_doubted: bool,
    /// The part of the rate that is left after SES complained, in percent, and since when.
    slowed: Option<(u32, Timestamp)>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("share_percent", &self.share_percent).finish_non_exhaustive()
    }
}

impl Account {
    /// The account `sdk` leads to, of whose rate this process takes `share_percent` (1 to 100). The shares of all
    /// processes that send for the account at the same time must not come to more than 100.
    ///
    /// Nothing is asked yet. Where SES may not be asked (`ses:GetAccount`), no rate and no quota are known, and only
    /// SES's refusals slow senders down.
    #[must_use]
    pub fn new(sdk: &SdkConfig, share_percent: u32, clock: Arc<dyn Clock>) -> Self {
        Self {
            client: look_client(sdk),
            clock,
            share_percent: share_percent.clamp(1, 100),
            known: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
            turns: Turns::default(),
        }
    }

    /// What SES said last; `None` before it was asked, or if it may not be.
    #[must_use]
    pub fn view(&self) -> Option<AccountView> {
        self.known().view.clone()
    }

    /// Messages this process may send in 1,000 seconds; `None` if SES has not said.
    #[must_use]
    pub fn rate_per_1000_secs(&self) -> Option<u32> {
        let known = self.known();
        let whole = u64::from(known.view.as_ref()?.rate_per_1000_secs?);
        let share = whole * u64::from(self.share_percent) / 100;
        let left = share * u64::from(known.left_percent(self.clock.now())) / 100;
        Some(u32::try_from(left.max(1)).unwrap_or(u32::MAX))
    }

    /// Whether a message may be sent today, at whatever pace. Asks SES if what is known is old.
    ///
    /// # Errors
    /// Why not: a fault of the account, which only time or a person ends. No message has been spoken of.
    pub async fn admit(&self) -> Result<(), Failure> {
        self.refresh().await;
        self.known().verdict()
    }

    /// Waits for the next message's turn at the account's rate, at most `wait_max`, and sees whether it may be sent at
    /// all. For senders that have nobody else who paces them.
    ///
    /// # Errors
    /// Why the message must not be sent now, with what its attempt came to: nothing was sent, no attempt is spent.
    pub async fn acquire(&self, wait_max: Duration) -> Result<(), Failure> {
        self.admit().await?;
        let Some(rate) = self.rate_per_1000_secs() else { return Ok(()) };
        match self.turns.take(rate, Instant::now(), wait_max) {
            Some(turn) => {
                tokio::time::sleep_until(turn).await;
                Ok(())
            }
            None => Err(outcome::busy(
                Cause::known("ses_rate_share"),
                "more messages wait for their turn than the account's rate lets go in time",
            )),
        }
    }

    /// SES took a message.
    pub fn sent(&self) {
        let mut known = self.known();
        known.sent_since = known.sent_since.saturating_add(1);
    }

    /// SES said that requests are too many: the rate falls, unless it is the day's quota that is used.
    ///
    /// # Errors
    /// The quota's failure if that is what is used.
    pub async fn throttled(&self) -> Result<(), Failure> {
        {
            let now = self.clock.now();
            let mut known = self.known();
            if known.slowed.is_none_or(|(_, since)| now.ms_since(since) >= THROTTLED_ONCE_MS) {
                let left = known.left_percent(now) * SLOWED_PERCENT / 100;
                known.slowed = Some((left.max(SLOWEST_PERCENT), now));
                known.is_doubted = true;
            }
        }
        self.admit().await
    }

    /// SES refused for a reason of the account: what is known may not be true any more.
    pub fn doubted(&self) {
        self.known().is_doubted = true;
    }

    /// Asks SES as often as it takes to know, until `stop` turns true.
    pub async fn keep_fresh(&self, mut stop: watch::Receiver<bool>) {
        loop {
            self.refresh().await;
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(Duration::from_millis(SES_ACCOUNT_FRESH_MS_MIN)) => {}
            }
        }
    }

    /// Asks SES what the account may do, if what is known is old or doubted. A failure leaves what is known.
    pub async fn refresh(&self) {
        if self.known().is_fresh(self.clock.now()) {
            return;
        }
        let _looking = self.looking.lock().await;
        // Whoever held the lock may have asked already.
        if self.known().is_fresh(self.clock.now()) {
            return;
        }
        let answer = self.client.get_account().send().await;
        let mut known = self.known();
        known.asked_at = Some(self.clock.now());
        known.is_doubted = false;
        match answer {
            Ok(answer) => {
                let view = AccountView::of(&answer);
                if known.view.as_ref().is_none_or(|before| before.differs(&view)) {
                    tell(&view);
                }
                known.view = Some(view);
                known.sent_since = 0;
            }
            Err(error) => {
                let words = words_of(&error);
                tracing::warn!(words, "SES does not say what the account may do; allow ses:GetAccount");
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn is_fresh(&self, now: Timestamp) -> bool {
        let Some(asked_at) = self.asked_at else { return false };
        let age_ms = now.ms_since(asked_at);
        let is_calm = !self.is_doubted && self.view.as_ref().is_none_or(|view| view.is_calm(self.sent_since));
        // A doubt is looked into soon and not at once: a thousand messages that are refused ask once.
        age_ms < if is_calm { SES_ACCOUNT_FRESH_MS } else { SES_ACCOUNT_FRESH_MS_MIN }
    }

    fn verdict(&self) -> Result<(), Failure> {
        let Some(view) = &self.view else { return Ok(()) };
        if !view.sending_enabled {
            let words = "SES says that sending is switched off for this account in this region: see the reputation \
                         dashboard of the SES console; messages wait";
            return Err(outcome::account_fault(Cause::known("ses_sending_paused"), words));
        }
        if view.left_today(self.sent_since) == Some(0) {
            return Err(outcome::account_fault(CAUSE_QUOTA, WORDS_QUOTA));
        }
        Ok(())
    }

    /// The part of the rate that SES lets us have, in percent.
    fn left_percent(&self, now: Timestamp) -> u32 {
        let Some((left, since)) = self.slowed else { return 100 };
        let steps = u32::try_from(now.ms_since(since) / RECOVERY_MS).unwrap_or(u32::MAX);
        left.saturating_add(steps.saturating_mul(RECOVERY_PERCENT)).min(100)
    }
}

fn tell(view: &AccountView) {
    let AccountView { sending_enabled, production_access, rate_per_1000_secs, daily_quota, .. } = view;
    tracing::info!(
        sending_enabled,
        production_access,
        enforcement = view.enforcement.as_deref(),
        rate_per_1000_secs,
        daily_quota,
        "what SES lets the account do"
    );
}
