//! What a month costs, as metrics.

use async_trait::async_trait;
use postrider_aws::cost::Volume;
use postrider_aws::emf::Metric;
use postrider_core::domain::time::Timestamp;
use postrider_lambda::cost::{self, CostError};

struct Sent(Result<u64, &'static str>);

#[async_trait]
impl Volume for Sent {
    async fn last_day(&self, _now: Timestamp) -> Result<u64, String> {
        self.0.map_err(str::to_owned)
    }
}

#[tokio::test]
async fn the_month_and_the_email_have_a_price_at_the_rate_of_the_last_day() {
    let measured = cost::handle(&Sent(Ok(10_000)), Timestamp::EPOCH).await.unwrap();
    let number = |metric| measured.sampled(metric)[0].as_f64().unwrap();
    let (month, email) = (number(Metric::EstimatedCostUsd), number(Metric::CostPerEmailUsd));
    // 300,000 messages at 0.16 a thousand, what they take besides, and what stands without them.
    assert!((48.0..66.0).contains(&month), "{month}");
    assert!((email - month / 300_000.0).abs() < 1e-8, "{email}");
}

#[tokio::test]
async fn where_nothing_was_sent_only_the_month_has_a_price() {
    let measured = cost::handle(&Sent(Ok(0)), Timestamp::EPOCH).await.unwrap();
    assert_eq!(measured.sampled(Metric::EstimatedCostUsd).len(), 1);
    assert!(measured.sampled(Metric::CostPerEmailUsd).is_empty());
}

#[tokio::test]
async fn where_nobody_knows_how_much_was_sent_nothing_is_published() {
    let error = cost::handle(&Sent(Err("SES did not answer")), Timestamp::EPOCH).await.unwrap_err();
    assert_eq!(error, CostError::Volume("SES did not answer".to_owned()));
}
