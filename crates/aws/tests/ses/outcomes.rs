//! What every error of SES means.

use aws_sdk_sesv2::config::SharedCredentialsProvider;
use postrider_aws::ses::SesConfig;
use postrider_core::domain::bounce::classify_reply;
use postrider_core::domain::outcome::{Failure, FailureClass, FaultScope, Reach};
use serde_json::json;
use tokio::net::TcpListener;

use super::scene::{Scene, config, failure_of};
use postrider_testkit::http_endpoint::{Answer, Script};
use postrider_testkit::ses_answers::{account, outbound};

/// Retryable for everybody, spends no attempt, and no message had any part in it.
fn assert_route(failure: &Failure, cause: &str, is_account_fault: bool) {
    let Failure { class, scope, spends_attempt, reach, .. } = failure;
    assert_eq!(failure.cause.as_str(), cause);
    let expected = (FailureClass::Retryable, FaultScope::Route, false, Reach::BeforeMessage);
    assert_eq!((*class, *scope, *spends_attempt, *reach), expected, "{failure:?}");
    assert_eq!(failure.is_account_fault, is_account_fault, "{failure:?}");
    assert!(!failure.words.as_str().is_empty());
}

fn assert_unknown(failure: &Failure, cause: &str) {
    assert_eq!(failure.cause.as_str(), cause);
    assert_eq!((failure.class, failure.scope), (FailureClass::Unknown, FaultScope::Message), "{failure:?}");
    assert!(!failure.is_account_fault);
}

#[tokio::test]
async fn too_many_requests_slow_down_and_spend_no_attempt() {
    for (status, code) in
        [(429, "TooManyRequestsException"), (400, "ThrottlingException"), (429, "Brand new")]
    {
        let words = "Maximum sending rate exceeded.";
        let failure = failure_of(Answer::Error(status, code, words)).await;
        assert_route(&failure, "ses_too_many_requests", false);
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_account_waits_and_says_what_to_do() {
    let faults = [
        (400, "LimitExceededException", "ses_daily_quota"),
        (400, "SendingPausedException", "ses_sending_paused"),
        (400, "AccountSuspendedException", "ses_account_suspended"),
        (400, "MailFromDomainNotVerifiedException", "ses_mail_from_not_verified"),
        (404, "NotFoundException", "ses_not_found"),
        (403, "ExpiredTokenException", "ses_credentials_expired"),
        (403, "UnrecognizedClientException", "ses_credentials_invalid"),
        (403, "InvalidSignatureException", "ses_credentials_invalid"),
        (403, "AccessDeniedException", "ses_access_denied"),
        (403, "SomethingElse", "ses_refused_403"),
    ];
    for (status, code, cause) in faults {
        let failure = failure_of(Answer::Error(status, code, "about orders@shop.example")).await;
        assert_route(&failure, cause, true);
        assert!(failure.words.as_str().contains("messages wait"), "{failure:?}");
        assert!(!failure.words.as_str().contains('@'), "these words are logged: {failure:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_message_is_final_and_suppresses_nobody() {
    for (code, cause) in
        [("MessageRejected", "ses_message_rejected"), ("BadRequestException", "ses_bad_request")]
    {
        let words = "550 5.1.1 unknown user";
        let failure = failure_of(Answer::Error(400, code, words)).await;
        assert_eq!((failure.class, failure.cause.as_str()), (FailureClass::Permanent, cause));
        assert_eq!((failure.scope, failure.reach), (FaultScope::Message, Reach::AnsweredByService));
        assert!(failure.words.as_str().ends_with(words), "{failure:?}");
        assert!(classify_reply(words).condemns_address(), "only the reach keeps this from suppressing");
    }
}

#[tokio::test]
async fn a_refusal_because_of_an_unverified_sender_waits() {
    let script: Box<Script> = Box::new(|_, path| match path {
        "/v2/email/account" => account(14.0, 50_000.0, 0.0),
        "/v2/email/outbound-emails" => {
            Answer::Error(400, "MessageRejected", "Email address is not verified.")
        }
        "/v2/email/identities/shop.example" => Answer::Http(200, json!({"VerifiedForSendingStatus": false})),
        _ => Answer::Error(404, "NotFoundException", "no such identity"),
    });
    let scene = Scene::start(script).await;
    for _ in 0..3 {
        assert_route(&scene.failure().await, "ses_sender_not_verified", true);
    }
    assert_eq!(scene.endpoint.count("/v2/email/identities/shop.example"), 1, "asked once a minute");
}

#[tokio::test]
async fn other_refusals_are_tried_again_and_spend_an_attempt() {
    let failure = failure_of(Answer::Error(400, "ConflictException", "concurrent")).await;
    assert_eq!((failure.class, failure.cause.as_str()), (FailureClass::Retryable, "ses_refused_400"));
    assert_eq!((failure.scope, failure.spends_attempt), (FaultScope::Message, true));
}

#[tokio::test]
async fn a_server_that_fails_may_have_taken_the_message() {
    for status in [500, 502, 503, 504] {
        let failure = failure_of(Answer::Error(status, "InternalFailure", "")).await;
        assert_unknown(&failure, &format!("ses_failed_{status}"));
    }
}

#[tokio::test]
async fn a_connection_that_breaks_once_the_request_was_begun_leaves_the_outcome_unknown() {
    assert_unknown(&failure_of(Answer::CutAfter).await, "ses_disconnected");
    assert_unknown(&failure_of(Answer::Nonsense).await, "ses_disconnected");
    // The server read the head and went away: nobody here can tell how much it had.
    assert_unknown(&failure_of(Answer::CutBefore).await, "ses_disconnected");
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_leaves_the_outcome_unknown() {
    let script: Box<Script> = Box::new(|_, path| match path {
        "/v2/email/account" => account(14.0, 50_000.0, 0.0),
        _ => Answer::Http(200, json!(["no object"])),
    });
    assert_unknown(&Scene::start(script).await.failure().await, "ses_unintelligible_200");
}

#[tokio::test]
async fn silence_leaves_the_outcome_unknown() {
    let config = SesConfig { timeout_ms: 1_000, ..config() };
    let scene = Scene::with(outbound(vec![Answer::Silence]), config).await;
    assert_unknown(&scene.failure().await, "ses_timeout");
}

#[tokio::test]
async fn who_cannot_be_reached_has_taken_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}", listener.local_addr().expect("address"));
    drop(listener);
    let failure = super::scene::failure_at(&super::scene::sdk(&url)).await;
    assert_route(&failure, "ses_connect_failed", false);
}

/// Whoever takes the connection and never speaks TLS has not heard of any message, however short the time is.
#[tokio::test]
async fn who_never_ends_the_handshake_has_taken_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("https://{}", listener.local_addr().expect("address"));
    let silent = tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            taken.push(stream);
        }
    });
    let failure = super::scene::failure_within(&super::scene::sdk(&url), 1_000).await;
    silent.abort();
    assert_route(&failure, "ses_connect_failed", false);
}

#[tokio::test]
async fn without_credentials_nobody_is_asked() {
    let sdk = super::scene::sdk("http://127.0.0.1:9")
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(NoCredentials))
        .build();
    assert_route(&super::scene::failure_at(&sdk).await, "ses_no_credentials", true);
}

#[derive(Debug)]
struct NoCredentials;

impl aws_sdk_sesv2::config::ProvideCredentials for NoCredentials {
    fn provide_credentials<'a>(&'a self) -> aws_credential_types::provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let error = aws_credential_types::provider::error::CredentialsError::not_loaded("none here");
        aws_credential_types::provider::future::ProvideCredentials::ready(Err(error))
    }
}
