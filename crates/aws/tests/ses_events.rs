//! Every example of AWS's documentation, and what it comes to.

#![expect(clippy::expect_used, reason = "the helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use postrider_aws::ses_event::{EventKind, InvalidEvent, SesEvent, TAG, read};
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::bounce::{BounceClass, classify};
use postrider_core::domain::feedback::{Reference, Report, ReportKind, ReportSource};
use postrider_core::limits::{SES_EVENT_BYTES_MAX, SES_RECIPIENTS_MAX};
use proptest::prelude::*;

const SES_ID: &str = "0100019ab3c4d5e6-7f8e9d0c-1b2a-4938-8475-665544332211-000000";
const CUSTOMER: &str = "customer@shop.example";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ses")
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(format!("{name}.json"))).expect(name)
}

fn parsed(name: &str) -> SesEvent {
    read(&fixture(name)).expect(name)
}

fn changed(name: &str, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(fixture(name)).expect("UTF-8");
    assert!(text.contains(from), "{name} has no {from}");
    text.replace(from, to).into_bytes()
}

/// The class the words of a report give, where SES itself names none.
fn by_words(report: &Report, smtp_code: Option<u16>) -> BounceClass {
    classify(report.status, smtp_code, report.diagnostic.as_str())
}

fn recipients(event: &SesEvent) -> Vec<&str> {
    event.reports.iter().filter_map(|report| report.recipient.as_ref()).map(EmailAddress::as_str).collect()
}

#[test]
fn every_documented_example_becomes_what_it_says() {
    use BounceClass::{Content, ListedByService, MailboxFull, Network, Policy, TooLarge, UnknownUser};
    use ReportKind::{
        Accepted, AutoReply, Bounced, Clicked, Complained, Delayed, Delivered, NotSpam, Opened, Other,
        Rejected, RenderingFailed, SoftBounced,
    };
    let table: &[(&str, EventKind, ReportKind, Option<&str>)] = &[
        ("event_bounce_permanent_no_email", EventKind::Bounce, Bounced(UnknownUser), None),
        ("event_bounce_permanent_suppressed", EventKind::Bounce, Bounced(ListedByService), Some("5.1.1")),
        (
            "event_bounce_permanent_on_account_suppression_list",
            EventKind::Bounce,
            Bounced(ListedByService),
            Some("5.1.1"),
        ),
        ("event_bounce_transient_general_auto_reply", EventKind::Bounce, AutoReply, None),
        ("event_bounce_transient_mailbox_full", EventKind::Bounce, SoftBounced(MailboxFull), Some("4.2.2")),
        ("event_bounce_transient_message_too_large", EventKind::Bounce, SoftBounced(TooLarge), Some("5.3.4")),
        ("event_bounce_transient_content_rejected", EventKind::Bounce, SoftBounced(Content), Some("5.6.0")),
        (
            "event_bounce_transient_attachment_rejected",
            EventKind::Bounce,
            SoftBounced(Content),
            Some("5.7.0"),
        ),
        ("event_complaint", EventKind::Complaint, Complained, None),
        ("event_complaint_not_spam", EventKind::Complaint, NotSpam, None),
        ("event_complaint_auth_failure", EventKind::Complaint, Other, None),
        ("event_complaint_on_account_suppression_list", EventKind::Complaint, Bounced(ListedByService), None),
        ("event_delivery", EventKind::Delivery, Delivered, Some("2.6.0")),
        ("event_delivery_of_ours", EventKind::Delivery, Delivered, None),
        ("event_send", EventKind::Send, Accepted, None),
        ("event_reject", EventKind::Reject, Rejected, None),
        ("event_open", EventKind::Open, Opened, None),
        ("event_click", EventKind::Click, Clicked, None),
        ("event_rendering_failure", EventKind::RenderingFailure, RenderingFailed, None),
        ("event_delivery_delay", EventKind::DeliveryDelay, Delayed(Network), Some("4.4.1")),
        ("event_delivery_delay_mailbox_full", EventKind::DeliveryDelay, Delayed(MailboxFull), Some("4.2.2")),
        ("event_delivery_delay_spam_detected", EventKind::DeliveryDelay, Delayed(Policy), Some("4.7.0")),
        ("event_subscription", EventKind::Subscription, Other, None),
        ("event_unknown_kind", EventKind::Other, Other, None),
    ];
    for (name, kind, report_kind, status) in table {
        let event = parsed(name);
        assert_eq!(event.kind, *kind, "{name}");
        let [report] = event.reports.as_slice() else { panic!("{name}: {} reports", event.reports.len()) };
        assert_eq!(report.kind, *report_kind, "{name}");
        assert_eq!(report.status.map(|status| status.to_string()).as_deref(), *status, "{name}");
        assert_eq!(report.source, ReportSource::Ses, "{name}");
        assert!(report.occurred_at.is_some(), "{name}");
        assert_eq!(recipients(&event), [CUSTOMER], "{name}");
        assert_eq!(event.references.last(), Some(&Reference::Provider(SES_ID.to_owned())), "{name}");
    }
}

#[test]
fn words_decide_where_the_subtype_is_general() {
    let permanent =
        [("event_bounce_permanent_general", 550), ("event_bounce_permanent_general_blocked", 550)];
    for (name, code) in permanent {
        let event = parsed(name);
        let class = match by_words(&event.reports[0], Some(code)) {
            BounceClass::Undetermined => BounceClass::Hard,
            class => class,
        };
        assert_eq!(event.reports[0].kind, ReportKind::Bounced(class), "{name}");
    }
    let soft = [
        ("event_bounce_transient_general", Some(554), Some("4.4.7")),
        ("event_bounce_undetermined", None, None),
    ];
    for (name, code, status) in soft {
        let report = &parsed(name).reports[0];
        assert_eq!(report.kind, ReportKind::SoftBounced(by_words(report, code)), "{name}");
        assert_eq!(report.status.map(|status| status.to_string()).as_deref(), status, "{name}");
    }
    let report = &parsed("event_delivery_delay_undetermined").reports[0];
    assert_eq!(report.kind, ReportKind::Delayed(by_words(report, None)));
}

#[test]
fn a_permanent_bounce_that_says_nothing_is_hard() {
    for recipient in parsed("notification_bounce_without_dsn").reports {
        assert_eq!(recipient.kind, ReportKind::Bounced(BounceClass::Hard));
    }
}

#[test]
fn older_notifications_say_the_same_as_events() {
    let table: &[(&str, EventKind, &[&str])] = &[
        ("notification_bounce_with_dsn", EventKind::Bounce, &["jane@shop.example"]),
        (
            "notification_bounce_without_dsn",
            EventKind::Bounce,
            &["jane@shop.example", "richard@shop.example"],
        ),
        ("notification_complaint_with_feedback_report", EventKind::Complaint, &["richard@shop.example"]),
        ("notification_complaint_without_feedback_report", EventKind::Complaint, &["richard@shop.example"]),
        ("notification_delivery", EventKind::Delivery, &["jane@shop.example"]),
        ("notification_delivery_without_headers", EventKind::Delivery, &["jane@shop.example"]),
    ];
    for (name, kind, named) in table {
        let event = parsed(name);
        assert_eq!((event.kind, recipients(&event).as_slice()), (*kind, *named), "{name}");
        assert!(event.reports.iter().all(|report| report.occurred_at.is_some()), "{name}");
        for report in &event.reports {
            let expected = match kind {
                EventKind::Complaint => ReportKind::Complained,
                EventKind::Delivery => ReportKind::Delivered,
                _ => report.kind,
            };
            assert_eq!(report.kind, expected, "{name}");
        }
    }
}

#[test]
fn of_several_recipients_only_those_listed_are_reported() {
    let event = parsed("notification_bounce_without_dsn");
    assert_eq!(recipients(&event), ["jane@shop.example", "richard@shop.example"]);
    let fingerprints: BTreeSet<_> =
        event.reports.iter().map(|report| report.fingerprint.to_bytes()).collect();
    assert_eq!(fingerprints.len(), 2, "each recipient has a report of its own");
}

#[test]
fn a_recipient_whose_message_is_only_late_has_not_bounced_for_good() {
    let event = parsed("notification_bounce_of_several_kinds");
    assert_eq!(recipients(&event), ["jane@shop.example", "mary@shop.example"]);
    assert!(matches!(event.reports[0].kind, ReportKind::Bounced(_)));
    assert!(matches!(event.reports[1].kind, ReportKind::SoftBounced(_)));
}

#[test]
fn announcements_report_nothing() {
    let words = b"Successfully validated SNS topic for Amazon SES event publishing.";
    for event in [read(words).expect("words"), parsed("notification_subscription_succeeded")] {
        assert_eq!(event.kind, EventKind::Announcement);
        assert!(event.reports.is_empty() && event.references.is_empty());
    }
}

#[test]
fn our_tag_is_tried_first_then_our_message_id_then_the_id_of_ses() {
    let id = "ntf_01kanrt3f8q2w5e7r9t1y3z5x7";
    let ours = Reference::Notification(id.parse().expect("id"));
    let provider = Reference::Provider(SES_ID.to_owned());
    assert_eq!(parsed("event_delivery_of_ours").references, [ours.clone(), provider.clone()]);
    assert_eq!(parsed("event_delivery").references, std::slice::from_ref(&provider));

    let without_tag = changed("event_delivery_of_ours", &format!("\"{TAG}\""), "\"another\"");
    assert_eq!(read(&without_tag).expect("event").references, [ours.clone(), provider.clone()]);

    let other = "ntf_01kanrt3f8q2w5e7r9t1y3z5x8";
    let tagged_otherwise =
        changed("event_delivery_of_ours", &format!("      \"{id}\"\n"), &format!("      \"{other}\"\n"));
    let references = read(&tagged_otherwise).expect("event").references;
    assert_eq!(references, [Reference::Notification(other.parse().expect("id")), ours, provider]);
}

#[test]
fn an_event_that_comes_twice_has_the_same_fingerprints() {
    let mut all = BTreeSet::new();
    for (name, bytes) in fixtures() {
        let (once, twice) = (read(&bytes).expect(&name), read(&bytes).expect(&name));
        assert_eq!(once, twice, "{name}");
        // Spacing and the order of members are no difference either, where the kind is known.
        let value: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        if !matches!(once.kind, EventKind::Subscription | EventKind::Other) {
            assert_eq!(read(value.to_string().as_bytes()).expect(&name), once, "{name}");
        }
        all.extend(once.reports.iter().map(|report| report.fingerprint.to_bytes()));
    }
    assert!(all.len() > 15, "different events differ: {}", all.len());
}

#[test]
fn two_bounces_opens_and_clicks_of_one_message_are_told_apart() {
    let differ = |name: &str, from: &str, to: &str| {
        let other = read(&changed(name, from, to)).expect(name);
        assert_ne!(other.reports[0].fingerprint, parsed(name).reports[0].fingerprint, "{name}: {from}");
    };
    differ("event_bounce_transient_mailbox_full", "748596a7b8c9", "748596a7b8c0");
    differ("event_open", "12:00:01.250Z", "12:00:01.251Z");
    differ("event_click", "orders/4711?from=mail", "orders/4712?from=mail");
    differ("event_delivery", "7f8e9d0c-1b2a", "7f8e9d0c-1b2b");
    differ("event_delivery_delay", "09:25:30.095Z", "09:35:30.095Z");
    differ("event_complaint", "customer@shop.example\"\n      }", "client@shop.example\"\n      }");
}

#[test]
fn an_address_nobody_can_read_is_noted_and_has_no_effect() {
    let bytes = changed(
        "event_bounce_permanent_no_email",
        "\"emailAddress\": \"customer@shop.example\"",
        "\"emailAddress\": \"not an address\"",
    );
    let report = &read(&bytes).expect("event").reports[0];
    assert_eq!((report.kind, report.recipient.clone()), (ReportKind::Other, None));
    assert_eq!(report.establishes(), None);
}

#[test]
fn addresses_are_read_in_any_case_and_with_their_name() {
    let bytes = changed(
        "event_bounce_permanent_no_email",
        "\"emailAddress\": \"customer@shop.example\"",
        "\"emailAddress\": \"The Customer <Customer@SHOP.example>\"",
    );
    let event = read(&bytes).expect("event");
    assert_eq!(recipients(&event), ["Customer@shop.example"]);
    let known = parsed("event_bounce_permanent_no_email");
    assert_eq!(event.reports[0].fingerprint, known.reports[0].fingerprint, "however it is spelt");
}

#[test]
fn what_is_needed_must_be_there_and_of_its_type() {
    let read = |bytes: &[u8]| read(bytes).expect_err("is refused");
    assert!(matches!(read(b""), InvalidEvent::Json(_)));
    assert!(matches!(read(b"[]"), InvalidEvent::Json(_)));
    assert!(matches!(read(b"\xff\xfe"), InvalidEvent::Json(_)));
    assert_eq!(read(b"{}"), InvalidEvent::Missing("eventType"));
    assert_eq!(read(br#"{"eventType":"Bounce"}"#), InvalidEvent::Missing("mail"));
    assert_eq!(read(br#"{"eventType":"Bounce","mail":{"messageId":"a"}}"#), InvalidEvent::Missing("bounce"));
    assert_eq!(read(br#"{"eventType":"Send","mail":{"messageId":""}}"#), InvalidEvent::MessageId);
    let long = format!(r#"{{"eventType":"Send","mail":{{"messageId":"{}"}}}}"#, "x".repeat(200));
    assert_eq!(read(long.as_bytes()), InvalidEvent::MessageId);
    let wrong = changed(
        "event_delivery",
        "\"customer@shop.example\"\n    ],\n    \"smtpResponse\"",
        "7\n    ],\n    \"smtpResponse\"",
    );
    assert!(matches!(read(&wrong), InvalidEvent::Json(_)));
}

#[test]
fn words_about_a_broken_event_quote_no_address() {
    let wrong = changed(
        "event_delivery",
        "\"destination\": [\n      \"customer@shop.example\"\n    ]",
        "\"destination\": \"customer@shop.example\"",
    );
    let words = read(&wrong).expect_err("is refused").to_string();
    assert!(!words.contains('@'), "{words}");
}

#[test]
fn sizes_are_bounded() {
    assert_eq!(read(&vec![b' '; SES_EVENT_BYTES_MAX + 1]), Err(InvalidEvent::TooLarge));
    let with = |count: usize| {
        let addresses: Vec<String> = (0..count).map(|n| format!("\"c{n}@shop.example\"")).collect();
        let mail = r#"{"messageId":"a"}"#;
        let list = addresses.join(",");
        read(
            format!(r#"{{"eventType":"Delivery","mail":{mail},"delivery":{{"recipients":[{list}]}}}}"#)
                .as_bytes(),
        )
    };
    assert_eq!(with(SES_RECIPIENTS_MAX).expect("fits").reports.len(), SES_RECIPIENTS_MAX);
    assert_eq!(with(SES_RECIPIENTS_MAX + 1), Err(InvalidEvent::TooManyRecipients));
    let words = "x ".repeat(10_000);
    let long = changed("event_reject", "Bad content", &words);
    assert!(read(&long).expect("event").reports[0].diagnostic.as_str().len() <= 500);
}

fn fixtures() -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = std::fs::read_dir(folder())
        .expect("fixtures")
        .map(|entry| entry.expect("entry").path())
        .map(|path| (path.display().to_string(), std::fs::read(&path).expect("fixture")))
        .collect();
    all.sort();
    assert!(all.len() > 30);
    all
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_stumble(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = read(&bytes);
    }

    #[test]
    fn no_damage_to_an_event_makes_the_reader_stumble(
        which in any::<prop::sample::Index>(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut all = fixtures();
        let (_, mut bytes) = all.swap_remove(which.index(all.len()));
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(event) = read(&bytes) {
            prop_assert!(event.reports.len() <= SES_RECIPIENTS_MAX);
            prop_assert!(event.references.len() <= 4);
        }
    }
}
