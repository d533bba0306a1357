//! Keeps the month's money where SES sends: counts once an hour, and holds sending when the budget is spent.

use std::time::Duration;

use postrider_aws::cost::{Prices, Usage, rates};
use postrider_core::domain::budget::BudgetTurn;
use postrider_core::use_cases::budget::{self, Kept};
use postrider_environment::config::{MailerSettings, Settings};
use postrider_http::state::{Api, Tariff};
use tokio::sync::watch;

/// How often is counted.
const INTERVAL: Duration = Duration::from_secs(3_600);
/// How soon it is tried again where SES has not said yet how much was sent, or the ledger could not be written.
const AGAIN: Duration = Duration::from_secs(30);

/// What sending costs, and how much it may. Only SES is paid by the message.
pub fn tariff(settings: &Settings) -> Tariff {
    let is_ses = matches!(settings.mailer, MailerSettings::Ses(_));
    let known = || rates(&Prices::shipped().ok()?, &Usage::of_ses_alone().ok()?).ok();
    Tariff { rates: is_ses.then(known).flatten().unwrap_or_default(), budget: settings.budget.monthly_usd }
}

/// Says how much the mail service sent in the last 24 hours, if that is known yet.
pub type SentLastDay = Box<dyn Fn() -> Option<u64> + Send + Sync>;

/// Who counts.
pub struct Keeper {
    api: Api,
    sent_last_day: SentLastDay,
}

impl Keeper {
    /// Counts what `sent_last_day` says into the ledger of `api`.
    pub fn new(api: &Api, sent_last_day: SentLastDay) -> Self {
        Self { api: api.clone(), sent_last_day }
    }

    /// Counts now and then, until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        loop {
            let count_and_pause = async {
                let pause = if self.count().await { INTERVAL } else { AGAIN };
                tokio::time::sleep(pause).await;
            };
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = count_and_pause => {}
            }
        }
    }

    /// Tells whether it could count.
    async fn count(&self) -> bool {
        let Some(sent_last_day) = (self.sent_last_day)() else { return false };
        let Tariff { rates, budget: most } = self.api.tariff;
        let now = self.api.clock.now();
        let kept = budget::keep(&*self.api.ledger, sent_last_day, rates, most, now).await;
        let Kept { account, turn, was_ahead_ms } = match kept {
            Ok(kept) => kept,
            Err(error) => {
                tracing::error!(%error, "what was spent could not be counted; it is tried again");
                return false;
            }
        };
        if let Some(was_ahead_ms) = was_ahead_ms {
            tracing::error!(was_ahead_ms, "{}", budget::CLOCK_WAS_AHEAD);
        }
        let (spent, forecast) = (account.spending.spent, account.spending.forecast);
        match turn {
            BudgetTurn::Unchanged => {}
            BudgetTurn::Held(hold) => {
                self.api.hold.forget();
                tracing::error!(
                    %spent, budget = %hold.budget, until = %hold.until,
                    "the month's budget is spent: what comes in is held, nothing is sent. Raise budget.monthly_usd, or say \
                     `postrider cost release`"
                );
            }
            BudgetTurn::Lifted => {
                self.api.hold.forget();
                tracing::warn!(%spent, %forecast, "the budget's hold is over; what it held is queued");
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use postrider_core::domain::budget::BudgetRecord;
    use postrider_core::ports::clock::Clock;
    use postrider_environment::config::RawSettings;
    use postrider_testkit::clock::ManualClock;

    use super::*;
    use crate::runtime::{Parts, Server, Types};

    fn settings(text: &[(&str, &str)]) -> Settings {
        let mut raw = RawSettings::default();
        for (path, value) in text {
            raw.set(path, (*value).into(), "a test").unwrap();
        }
        Settings::check(&raw).unwrap()
    }

    #[test]
    fn only_ses_is_paid_by_the_message() {
        assert_eq!(tariff(&settings(&[])), Tariff::default());
        let ses = [("mailer.kind", "ses"), ("sender.from", "orders@shop.test"), ("budget.monthly_usd", "20")];
        let tariff = tariff(&settings(&ses));
        assert_eq!(
            (tariff.rates.email.to_string(), tariff.budget),
            ("0.00016".to_owned(), Some("20".parse().unwrap()))
        );
    }

    #[tokio::test]
    async fn a_server_counts_what_ses_says_and_holds_when_the_budget_is_spent() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        let own = settings(&[("server.data_dir", data_dir.to_str().unwrap())]);
        let parts = Box::pin(Parts::open(&own, Types::Unused)).await.unwrap();
        let clock = Arc::new(ManualClock::default());
        let ses = settings(&[
            ("mailer.kind", "ses"),
            ("sender.from", "orders@shop.test"),
            ("budget.monthly_usd", "1"),
        ]);
        let api =
            Api { clock: Arc::clone(&clock) as Arc<dyn Clock>, tariff: tariff(&ses), ..parts.api.clone() };
        let said = Arc::new(AtomicU64::new(u64::MAX));
        let says = Arc::clone(&said);
        let sent_last_day = move || Some(says.load(Ordering::SeqCst)).filter(|sent| *sent < u64::MAX);
        let keeper = Keeper::new(&api, Box::new(sent_last_day));
        assert!(!keeper.count().await, "SES has not said anything yet");
        // 6,249 e-mails cost less than a dollar, one more costs as much.
        for (sent, is_on) in [(0, false), (6_249, false), (6_250, true)] {
            clock.advance_ms(3_600_000);
            said.store(sent, Ordering::SeqCst);
            assert!(keeper.count().await);
            let now = clock.now();
            assert_eq!(api.hold.is_on(&*api.ledger, now).await, Ok(is_on), "{sent}");
        }
        parts.ledger.close().await;
    }

    #[tokio::test]
    async fn a_server_that_sends_without_ses_ends_a_hold_from_before() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        let own =
            settings(&[("server.data_dir", data_dir.to_str().unwrap()), ("server.listen", "127.0.0.1:0")]);
        let open = async || Box::pin(Parts::open(&own, Types::Unused)).await.unwrap();
        let parts = open().await;
        let now = parts.api.clock.now();
        let mut record = BudgetRecord::new(now);
        record.judge(Some("5".parse().unwrap()), "6".parse().unwrap(), now);
        assert!(parts.api.ledger.store_budget(record, 0).await.unwrap());
        parts.ledger.close().await;
        drop(parts);
        Box::pin(Server::start(&own)).await.unwrap().stop().await;
        let parts = open().await;
        let record = parts.api.ledger.budget().await.unwrap().unwrap().record;
        assert!(!record.is_holding(now) && record.is_lifting(parts.api.clock.now()));
        parts.ledger.close().await;
    }
}
