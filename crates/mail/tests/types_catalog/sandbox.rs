//! Messages while a sandbox is on.

use async_trait::async_trait;
use mail_parser::MessageParser;
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::bounce::BounceClass;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::event::Event;
use postrider_core::domain::feedback::{Reach, Report, ReportKind, ReportSource};
use postrider_core::domain::notification::Notification;
use postrider_core::domain::outcome::{
    self, AttemptOutcome, Cause, Failure, FailureClass, FaultScope, Words,
};
use postrider_core::domain::retry::RetryPolicy;
use postrider_core::ports::catalog::{Catalog as _, Composed};
use postrider_core::ports::ledger::Claim;
use postrider_core::ports::mailer::{Mailer, OutgoingMessage, Stop};
use postrider_core::use_cases::deliver::Deliver;
use postrider_core::use_cases::record_feedback::IncomingReport;
use postrider_mail::types::{Allowed, Resources, Sandbox, Sender, TypeSet, TypeSource, recompose};
use postrider_testkit::clock::ManualClock;
use postrider_testkit::contract::scene::recipient_rules;
use postrider_testkit::memory_ledger::MemoryLedger;
use postrider_testkit::random::SeededRandom;

use serde_json::json;

use crate::fixture::{compose, event, instant, notification, order, sender, shipped, stored};

fn types(redirect_to: Option<&str>, allow: &[&str]) -> TypeSet {
    let sandbox = Sandbox {
        redirect_to: redirect_to.map(|address| EmailAddress::parse(address).unwrap()),
        allow: allow.iter().map(|text| Allowed::parse(text).unwrap()).collect(),
    };
    TypeSet::load(&TypeSource::Shipped, Sender { sandbox: Some(sandbox), ..sender() }).unwrap()
}

fn subject(composed: &Composed) -> String {
    MessageParser::default().parse(&composed.message).unwrap().subject().unwrap().to_owned()
}

#[test]
fn a_redirected_message_goes_to_the_stand_in_alone_and_says_for_whom_it_was() {
    let composed = compose(&types(Some("tester@shop.test"), &[]), &order());
    assert_eq!(composed.envelope.recipient.as_str(), "tester@shop.test");
    let own = subject(&compose(&shipped(), &order()));
    assert_eq!(subject(&composed), format!("[sandbox → a***@example.com] {own}"));
    let head = String::from_utf8_lossy(&composed.message).split("\r\n\r\n").next().unwrap().to_owned();
    assert!(head.contains("tester@shop.test") && !head.contains("ada@example.com"), "{head}");
}

#[test]
fn the_notification_keeps_its_own_recipient() {
    let types = types(Some("tester@shop.test"), &[]);
    assert_eq!(notification(&types, &order()).to.as_str(), "ada@example.com");
}

#[test]
fn whoever_is_allowed_gets_the_very_message_that_would_be_sent_without() {
    let composed = compose(&types(Some("tester@shop.test"), &["example.com"]), &order());
    assert_eq!(composed.envelope.recipient.as_str(), "ada@example.com");
    assert_eq!(composed.message, compose(&shipped(), &order()).message);
}

#[test]
fn without_a_stand_in_nothing_is_made_for_others() {
    let types = types(None, &["bob@example.com"]);
    let notification = notification(&types, &order());
    let failure = types.compose(&notification, &stored(&order()), instant()).unwrap_err();
    assert_eq!(failure.cause.as_str(), "sandbox_not_allowed");
    assert!(failure.words.as_str().contains("sandbox.allow"));
}

#[test]
fn a_redirected_message_can_be_shown_again_when_the_sandbox_is_off() {
    let types = types(Some("tester@shop.test"), &["bob@example.com", "shop.test"]);
    let composed = compose(&types, &order());
    let (id, bundle) = types.renditions().into_iter().find(|(id, _)| *id == composed.copy.rendition).unwrap();
    assert_ne!(Some(id), shipped().renditions().first().map(|(id, _)| *id));
    let notification = notification(&shipped(), &order());
    assert_eq!(
        recompose(&bundle, &notification, &stored(&order()), &composed.copy, &Resources::default()).unwrap(),
        composed.message
    );
}

#[test]
fn a_message_without_a_type_is_kept_from_its_recipient_as_well() {
    let data = json!({
        "idempotencyKey": "k", "from": "orders@shop.example.com", "to": ["ada@example.com"], "subject": "Hello",
        "text": "Hello", "headers": { "List-Unsubscribe": "<https://shop.example.com/unsubscribe/ada>" }
    });
    let direct = Event { event_type: "email.send".to_owned(), ..event(data.clone()) };
    let redirected = types(Some("tester@shop.test"), &[]);
    let plan = redirected.plan(&direct).unwrap().remove(0);
    let message = Notification {
        notification_type: plan.notification_type,
        to: plan.to,
        order_id: None,
        ..notification(&redirected, &order())
    };
    let composed = redirected.compose(&message, &stored(&data), instant()).unwrap();
    assert_eq!(composed.envelope.recipient.as_str(), "tester@shop.test");
    assert_eq!(subject(&composed), "[sandbox → a***@example.com] Hello");
    let text = String::from_utf8_lossy(&composed.message);
    assert!(!text.contains("ada@example.com"), "{text}");
    assert!(!text.contains("List-Unsubscribe"), "who stands in must not unsubscribe the recipient: {text}");
    let (_, bundle) =
        redirected.renditions().into_iter().find(|(id, _)| *id == composed.copy.rendition).unwrap();
    let again = recompose(&bundle, &message, &stored(&data), &composed.copy, &Resources::default());
    assert_eq!(again, Ok(composed.message));
    let nobody = types(None, &[]);
    let failure = nobody.compose(&message, &stored(&data), instant()).unwrap_err();
    assert_eq!(failure.cause.as_str(), "sandbox_not_allowed");
    let allowed = types(None, &["ada@example.com"]).compose(&message, &stored(&data), instant()).unwrap();
    assert_eq!(allowed.envelope.recipient.as_str(), "ada@example.com");
}

fn bounce(about: Option<&str>) -> IncomingReport {
    IncomingReport {
        report: Report {
            kind: ReportKind::Bounced(BounceClass::UnknownUser),
            status: None,
            diagnostic: Words::default(),
            source: ReportSource::Ses,
            occurred_at: None,
            recipient: about.map(|address| EmailAddress::parse(address).unwrap()),
            fingerprint: Fingerprint::of_parts(&[b"bounce"]),
        },
        references: Vec::new(),
        may_condemn: true,
    }
}

#[test]
fn what_comes_back_about_the_stand_in_settles_the_order_and_condemns_nobody() {
    let types = types(Some("tester@shop.test"), &["bob@example.com"]);
    let ada = EmailAddress::parse("ada@example.com").unwrap();
    for about in [Some("Tester@shop.test"), None] {
        let counted = bounce(about).for_recipients_of(&types);
        assert_eq!((counted.report.reach(&ada), counted.may_condemn), (Reach::Whole, false), "{about:?}");
    }
    let own = bounce(Some("bob@example.com"));
    assert_eq!(own.clone().for_recipients_of(&types), own, "who is allowed gets and returns their own");
    let stand_in = bounce(Some("tester@shop.test"));
    assert_eq!(stand_in.clone().for_recipients_of(&shipped()), stand_in);
}

/// Refuses every recipient as unknown.
struct Refusing;

#[async_trait]
impl Mailer for Refusing {
    fn name(&self) -> &'static str {
        "smtp"
    }

    fn deadline_ms(&self) -> u64 {
        1_000
    }

    async fn send(&self, _: &OutgoingMessage, _: Stop<'_>) -> AttemptOutcome {
        AttemptOutcome::NotAccepted(Failure {
            class: FailureClass::Permanent,
            scope: FaultScope::Message,
            cause: Cause::known("smtp_550_5.1.1"),
            words: Words::new("550 5.1.1 no such user"),
            spends_attempt: true,
            reach: outcome::Reach::Answered,
            is_account_fault: false,
        })
    }
}

/// Whether the refusal of a message puts its recipient on the suppression list.
async fn condemns(types: &TypeSet) -> bool {
    let deliver = Deliver {
        ledger: &MemoryLedger::new(recipient_rules()),
        catalog: types,
        mailer: &Refusing,
        clock: &ManualClock::at(instant()),
        random: &SeededRandom::new(1),
        policy: &RetryPolicy::default(),
        renditions: None,
        is_on_hold: false,
    };
    let claim = Claim { notification: notification(types, &order()), event: stored(&order()) };
    deliver.run(claim, instant(), &mut std::future::pending()).await.finish.condemns_address
}

#[tokio::test]
async fn a_refusal_of_the_stand_in_does_not_condemn_the_recipient() {
    assert!(condemns(&shipped()).await);
    assert!(condemns(&types(Some("tester@shop.test"), &["example.com"])).await);
    assert!(!condemns(&types(Some("tester@shop.test"), &[])).await);
}
