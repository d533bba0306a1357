//! The request, and what is made of its answer.

use std::time::Duration;

use postrider_core::domain::outcome::{AttemptOutcome, FailureClass};
use postrider_core::ports::mailer::Mailer as _;
use serde_json::json;

use super::scene::{Scene, message};
use postrider_testkit::http_endpoint::Answer;
use postrider_testkit::ses_answers::outbound;

#[tokio::test]
async fn a_message_goes_as_it_is_to_its_one_recipient_under_our_tag() {
    let scene = Scene::start(outbound(Vec::new())).await;
    let outcome = scene.send().await;
    let AttemptOutcome::Accepted { words } = outcome else { panic!("{outcome:?}") };
    assert_eq!(
        words.ses_message_id(),
        Some("0102018f3c5d7e8f-12345678-abcd-4ef0-9012-3456789abcde-000000"),
        "{words:?}"
    );
    let asked = scene.endpoint.bodies("/v2/email/outbound-emails");
    let sent = message("ada@example.com");
    let expected = json!({
        "FromEmailAddress": "orders@shop.example",
        "Destination": {"ToAddresses": ["ada@example.com"]},
        "ConfigurationSetName": "shop",
        "EmailTags": [{"Name": "postrider-notification", "Value": sent.notification_id.to_string()}],
        "Content": {"Raw": {"Data":
            "RnJvbTogb3JkZXJzQHNob3AuZXhhbXBsZQ0KVG86IEFkYSA8YWRhQGV4YW1wbGUuY29tPg0KDQpIZWxsbw0K"}},
    });
    assert_eq!(asked, [expected]);
}

#[tokio::test]
async fn nothing_is_sent_twice_by_the_mailer_itself() {
    let scene = Scene::start(outbound(vec![Answer::Error(503, "ServiceUnavailable", "")])).await;
    assert_eq!(scene.failure().await.class, FailureClass::Unknown);
    assert_eq!(scene.endpoint.count("/v2/email/outbound-emails"), 1);
}

#[tokio::test]
async fn an_address_that_ses_cannot_take_is_refused_without_asking() {
    let scene = Scene::start(outbound(Vec::new())).await;
    let outcome = scene.mailer.send(&message("jörg@example.com"), &mut std::future::pending()).await;
    let AttemptOutcome::NotAccepted(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!(
        (failure.class, failure.cause.as_str()),
        (FailureClass::Permanent, "ses_smtputf8_unsupported")
    );
    assert_eq!(scene.endpoint.count("/v2/email/outbound-emails"), 0);
}

#[tokio::test]
async fn a_stop_gives_back_what_is_not_on_its_way() {
    let scene = Scene::start(outbound(Vec::new())).await;
    let outcome = scene.mailer.send(&message("ada@example.com"), &mut std::future::ready(())).await;
    assert_eq!(outcome, AttemptOutcome::Released);
    assert_eq!(scene.endpoint.count("/v2/email/outbound-emails"), 0);
}

#[tokio::test]
async fn a_stop_waits_for_what_is_on_its_way() {
    let config = postrider_aws::ses::SesConfig { timeout_ms: 1_000, ..super::scene::config() };
    let scene = Scene::with(outbound(vec![Answer::Silence]), config).await;
    let came = async {
        while scene.endpoint.count("/v2/email/outbound-emails") == 0 {
            scene.endpoint.came.notified().await;
        }
    };
    let mut stop = Box::pin(came);
    let outcome = scene.mailer.send(&message("ada@example.com"), &mut stop).await;
    let AttemptOutcome::NotAccepted(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.class, failure.cause.as_str()), (FailureClass::Unknown, "ses_timeout"));
    assert!(Duration::from_millis(scene.mailer.deadline_ms()) > Duration::from_secs(1));
}
