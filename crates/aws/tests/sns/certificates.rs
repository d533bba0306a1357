//! The certificate: where it lies, whose it is, who vouches for it and until when.

use postrider_aws::sns::{Refusal, SnsConfig, SnsVerifier};
use postrider_core::limits::{
    SNS_CERTIFICATE_BYTES_MAX, SNS_CHAIN_RECHECK_MS, SNS_FETCH_TIMEOUT_MS, SNS_FETCHES_PER_MINUTE_MAX,
};
use serde_json::Value;
use std::sync::Arc;

use crate::authority::{
    Authority, CERTIFICATE_URL, ISSUER_URL, TOPIC, Wanted, World, body, notification, now, pem, sign,
};

fn message() -> Vec<u8> {
    body(&sign(notification("hello")))
}

async fn refusal(world: &World) -> Refusal {
    world.verifier.verify(&message(), now()).await.expect_err("is refused")
}

fn sns() -> Wanted<'static> {
    Wanted { name: "sns.amazonaws.com", ..Wanted::default() }
}

#[tokio::test]
async fn every_name_that_sns_signs_under_is_known() {
    for name in
        ["sns.amazonaws.com", "sns-signing.eu-central-1.amazonaws.com", "sns.eu-central-1.amazonaws.com"]
    {
        let world = World::with(&Wanted { name, ..Wanted::default() });
        assert!(world.verifier.verify(&message(), now()).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused() {
    for name in ["evil.example", "sns-signing.us-east-1.amazonaws.com", "s3.amazonaws.com", "amazonaws.com"] {
        let world = World::with(&Wanted { name, ..Wanted::default() });
        let refusal = refusal(&world).await;
        assert_eq!(
            (refusal.status(), refusal),
            (403, Refusal::Untrusted("it is not made out to SNS")),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_certificate_that_lies_elsewhere_is_not_even_fetched() {
    let world = World::default();
    for host in [
        "sns.us-east-1.amazonaws.com@evil.example",
        "sns.us-east-1.amazonaws.com.evil.example",
        "SNS.us-east-1.amazonaws.com",
        "sns.us-east-1.amazonaws.com:8443",
        "evil.example",
    ] {
        let url = CERTIFICATE_URL.replace("sns.eu-central-1.amazonaws.com", host);
        let mut message = notification("hello");
        message.insert("SigningCertURL".to_owned(), Value::from(url.clone()));
        world.files.put(&url, pem(&[&world.root.issue(&sns())]));
        let refused = world.verifier.verify(&body(&sign(message)), now()).await.expect_err("is refused");
        assert_eq!((refused.status(), refused), (403, Refusal::CertificateUrl), "{host}");
    }
    assert_eq!(world.files.count(), 0);
}

#[tokio::test]
async fn a_chain_that_leads_to_no_trusted_root_is_refused() {
    let world = World::default();
    let stranger = Authority::root();
    world.files.put(CERTIFICATE_URL, pem(&[&stranger.issue(&sns()), &stranger.der]));
    let refusal = refusal(&world).await;
    assert_eq!(refusal.status(), 403);
    assert!(matches!(refusal, Refusal::Untrusted(_)));
}

#[tokio::test]
async fn a_certificate_outside_its_time_is_refused() {
    for years in [(2001, 2002), (2090, 2091)] {
        let world = World::with(&Wanted { years: Some(years), ..sns() });
        assert_eq!(refusal(&world).await, Refusal::Untrusted("it is not valid at this time"));
    }
}

#[tokio::test]
async fn a_certificate_is_believed_no_longer_than_it_is_valid() {
    let world = World::with(&Wanted { years: Some((2026, 2027)), ..sns() });
    assert!(world.verifier.verify(&message(), now()).await.is_ok());
    let later: postrider_core::domain::time::Timestamp = "2027-01-01T01:00:00Z".parse().expect("time");
    let mut message = notification("hello");
    message.insert("Timestamp".to_owned(), Value::from(later.to_string()));
    let refused = world.verifier.verify(&body(&sign(message)), later).await;
    assert_eq!(refused, Err(Refusal::Untrusted("it is not valid at this time")));
}

#[tokio::test]
async fn a_certificate_below_an_intermediate_is_believed_however_that_one_is_known() {
    let message = message();
    // In the file itself.
    let root = Authority::root();
    let middle = Authority::below(&root);
    let leaf = middle.issue(&Wanted { issuer_url: Some(ISSUER_URL), ..sns() });
    let world = World::trusting(root);
    world.files.put(CERTIFICATE_URL, pem(&[&leaf, &middle.der]));
    assert!(world.verifier.verify(&message, now()).await.is_ok());
    assert_eq!(world.files.count(), 1);

    // Where the certificate says, as it is with SNS.
    let world = World::trusting(world.root);
    world.files.put(CERTIFICATE_URL, pem(&[&leaf]));
    world.files.put(ISSUER_URL, middle.der.to_vec());
    assert!(world.verifier.verify(&message, now()).await.is_ok());
    assert!(world.verifier.verify(&message, now().plus_ms(SNS_CHAIN_RECHECK_MS)).await.is_ok());
    assert_eq!(world.files.count(), 2, "both are kept");

    // In the configuration.
    let files = Arc::new(crate::authority::Files::default());
    files.put(CERTIFICATE_URL, pem(&[&leaf]));
    let config = SnsConfig {
        topics: vec![TOPIC.to_owned()],
        roots: vec![world.root.der.clone()],
        intermediates: vec![middle.der.clone()],
    };
    let verifier = SnsVerifier::new(config, Arc::clone(&files) as _).expect("config");
    assert!(verifier.verify(&message, now()).await.is_ok());
    assert_eq!(files.count(), 1);
}

#[tokio::test]
async fn an_issuer_is_fetched_from_amazon_only_and_believed_only_below_a_root() {
    let root = Authority::root();
    let middle = Authority::below(&root);
    let elsewhere = "http://169.254.169.254/latest.cer";
    let world = World::trusting(root);
    world.files.put(CERTIFICATE_URL, pem(&[&middle.issue(&Wanted { issuer_url: Some(elsewhere), ..sns() })]));
    world.files.put(elsewhere, middle.der.to_vec());
    assert!(matches!(refusal(&world).await, Refusal::Untrusted(_)));
    assert_eq!(world.files.count(), 1);

    let stranger = Authority::below(&Authority::root());
    let world = World::trusting(world.root);
    let leaf = stranger.issue(&Wanted { issuer_url: Some(ISSUER_URL), ..sns() });
    world.files.put(CERTIFICATE_URL, pem(&[&leaf]));
    world.files.put(ISSUER_URL, stranger.der.to_vec());
    assert!(matches!(refusal(&world).await, Refusal::Untrusted(_)));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_had_is_asked_for_again_later() {
    let root = Authority::root();
    let file = pem(&[&root.issue(&sns())]);
    let world = World::trusting(root);
    let first = refusal(&world).await;
    assert_eq!((first.status(), first), (503, Refusal::CertificateUnavailable));
    world.files.put(CERTIFICATE_URL, file);
    assert_eq!(refusal(&world).await, Refusal::CertificateUnavailable);
    assert_eq!(world.files.count(), 1, "not asked for at every message");
    assert!(world.verifier.verify(&message(), now().plus_ms(60_000)).await.is_ok());
}

#[tokio::test]
async fn strangers_cannot_make_us_fetch_without_end() {
    let world = World::default();
    for n in 0..3 * SNS_FETCHES_PER_MINUTE_MAX {
        let mut message = notification("hello");
        let url = CERTIFICATE_URL.replace("0123456789abcdef", &format!("{n:016x}"));
        message.insert("SigningCertURL".to_owned(), Value::from(url));
        assert_eq!(
            world.verifier.verify(&body(&message_unsigned(message)), now()).await,
            Err(Refusal::CertificateUnavailable)
        );
    }
    assert_eq!(world.files.count(), SNS_FETCHES_PER_MINUTE_MAX);
}

fn message_unsigned(mut message: serde_json::Map<String, Value>) -> serde_json::Map<String, Value> {
    message.insert("Signature".to_owned(), Value::from("AAAA"));
    message
}

#[tokio::test]
async fn a_file_that_is_too_large_or_no_certificate_is_refused() {
    let world = World::default();
    world.files.put(CERTIFICATE_URL, vec![b'x'; SNS_CERTIFICATE_BYTES_MAX + 1]);
    assert_eq!(refusal(&world).await, Refusal::CertificateUnavailable);
    for file in [Vec::new(), b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec()] {
        let world = World::default();
        world.files.put(CERTIFICATE_URL, file);
        assert!(matches!(refusal(&world).await, Refusal::Untrusted(_)));
    }
}

struct Silent;

#[async_trait::async_trait]
impl postrider_aws::sns::CertificateFetcher for Silent {
    async fn fetch(&self, _: &str, _: usize) -> Result<Vec<u8>, postrider_aws::sns::FetchFailed> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_never_comes_is_not_waited_for() {
    let config = SnsConfig {
        topics: vec![TOPIC.to_owned()],
        roots: vec![Authority::root().der],
        ..SnsConfig::default()
    };
    let verifier = SnsVerifier::new(config, Arc::new(Silent)).expect("config");
    let begun = tokio::time::Instant::now();
    assert_eq!(verifier.verify(&message(), now()).await, Err(Refusal::CertificateUnavailable));
    assert_eq!(begun.elapsed().as_millis(), u128::from(SNS_FETCH_TIMEOUT_MS));
}

#[tokio::test(start_paused = true)]
async fn messages_do_not_pile_up_behind_a_file_that_never_comes() {
    let config = SnsConfig {
        topics: vec![TOPIC.to_owned()],
        roots: vec![Authority::root().der],
        ..SnsConfig::default()
    };
    let verifier = SnsVerifier::new(config, Arc::new(Silent)).expect("config");
    let begun = tokio::time::Instant::now();
    let bodies: Vec<Vec<u8>> = (0..20)
        .map(|n| {
            let mut message = notification("hello");
            let url = CERTIFICATE_URL.replace("0123456789abcdef", &format!("{n:016x}"));
            message.insert("SigningCertURL".to_owned(), Value::from(url));
            body(&message_unsigned(message))
        })
        .collect();
    let verdicts =
        futures_util::future::join_all(bodies.iter().map(|body| verifier.verify(body, now()))).await;
    assert!(verdicts.iter().all(|verdict| *verdict == Err(Refusal::CertificateUnavailable)));
    assert!(begun.elapsed().as_millis() <= u128::from(2 * SNS_FETCH_TIMEOUT_MS), "{:?}", begun.elapsed());
}
