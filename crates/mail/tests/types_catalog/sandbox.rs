//! Messages while a sandbox is on.

use mail_parser::MessageParser;
use postrider_core::domain::address::EmailAddress;
use postrider_core::ports::catalog::{Catalog as _, Composed};
use postrider_mail::types::{Allowed, Sandbox, Sender, TypeSet, TypeSource, recompose};

use crate::fixture::{compose, instant, notification, order, sender, shipped, stored};

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
        recompose(&bundle, &notification, &stored(&order()), &composed.copy).unwrap(),
        composed.message
    );
}
