//! Showing a sent message again from its rendition and event.

use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::event::StoredEvent;
use postrider_core::ports::catalog::{Composed, RenditionId, SentCopy};
use postrider_mail::dkim::DkimKey;
use postrider_mail::types::{RecomposeError, Resources, Sender, TypeSet, TypeSource, recompose};
use serde_json::json;

use crate::fixture::{
    AWKWARD, compose, instant, notification, order, order_with, sample, sender, shipped, stored,
};

fn signing() -> TypeSet {
    let key =
        DkimKey::from_bytes("example.com", "s1", b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=").unwrap();
    TypeSet::load(&TypeSource::Shipped, Sender { dkim: Some(key), ..sender() }).unwrap()
}

/// The stored form of what a message was made of.
fn bundle_of(types: &TypeSet, composed: &Composed) -> Vec<u8> {
    let renditions = types.renditions();
    renditions.into_iter().find(|(id, _)| *id == composed.copy.rendition).unwrap().1
}

#[test]
fn a_sent_message_comes_back_byte_for_byte_with_its_signature() {
    let types = signing();
    let data = sample(AWKWARD);
    let composed = compose(&types, &data);
    let bundle = bundle_of(&types, &composed);
    let resources = Resources::default();
    let again = recompose(&bundle, &notification(&types, &data), &stored(&data), &composed.copy, &resources);
    let again = again.unwrap();
    assert_eq!(again, composed.message);
}

#[test]
fn another_event_under_the_same_copy_is_refused() {
    let types = shipped();
    let composed = compose(&types, &order());
    let bundle = bundle_of(&types, &composed);
    let changed = order_with("/total", json!("130.00"));
    let result = recompose(
        &bundle,
        &notification(&types, &order()),
        &stored(&changed),
        &composed.copy,
        &Resources::default(),
    );
    assert_eq!(result, Err(RecomposeError::Differs));
}

#[test]
fn another_rendition_is_refused() {
    let types = shipped();
    let composed = compose(&types, &order());
    let mut bundle = bundle_of(&types, &composed);
    bundle.push(b' ');
    let result = recompose(
        &bundle,
        &notification(&types, &order()),
        &stored(&order()),
        &composed.copy,
        &Resources::default(),
    );
    assert_eq!(result, Err(RecomposeError::OtherRendition));
}

#[test]
fn a_rendition_holds_the_sender_and_no_key() {
    let renamed = Sender { from: sender().from, ..Sender::new(None, sender().from.address) };
    let same = TypeSet::load(&TypeSource::Shipped, renamed).unwrap();
    assert_eq!(same.renditions(), shipped().renditions());
    assert_eq!(signing().renditions(), shipped().renditions());
    let other = Sender::new(Some("Another Shop".to_owned()), sender().from.address);
    let other = TypeSet::load(&TypeSource::Shipped, other).unwrap();
    assert_ne!(other.renditions()[0].0, shipped().renditions()[0].0);
}

/// The files of `format_1` were written once, with the sender and the event of that day. Should this fail, messages
/// sent before can no longer be shown: raise the bundle's format and keep what reads the old one, or undo the change.
#[test]
fn a_message_sent_by_an_earlier_version_comes_back_byte_for_byte() {
    let bundle = include_bytes!("format_1/rendition.json");
    let message = include_bytes!("format_1/message.eml");
    let event = StoredEvent { data: include_str!("format_1/event.json").to_owned(), ..stored(&order()) };
    let copy = SentCopy {
        rendition: RenditionId(Fingerprint::of_parts(&[bundle])),
        composed_at: instant(),
        fingerprint: Fingerprint::of_parts(&[message]),
        signature: None,
    };
    let again =
        recompose(bundle, &notification(&shipped(), &order()), &event, &copy, &Resources::default()).unwrap();
    assert!(again == message);
}
