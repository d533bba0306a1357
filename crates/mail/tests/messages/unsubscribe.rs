//! Links to unsubscribe.

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::suppression::Secret;
use postrider_core::ports::catalog::Catalog as _;
use postrider_mail::dkim::DkimKey;
use postrider_mail::types::{Resources, recompose};
use postrider_mail::unsubscribe::Unsubscribe;
use serde_json::json;

use crate::stage::{Stage, data, header, instant, notification, secret, stored};

const NEWSLETTER: &str = "category = \"newsletter\"\n";

#[test]
fn mail_that_may_be_refused_says_how() {
    let stage = Stage::new(NEWSLETTER);
    let sent = stage.compose(&data(&json!({}))).unwrap();
    let header = header(&sent.message);
    let link = header.split_once("\r\nList-Unsubscribe: <").unwrap().1.split_once('>').unwrap().0;
    let token = link.strip_prefix("https://mail.shop.example.com/v1/unsubscribe/").unwrap();
    assert!(
        header.contains("\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
            || header.ends_with("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    );
    let id = NotificationId::new(instant(), 77);
    assert_eq!(Unsubscribe::new(secret()).verify(token), Some(id));
    assert!(!link.contains("ada"), "a link says nothing about the person");
    let types = stage.types();
    let data = data(&json!({}));
    let bundle = types.renditions().remove(0).1;
    let again =
        recompose(&bundle, &notification(&types, &data), &stored(&data), &sent.copy, types.resources());
    assert_eq!(again, Ok(sent.message));
}

#[test]
fn orders_have_no_such_link() {
    let stage = Stage::new("");
    assert!(!header(&stage.message(&data(&json!({})))).contains("List-Unsubscribe"));
}

#[test]
fn mail_that_may_be_refused_needs_an_address_to_refuse_it_at() {
    let stage = Stage::new(NEWSLETTER);
    for url in [None, Some("http://mail.shop.example.com")] {
        let errors = stage.load_for(url).unwrap_err();
        assert!(errors[0].to_string().contains("server.public_url"), "{errors:?}");
    }
    assert!(stage.load_for(Some("http://127.0.0.1:8025")).is_ok());
    let own =
        Stage::new("category = \"newsletter\"\n[headers]\nList-Unsubscribe = \"<https://x.example>\"\n");
    assert!(own.errors().contains("is set by Postrider"));
    assert!(Stage::new("category = \"News Letter\"\n").errors().contains("`category` must be"));
    let types = stage.types().with_resources(Resources::default());
    let data = data(&json!({}));
    let failure = types.compose(&notification(&types, &data), &stored(&data), instant()).unwrap_err();
    assert_eq!(failure.cause.as_str(), "unsubscribe_unavailable");
}

#[test]
fn a_signature_covers_the_link() {
    let stage = Stage::new(NEWSLETTER);
    let message = stage.message(&data(&json!({})));
    let key =
        DkimKey::from_bytes("example.com", "s1", b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=").unwrap();
    let signature = key.sign(&message, instant()).unwrap();
    assert!(
        signature.contains("list-unsubscribe:list-unsubscribe-post")
            || signature.contains("list-unsubscribe:\r\n\t list-unsubscribe-post"),
        "{signature}"
    );
    let plain = Stage::new("").message(&data(&json!({})));
    assert!(!key.sign(&plain, instant()).unwrap().contains("list-unsubscribe"));
}

#[test]
fn nobody_makes_a_token_up() {
    let unsubscribe = Unsubscribe::new(secret());
    let id = NotificationId::new(instant(), 77);
    let token = unsubscribe.token(id);
    assert_eq!(unsubscribe.verify(&token.to_ascii_uppercase()), Some(id));
    let other = Unsubscribe::new(secret()).token(NotificationId::new(instant(), 78));
    let (own, foreign) = (token.split_once('-').unwrap(), other.split_once('-').unwrap());
    let swapped = format!("{}-{}", own.0, foreign.1);
    let longer = format!("{token}0");
    for forged in ["", "-", own.0, &swapped, &longer, &token[..token.len() - 1]] {
        assert_eq!(unsubscribe.verify(forged), None, "{forged}");
    }
    assert_eq!(Unsubscribe::new(Secret::new([8; 32])).verify(&token), None);
}
