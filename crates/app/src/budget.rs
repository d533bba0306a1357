//! Keeps the month's money where SES sends: counts once an hour, and holds sending when the budget is spent.

use std::sync::Arc;
use std::time::Duration;

use postrider_aws::cost::{Prices, Usage, rates};
use postrider_aws::ses::Account;
use postrider_core::domain::budget::BudgetTurn;
use postrider_core::use_cases::budget;
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

/// Who counts.
pub struct Keeper {
    api: Api,
    account: Arc<Account>,
}

impl Keeper {
    /// Counts what `account` says into the ledger of `api`.
    pub fn new(api: &Api, account: Arc<Account>) -> Self {
        Self { api: api.clone(), account }
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
        let Some(view) = self.account.view() else { return false };
        let Tariff { rates, budget: most } = self.api.tariff;
        let now = self.api.clock.now();
        let kept = budget::keep(&*self.api.ledger, view.sent_last_day, rates, most, now).await;
        let (account, turn) = match kept {
            Ok(kept) => kept,
            Err(error) => {
                tracing::error!(%error, "what was spent could not be counted; it is tried again");
                return false;
            }
        };
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
