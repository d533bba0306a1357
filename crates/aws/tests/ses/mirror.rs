//! Our suppression list and the account's, in step.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use postrider_aws::ses::suppressed::{AccountList, Direction, Mirror, MirrorError, Mirrored, Progress};
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::suppression::{Secret, SoftBounceRule, SuppressionReason};
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::clock::Clock;
use postrider_core::ports::feedback::{
    FeedbackLedger as _, ListElsewhere as _, NewSuppression, RecipientRules,
};
use postrider_core::ports::ledger::Ledger;
use postrider_testkit::clock::ManualClock;
use postrider_testkit::memory_ledger::MemoryLedger;
use serde_json::{Value, json};

use super::scene::sdk;
use postrider_testkit::http_endpoint::{Answer, Endpoint, Script};

const LIST: &str = "/v2/email/suppression/addresses";

/// An account whose list grows and shrinks as it is asked to.
fn account(entries: &[(&str, &str)]) -> (Box<Script>, Arc<Mutex<Vec<String>>>) {
    let summaries = entries.iter().map(|(address, reason)| {
        json!({"EmailAddress": address, "Reason": reason, "LastUpdateTime": 1_795_400_000.0})
    });
    let (all, changes) = (summaries.collect::<Vec<Value>>(), Arc::new(Mutex::new(Vec::new())));
    let kept = Arc::clone(&changes);
    let script: Box<Script> = Box::new(move |method, path| match (method, path) {
        // Two to a page, and the page that was asked for stands in the query, which the path here has not.
        ("GET", LIST) => {
            let mut pages = kept.lock().expect("lock");
            let asked = pages.iter().filter(|change| *change == "page").count();
            pages.push("page".to_owned());
            let page: Vec<_> = all.iter().skip(2 * asked).take(2).cloned().collect();
            let more = all.len() > 2 * (asked + 1);
            Answer::Http(
                200,
                json!({"SuppressedDestinationSummaries": page, "NextToken": more.then_some("more")}),
            )
        }
        ("PUT", LIST) => Answer::Http(200, json!({})),
        ("DELETE", path) if path.ends_with("gone%40example.com") => {
            Answer::Error(404, "NotFoundException", "not there")
        }
        ("DELETE", path) if path.ends_with("stuck%40example.com") => {
            Answer::Error(400, "BadRequestException", "no: stuck@example.com")
        }
        ("DELETE", _) => Answer::Http(200, json!({})),
        _ => Answer::Error(500, "InternalFailure", ""),
    });
    (script, changes)
}

struct World {
    endpoint: Endpoint,
    ledger: Arc<MemoryLedger>,
    clock: Arc<ManualClock>,
}

impl World {
    async fn new(entries: &[(&str, &str)]) -> Self {
        let endpoint = Endpoint::start(account(entries).0).await;
        let rules = RecipientRules { secret: Secret::new([7; 32]), soft_bounces: SoftBounceRule::default() };
        Self { endpoint, ledger: Arc::new(MemoryLedger::new(rules)), clock: Arc::new(ManualClock::default()) }
    }

    fn list(&self) -> AccountList {
        AccountList::new(&sdk(&self.endpoint.url), Duration::ZERO)
    }

    fn mirror(&self, direction: Direction) -> Mirror {
        let (ledger, clock) = (Arc::clone(&self.ledger) as Arc<dyn Ledger>, Arc::clone(&self.clock));
        Mirror::new(self.list(), ledger, clock as Arc<dyn Clock>, direction)
    }

    async fn suppress(&self, address: &str, reason: SuppressionReason) {
        let now = self.clock.now();
        let entry = NewSuppression {
            address: parse(address),
            category: None,
            reason,
            source: "dsn".to_owned(),
            since: now,
            expires_at: None,
            now,
        };
        self.ledger.suppress(entry).await.expect("suppresses");
    }

    async fn reason_of(&self, address: &str) -> Option<(SuppressionReason, Timestamp)> {
        let entries = self.ledger.suppressions_of(parse(address), self.clock.now()).await.expect("reads");
        entries.first().map(|entry| (entry.reason, entry.since))
    }

    /// What was put on the account's list.
    fn put(&self) -> Vec<(String, String)> {
        let requests = self.endpoint.requests.lock().expect("lock");
        let put = requests.iter().filter(|request| request.method == "PUT");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        put.map(|request| (text(&request.body["EmailAddress"]), text(&request.body["Reason"]))).collect()
    }
}

fn parse(address: &str) -> EmailAddress {
    EmailAddress::parse(address).expect("an address")
}

#[tokio::test]
async fn what_the_account_has_is_brought_in_page_by_page_once() {
    let entries = vec![
        ("ada@example.com", "BOUNCE"),
        ("bob@example.com", "COMPLAINT"),
        ("no address", "BOUNCE"),
        ("eve@example.com", "BOUNCE"),
        ("zoe@example.com", "BOUNCE"),
    ];
    let world = World::new(&entries).await;
    world.suppress("eve@example.com", SuppressionReason::Complaint).await;
    let mut progress = Progress::default();
    let mirrored = world.mirror(Direction::From).pass(&mut progress).await.expect("passes");
    assert_eq!(mirrored, Mirrored { given: 0, taken: 3, skipped: 1 });
    let since = Timestamp::from_millis(1_795_400_000_000);
    assert_eq!(world.reason_of("ada@example.com").await, Some((SuppressionReason::HardBounce, since)));
    assert_eq!(world.reason_of("bob@example.com").await, Some((SuppressionReason::Complaint, since)));
    assert_eq!(world.reason_of("eve@example.com").await.map(|it| it.0), Some(SuppressionReason::Complaint));
    assert_eq!(progress, Progress { given_until: None, taken_until: Some(world.clock.now()) });
    assert!(world.put().is_empty(), "nothing goes the other way");
}

#[tokio::test]
async fn hard_bounces_and_complaints_are_given_and_nothing_else() {
    let world = World::new(&[]).await;
    world.suppress("ada@example.com", SuppressionReason::HardBounce).await;
    world.suppress("bob@example.com", SuppressionReason::Complaint).await;
    world.suppress("eve@example.com", SuppressionReason::Manual).await;
    world.suppress("zoe@example.com", SuppressionReason::RepeatedSoftBounces).await;
    let mut progress = Progress::default();
    let mirrored = world.mirror(Direction::To).pass(&mut progress).await.expect("passes");
    assert_eq!(mirrored, Mirrored { given: 2, taken: 0, skipped: 0 });
    let mut put = world.put();
    put.sort();
    let expected = [("ada@example.com", "BOUNCE"), ("bob@example.com", "COMPLAINT")];
    assert_eq!(put, expected.map(|(address, reason)| (address.to_owned(), reason.to_owned())));
}

#[tokio::test]
async fn a_later_pass_gives_what_is_new_and_never_what_came_from_the_account() {
    let world = World::new(&[("bob@example.com", "BOUNCE")]).await;
    world.suppress("old@example.com", SuppressionReason::HardBounce).await;
    world.clock.advance_ms(120_000);
    let mut progress = Progress::default();
    let mirror = world.mirror(Direction::Both);
    assert_eq!(mirror.pass(&mut progress).await, Ok(Mirrored { given: 1, taken: 1, skipped: 0 }));
    world.clock.advance_ms(3_600_000);
    world.suppress("new@example.com", SuppressionReason::HardBounce).await;
    assert_eq!(mirror.pass(&mut progress).await.map(|done| done.taken), Ok(0));
    let put: Vec<_> = world.put().into_iter().map(|(address, _)| address).collect();
    assert_eq!(put, ["old@example.com", "new@example.com"]);
    assert_eq!(world.reason_of("old@example.com").await.map(|it| it.0), Some(SuppressionReason::HardBounce));
}

#[tokio::test]
async fn a_refusal_keeps_what_was_done_and_names_no_address() {
    let endpoint = Endpoint::start(Box::new(|method, _| match method {
        "GET" => Answer::Http(200, json!({"SuppressedDestinationSummaries": []})),
        _ => Answer::Error(403, "AccessDeniedException", "not for ada@example.com"),
    }))
    .await;
    let world = World { endpoint, ..World::new(&[]).await };
    world.suppress("ada@example.com", SuppressionReason::HardBounce).await;
    let mut progress = Progress::default();
    let error = world.mirror(Direction::Both).pass(&mut progress).await.expect_err("refused");
    assert_eq!(error, MirrorError::Ses { code: "AccessDeniedException".to_owned() });
    assert!(!error.to_string().contains("ada@"));
    assert_eq!((progress.given_until, progress.taken_until), (None, Some(world.clock.now())));
}

#[tokio::test]
async fn an_address_is_taken_off_the_accounts_list_or_was_not_on_it() {
    let world = World::new(&[]).await;
    let list = world.list();
    list.remove(&parse("ada@example.com")).await.expect("removed");
    list.remove(&parse("gone@example.com")).await.expect("was not there");
    let error = list.remove(&parse("stuck@example.com")).await.expect_err("refused");
    assert_eq!(error.code, "BadRequestException");
    assert!(!error.to_string().contains('@'), "{error}");
    let requests = world.endpoint.requests.lock().expect("lock");
    assert_eq!(requests[0].path, format!("{LIST}/ada%40example.com"));
}
