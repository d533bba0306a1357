//! What a month costs, as metrics.

use std::sync::Arc;

use async_trait::async_trait;
use postrider_aws::cost::{Usage, Volume};
use postrider_aws::emf::Metric;
use postrider_core::domain::time::Timestamp;
use postrider_lambda::cost::{self, CostError, Money};
use postrider_testkit::contract::scene::recipient_rules;
use postrider_testkit::memory_ledger::MemoryLedger;

fn now() -> Timestamp {
    "2026-11-10T00:00:00Z".parse().unwrap()
}

fn money(budget: Option<&str>) -> Money {
    Money {
        ledger: Arc::new(MemoryLedger::new(recipient_rules())),
        usage: Usage::shipped().unwrap(),
        budget: budget.map(|usd| usd.parse().unwrap()),
    }
}

struct Sent(Result<u64, &'static str>);

#[async_trait]
impl Volume for Sent {
    async fn last_day(&self, _now: Timestamp) -> Result<u64, String> {
        self.0.map_err(str::to_owned)
    }
}

#[tokio::test]
async fn the_month_and_the_email_have_a_price_at_the_rate_of_the_last_day() {
    let measured = cost::handle(&Sent(Ok(10_000)), &money(None), now()).await.unwrap();
    let number = |metric| measured.sampled(metric)[0].as_f64().unwrap();
    let (month, email) = (number(Metric::EstimatedCostUsd), number(Metric::CostPerEmailUsd));
    // 300,000 messages at 0.16 a thousand, what they take besides, and what stands without them.
    assert!((60.0..80.0).contains(&month), "{month}");
    assert!((email - month / 300_000.0).abs() < 1e-8, "{email}");
}

#[tokio::test]
async fn where_nothing_was_sent_only_the_month_has_a_price() {
    let measured = cost::handle(&Sent(Ok(0)), &money(None), now()).await.unwrap();
    assert_eq!(measured.sampled(Metric::EstimatedCostUsd).len(), 1);
    assert!(measured.sampled(Metric::CostPerEmailUsd).is_empty());
}

#[tokio::test]
async fn where_nobody_knows_how_much_was_sent_nothing_is_published() {
    let error = cost::handle(&Sent(Err("SES did not answer")), &money(None), now()).await.unwrap_err();
    assert_eq!(error, CostError::Volume("SES did not answer".to_owned()));
}

#[tokio::test]
async fn a_spent_budget_holds_and_a_higher_one_lets_go() {
    let mut money = money(Some("60"));
    let (mut now, mut held_at) = (now(), None);
    let hold = |measured: &postrider_aws::emf::Measurements| {
        measured.sampled(Metric::BudgetHold)[0].as_u64().unwrap()
    };
    // 48 dollars a day of e-mails, counted from the second look on.
    for hour in 0..48 {
        let measured = cost::handle(&Sent(Ok(288_000)), &money, now).await.unwrap();
        if hold(&measured) == 1 {
            held_at = held_at.or(Some(hour));
        }
        now = now.plus_ms(3_600_000);
    }
    // 288,000 e-mails cost 48.34 dollars: the sixtieth is spent in the thirtieth hour.
    assert_eq!(held_at, Some(30));
    let account = postrider_core::use_cases::budget::account(&*money.ledger, Default::default(), now).await;
    assert_eq!(account.unwrap().unwrap().hold.unwrap().budget.to_string(), "60.00");
    money.budget = Some("500".parse().unwrap());
    assert_eq!(hold(&cost::handle(&Sent(Ok(288_000)), &money, now).await.unwrap()), 0);
}

#[tokio::test]
async fn what_could_not_be_remembered_is_an_error_and_nothing_is_published() {
    use postrider_testkit::faulty_ledger::{Fault, FaultyLedger};
    let mut money = money(Some("60"));
    let ledger = Arc::new(FaultyLedger::new(Arc::clone(&money.ledger)));
    ledger.plan([Fault::Refuse]);
    money.ledger = ledger;
    let error = cost::handle(&Sent(Ok(1)), &money, now()).await.unwrap_err();
    assert!(matches!(error, CostError::Ledger(_)), "{error}");
}
