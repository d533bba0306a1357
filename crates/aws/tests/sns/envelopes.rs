//! The message: its signature, its topic, its time, and whether it has been before.

use postrider_aws::sns::{Content, InvalidSnsConfig, Refusal, SnsConfig, SnsVerifier};
use postrider_core::limits::{SNS_BODY_BYTES_MAX, SNS_MESSAGE_AGE_MS_MAX, SNS_MESSAGE_AHEAD_MS_MAX};
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::sync::Arc;

use crate::authority::{Files, TOPIC, World, body, confirmation, notification, now, sign};

async fn refusal(world: &World, message: &Map<String, Value>) -> Refusal {
    world.verifier.verify(&body(message), now()).await.expect_err("is refused")
}

fn with(mut message: Map<String, Value>, name: &str, value: &str) -> Map<String, Value> {
    message.insert(name.to_owned(), Value::from(value));
    message
}

#[tokio::test]
async fn both_versions_of_the_signature_hold() {
    let world = World::default();
    for version in ["1", "2"] {
        for subject in [None, Some("Amazon SES Email Event Notification")] {
            let mut message =
                with(notification("{\"eventType\":\"Send\"}\n\u{e9}"), "SignatureVersion", version);
            if let Some(subject) = subject {
                message = with(message, "Subject", subject);
            }
            let verified = world.verifier.verify(&body(&sign(message)), now()).await.expect("is SNS");
            assert_eq!(
                verified.content,
                Content::Notification("{\"eventType\":\"Send\"}\n\u{e9}".to_owned())
            );
            assert_eq!((verified.topic.as_str(), verified.repeated), (TOPIC, false));
        }
    }
    assert_eq!(world.files.count(), 1, "the certificate is fetched once");
}

#[tokio::test]
async fn no_signed_member_can_be_altered_added_or_taken_away() {
    let world = World::default();
    let mut tried = 0;
    for version in ["1", "2"] {
        let mut subject = notification("hello");
        subject.insert("Subject".to_owned(), Value::from("subject"));
        for original in [
            notification("hello"),
            subject,
            confirmation("SubscriptionConfirmation"),
            confirmation("UnsubscribeConfirmation"),
        ] {
            let original = sign(with(original, "SignatureVersion", version));
            world.verifier.verify(&body(&original), now()).await.expect("the original is SNS's");
            for (name, value) in &original {
                // The one member that is not signed.
                if name == "UnsubscribeURL" {
                    continue;
                }
                for altered in [
                    format!("{}x", value.as_str().expect("text")),
                    String::new(),
                    "Notification".to_owned(),
                    "1".to_owned(),
                ] {
                    if altered == value.as_str().expect("text") {
                        continue;
                    }
                    let forged = with(original.clone(), name, &altered);
                    let refused = world.verifier.verify(&body(&forged), now()).await;
                    assert!(refused.is_err(), "{name} altered to {altered}");
                    tried += 1;
                }
                let mut without = original.clone();
                without.remove(name);
                assert!(world.verifier.verify(&body(&without), now()).await.is_err(), "without {name}");
            }
            if original["Type"] == "Notification" {
                assert!(
                    world.verifier.verify(&body(&with(original, "Subject", "other")), now()).await.is_err()
                );
            }
        }
    }
    assert!(tried > 150, "{tried}");
}

#[tokio::test]
async fn an_altered_message_is_forbidden() {
    let world = World::default();
    let forged = with(sign(notification("hello")), "Message", "goodbye");
    let refusal = refusal(&world, &forged).await;
    assert_eq!((refusal.status(), &refusal), (403, &Refusal::Signature));
}

#[tokio::test]
async fn a_signature_of_one_version_is_none_of_the_other() {
    let world = World::default();
    let forged = with(sign(notification("hello")), "SignatureVersion", "1");
    assert_eq!(refusal(&world, &forged).await, Refusal::Signature);
    let unknown = with(sign(notification("hello")), "SignatureVersion", "3");
    assert_eq!(refusal(&world, &unknown).await.status(), 400);
}

/// What is signed is lines: a message that holds the lines of other members must not be read as those members.
#[tokio::test]
async fn lines_within_a_message_are_not_taken_for_members() {
    let world = World::default();
    let signed = sign(notification("a\nMessageId\nb\nSubject\nc"));
    assert!(world.verifier.verify(&body(&signed), now()).await.is_ok());
    let id = signed["MessageId"].as_str().expect("id");
    let forged =
        with(with(signed.clone(), "Message", "a"), "MessageId", &format!("b\nSubject\nc\nMessageId\n{id}"));
    assert_eq!(refusal(&world, &forged).await, Refusal::Member("MessageId"));
}

#[tokio::test]
async fn a_foreign_topic_is_refused_before_anything_is_fetched() {
    let world = World::default();
    for topic in [
        "arn:aws:sns:eu-central-1:999999999999:shop-mail",
        "arn:aws:sns:us-east-1:111122223333:shop-mail",
        "shop-mail",
    ] {
        let refusal = refusal(&world, &sign(with(notification("hello"), "TopicArn", topic))).await;
        assert_eq!((refusal.status(), refusal), (403, Refusal::ForeignTopic));
    }
    assert_eq!(world.files.count(), 0);
}

#[tokio::test]
async fn only_fresh_messages_are_taken() {
    let world = World::default();
    let at = |time: postrider_core::domain::time::Timestamp| {
        sign(with(notification("x"), "Timestamp", &time.to_string()))
    };
    let (age, ahead) = (SNS_MESSAGE_AGE_MS_MAX, SNS_MESSAGE_AHEAD_MS_MAX);
    let fresh = body(&at(now()));
    for then in [now().plus_ms(age), now()] {
        assert!(world.verifier.verify(&fresh, then).await.is_ok());
    }
    assert_eq!(world.verifier.verify(&fresh, now().plus_ms(age + 1)).await, Err(Refusal::NotFresh));
    assert!(world.verifier.verify(&body(&at(now().plus_ms(ahead))), now()).await.is_ok());
    let refused =
        world.verifier.verify(&body(&at(now().plus_ms(ahead + 1))), now()).await.expect_err("future");
    assert_eq!((refused.status(), refused), (403, Refusal::NotFresh));
    assert_eq!(refusal(&world, &sign(with(notification("x"), "Timestamp", "today"))).await.status(), 400);
}

#[tokio::test]
async fn a_message_is_known_again_once_it_has_been_dealt_with() {
    let world = World::default();
    let message = body(&sign(notification("hello")));
    let first = world.verifier.verify(&message, now()).await.expect("is SNS");
    let again = world.verifier.verify(&message, now()).await.expect("is SNS");
    assert!(!first.repeated && !again.repeated, "what failed must be tried again");
    world.verifier.remember(&first, now());
    assert!(world.verifier.verify(&message, now()).await.expect("is SNS").repeated);
    let other = body(&sign(with(notification("hello"), "MessageId", "another")));
    assert!(!world.verifier.verify(&other, now()).await.expect("is SNS").repeated);
}

#[tokio::test]
async fn confirmations_lead_to_sns_and_nowhere_else() {
    let world = World::default();
    let url = confirmation("x")["SubscribeURL"].as_str().expect("url").to_owned();
    let verified = world.verifier.verify(&body(&sign(confirmation("SubscriptionConfirmation"))), now()).await;
    assert_eq!(verified.expect("is SNS").content, Content::SubscriptionConfirmation(url.clone()));
    let verified = world.verifier.verify(&body(&sign(confirmation("UnsubscribeConfirmation"))), now()).await;
    assert_eq!(verified.expect("is SNS").content, Content::UnsubscribeConfirmation(url.clone()));
    // Even signed.
    for bad in [
        url.replace("amazonaws.com", "amazonaws.com.evil.example"),
        url.replace("shop-mail", "other"),
        url.replace("Confirm", "Delete"),
    ] {
        let refusal =
            refusal(&world, &sign(with(confirmation("SubscriptionConfirmation"), "SubscribeURL", &bad)))
                .await;
        assert_eq!((refusal.status(), refusal), (403, Refusal::SubscribeUrl));
    }
}

#[tokio::test]
async fn what_is_too_large_or_no_envelope_is_refused() {
    let world = World::default();
    let verify =
        |body: Vec<u8>| async { world.verifier.verify(&{ body }, now()).await.expect_err("is refused") };
    let large = verify(body(&sign(notification(&"x".repeat(SNS_BODY_BYTES_MAX))))).await;
    assert_eq!((large.status(), large), (413, Refusal::TooLarge));
    assert_eq!(verify(b"hello".to_vec()).await.status(), 400);
    assert_eq!(verify(b"{}".to_vec()).await, Refusal::Member("Type"));
    let raw = verify(br#"{"eventType":"Bounce","mail":{"messageId":"x"}}"#.to_vec()).await;
    assert_eq!((raw.status(), raw), (403, Refusal::RawDelivery));
}

#[test]
fn a_configuration_that_cannot_work_says_so() {
    let root = crate::authority::Authority::root().der;
    let new = |topics: &[&str], roots: Vec<_>| {
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        let config = SnsConfig { topics, roots, ..SnsConfig::default() };
        SnsVerifier::new(config, Arc::new(Files::default())).map(|_| ())
    };
    assert_eq!(new(&[], vec![root.clone()]), Err(InvalidSnsConfig::NoTopic));
    assert_eq!(new(&["shop-mail"], vec![root.clone()]), Err(InvalidSnsConfig::Topic("shop-mail".to_owned())));
    assert_eq!(new(&[TOPIC], Vec::new()), Err(InvalidSnsConfig::NoRoots));
    assert_eq!(new(&[TOPIC], vec![root]), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_damage_to_a_message_makes_the_verifier_stumble_or_believe(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let world = World::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime");
        let signed = sign(notification("hello"));
        let mut bytes = body(&signed);
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(cut.index(bytes.len() * 4));
        if let Ok(verified) = runtime.block_on(world.verifier.verify(&bytes, now())) {
            prop_assert_eq!(verified.content, Content::Notification("hello".to_owned()));
            prop_assert_eq!(Value::from(verified.message_id), signed["MessageId"].clone());
        }
    }
}
