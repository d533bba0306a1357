//! What the account may do, and keeping to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use postrider_aws::ses::Account;
use postrider_core::domain::outcome::AttemptOutcome;
use postrider_core::ports::clock::Clock;
use serde_json::json;

use super::scene::{Scene, sdk};
use postrider_testkit::http_endpoint::{Answer, Script};
use postrider_testkit::ses_answers::{accepted, account, outbound};

const NOW: Duration = Duration::ZERO;

#[tokio::test]
async fn the_account_is_asked_once_a_minute_however_many_senders_there_are() {
    let scene = Scene::start(outbound(Vec::new())).await;
    let looks = || scene.endpoint.count("/v2/email/account");
    tokio::join!(scene.send(), scene.send(), scene.send());
    assert_eq!(looks(), 1);
    scene.clock.advance_ms(59_000);
    scene.send().await;
    assert_eq!(looks(), 1);
    scene.clock.advance_ms(1_000);
    scene.send().await;
    assert_eq!(looks(), 2);
    assert_eq!(scene.account.rate_per_1000_secs(), Some(1_000_000));
}

#[tokio::test]
async fn a_process_takes_its_share_of_the_rate_and_no_more() {
    let scene = Scene::start(Box::new(|_, _| account(14.0, 50_000.0, 0.0))).await;
    let clock = Arc::clone(&scene.clock) as Arc<dyn Clock>;
    let quarter = Account::new(&sdk(&scene.endpoint.url), 25, clock);
    assert_eq!(quarter.rate_per_1000_secs(), None, "nobody has said");
    quarter.acquire(NOW).await.expect("the first turn is at once");
    assert_eq!(quarter.rate_per_1000_secs(), Some(3_500));
    let failure = quarter.acquire(NOW).await.expect_err("the next is 286 ms away");
    assert_eq!((failure.cause.as_str(), failure.spends_attempt), ("ses_rate_share", false));
}

#[tokio::test]
async fn many_senders_together_keep_to_the_rate() {
    let scene = Scene::start(Box::new(|_, _| account(100.0, 50_000.0, 0.0))).await;
    scene.account.refresh().await;
    let start = tokio::time::Instant::now();
    let senders = (0..30).map(async |_| {
        scene.account.acquire(Duration::from_secs(5)).await.expect("in time");
        start.elapsed()
    });
    let mut turns = futures_util::future::join_all(senders).await;
    turns.sort_unstable();
    for (number, turn) in turns.iter().enumerate() {
        let earliest = Duration::from_millis(10 * u64::try_from(number).expect("small"));
        assert!(*turn + Duration::from_millis(1) >= earliest, "{number}: {turn:?}");
    }
}

#[tokio::test]
async fn a_used_quota_parks_without_asking_and_frees_by_itself() {
    let looks = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&looks);
    let script: Box<Script> = Box::new(move |_, path| match path {
        "/v2/email/account" => match count.fetch_add(1, Ordering::SeqCst) {
            0 => account(14.0, 200.0, 198.0),
            1 => account(14.0, 200.0, 200.0),
            _ => account(14.0, 200.0, 100.0),
        },
        _ => accepted(),
    });
    let scene = Scene::start(script).await;
    for _ in 0..2 {
        assert!(matches!(scene.send().await, AttemptOutcome::Accepted { .. }));
    }
    let failure = scene.failure().await;
    assert_eq!(failure.cause.as_str(), "ses_daily_quota");
    assert!(failure.is_account_fault && !failure.spends_attempt);
    assert_eq!(scene.endpoint.count("/v2/email/outbound-emails"), 2, "the third was not tried");
    scene.clock.advance_ms(10_000);
    assert_eq!(scene.failure().await.cause.as_str(), "ses_daily_quota");
    scene.clock.advance_ms(10_000);
    assert!(matches!(scene.send().await, AttemptOutcome::Accepted { .. }));
}

#[tokio::test]
async fn an_account_that_is_switched_off_is_not_tried_until_it_is_on() {
    let looks = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&looks);
    let script: Box<Script> = Box::new(move |_, path| match path {
        "/v2/email/account" if count.fetch_add(1, Ordering::SeqCst) == 0 => {
            Answer::Http(200, json!({"SendingEnabled": false, "EnforcementStatus": "SHUTDOWN"}))
        }
        "/v2/email/account" => account(14.0, 200.0, 0.0),
        _ => accepted(),
    });
    let scene = Scene::start(script).await;
    assert_eq!(scene.failure().await.cause.as_str(), "ses_sending_paused");
    assert_eq!(scene.endpoint.count("/v2/email/outbound-emails"), 0);
    scene.clock.advance_ms(10_000);
    assert!(matches!(scene.send().await, AttemptOutcome::Accepted { .. }));
}

#[tokio::test]
async fn too_many_requests_lower_the_rate_which_recovers_bit_by_bit() {
    let throttled = || Answer::Error(429, "TooManyRequestsException", "Maximum sending rate exceeded.");
    let scene = Scene::start(outbound(vec![throttled(), throttled()])).await;
    scene.account.refresh().await;
    assert_eq!(scene.account.rate_per_1000_secs(), Some(1_000_000));
    scene.failure().await;
    assert_eq!(scene.account.rate_per_1000_secs(), Some(700_000));
    scene.failure().await;
    assert_eq!(scene.account.rate_per_1000_secs(), Some(700_000), "complaints of one moment count once");
    scene.clock.advance_ms(20_000);
    assert_eq!(scene.account.rate_per_1000_secs(), Some(900_000));
    scene.clock.advance_ms(20_000);
    assert_eq!(scene.account.rate_per_1000_secs(), Some(1_000_000));
}

#[tokio::test]
async fn too_many_requests_of_a_day_are_told_from_those_of_a_second_by_the_accounts_numbers() {
    let looks = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&looks);
    let script: Box<Script> = Box::new(move |_, path| match path {
        // Another process has used the day's quota meanwhile.
        "/v2/email/account" if count.fetch_add(1, Ordering::SeqCst) == 0 => account(14.0, 200.0, 0.0),
        "/v2/email/account" => account(14.0, 200.0, 200.0),
        _ => Answer::Error(429, "TooManyRequestsException", "Daily message quota exceeded."),
    });
    let scene = Scene::start(script).await;
    scene.account.refresh().await;
    scene.clock.advance_ms(10_000);
    let failure = scene.failure().await;
    assert_eq!((failure.cause.as_str(), failure.is_account_fault), ("ses_daily_quota", true));
}

#[tokio::test]
async fn where_the_account_may_not_be_asked_messages_go_all_the_same() {
    let script: Box<Script> = Box::new(|_, path| match path {
        "/v2/email/account" => Answer::Error(403, "AccessDeniedException", "no"),
        _ => accepted(),
    });
    let scene = Scene::start(script).await;
    assert!(matches!(scene.send().await, AttemptOutcome::Accepted { .. }));
    assert_eq!((scene.account.view(), scene.account.rate_per_1000_secs()), (None, None));
    scene.account.acquire(NOW).await.expect("no rate is known");
}
