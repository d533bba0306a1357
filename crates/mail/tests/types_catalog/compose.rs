//! From a notification to the bytes that leave.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::document::Fingerprint;
use postrider_core::ports::catalog::Catalog as _;
use postrider_mail::dkim::DkimKey;
use postrider_mail::mime::message::Mailbox;
use postrider_mail::types::{Sender, TypeSet, TypeSource};
use serde_json::json;

use crate::fixture::{
    AWKWARD, SHORT, Types, compose, event, instant, notification, order, order_with, sample, sender, shipped,
    stored,
};

fn text(message: &[u8]) -> String {
    String::from_utf8(message.to_vec()).unwrap()
}

fn header(message: &[u8]) -> String {
    text(message).split_once("\r\n\r\n").unwrap().0.to_owned()
}

#[test]
fn the_header_says_who_what_and_when() {
    let message = compose(&shipped(), &sample(SHORT)).message;
    let id = notification(&shipped(), &sample(SHORT)).id;
    let expected = format!(
        "Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n\
         From: Example Shop <orders@shop.example.com>\r\n\
         To: Ada Lovelace <ada@example.com>\r\n\
         Subject: Your order 1042 is confirmed\r\n\
         Message-ID: <{id}@shop.example.com>\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/alternative;\r\n boundary=\"=_{id}\"\r\n\
         Content-Language: en\r\n\
         Auto-Submitted: auto-generated\r\n\
         X-Postrider-Notification: {id}"
    );
    assert_eq!(header(&message), expected);
}

#[test]
fn text_comes_before_html_in_an_alternative() {
    let message = text(&compose(&shipped(), &sample(SHORT)).message);
    let plain = message.find("Content-Type: text/plain; charset=utf-8").unwrap();
    let html = message.find("Content-Type: text/html; charset=utf-8").unwrap();
    assert!(plain < html);
    assert!(message.contains("Total: $154.87"));
    assert!(message.ends_with("--\r\n"));
}

#[test]
fn every_line_ends_in_crlf_and_is_short() {
    for source in [SHORT, AWKWARD] {
        let message = text(&compose(&shipped(), &sample(source)).message);
        assert!(!message.replace("\r\n", "").contains(['\r', '\n']));
        assert!(message.split("\r\n").all(|line| line.len() <= 78));
        assert!(message.is_ascii());
    }
}

#[test]
fn the_same_arguments_give_the_same_bytes() {
    let (first, second) = (shipped(), shipped());
    assert_eq!(compose(&first, &sample(AWKWARD)), compose(&second, &sample(AWKWARD)));
}

#[test]
fn the_copy_fingerprints_the_message() {
    let composed = compose(&shipped(), &sample(SHORT));
    assert_eq!(composed.copy.fingerprint, Fingerprint::of_parts(&[&composed.message]));
    assert_eq!(composed.copy.composed_at, instant());
    assert_eq!(composed.copy.signature, None);
}

#[test]
fn bounces_go_to_the_bounce_domain_and_answers_to_reply_to() {
    let composed = compose(&shipped(), &order());
    assert_eq!(composed.envelope.return_path.as_str(), "orders@shop.example.com");
    assert_eq!(composed.envelope.recipient.as_str(), "ada@example.com");
    let address = EmailAddress::parse("help@example.com").unwrap();
    let sender = Sender {
        bounce_domain: Some("bounces.example.com".to_owned()),
        reply_to: Some(Mailbox { name: Some("Help, please".to_owned()), address }),
        ..sender()
    };
    let types = TypeSet::load(&TypeSource::Shipped, sender).unwrap();
    let composed = compose(&types, &order());
    assert_eq!(composed.envelope.return_path.as_str(), "bounces@bounces.example.com");
    assert!(header(&composed.message).contains("\r\nReply-To: \"Help, please\" <help@example.com>\r\n"));
    assert!(text(&composed.message).contains("help@example.com."));
}

#[test]
fn a_bounce_domain_that_is_none_stops_the_load() {
    let sender = Sender { bounce_domain: Some("not a domain".to_owned()), ..sender() };
    let errors = TypeSet::load(&TypeSource::Shipped, sender).unwrap_err();
    assert!(errors[0].to_string().contains("bounce_domain"), "{errors:?}");
}

#[test]
fn a_signed_message_begins_with_its_signature() {
    let key =
        DkimKey::from_bytes("example.com", "s1", b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=").unwrap();
    let types = TypeSet::load(&TypeSource::Shipped, Sender { dkim: Some(key), ..sender() }).unwrap();
    let composed = compose(&types, &order());
    let signature = composed.copy.signature.unwrap();
    assert!(
        signature.starts_with("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.com;")
    );
    assert!(text(&composed.message).starts_with(&signature));
    assert_eq!(composed.copy.fingerprint, Fingerprint::of_parts(&[&composed.message]));
}

#[test]
fn markup_and_template_syntax_in_the_data_stay_words() {
    let name = "<script>alert(1)</script> {{ 7*7 }} {% raw %} {{ sender.name }}";
    let data = order_with("/items/0/name", json!(name));
    let preview = shipped().preview("order_confirmation", Some(&data), None).unwrap();
    let escaped = "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }} {% raw %} {{ sender.name }}";
    assert!(preview.html.contains(escaped));
    assert!(!preview.html.contains("<script"));
    assert!(preview.text.contains(name));
    let attribute = order_with("/orderUrl", json!("https://example.com/?a=1&b=(2)"));
    let preview = shipped().preview("order_confirmation", Some(&attribute), None).unwrap();
    assert!(preview.html.contains("href=\"https://example.com/?a=1&amp;b=(2)\""));
}

#[test]
fn a_type_that_lets_line_breaks_through_still_cannot_add_a_header() {
    let types = Types::hello();
    types.write(
        "hello/type.toml",
        "events = [\"order.confirmed\"]\nto = \"email\"\nto_name = \"name\"\nsubject = \"Hello {{ name }}\"\ndedup = \"email\"\n",
    );
    let types = types.load().unwrap();
    let data = json!({ "email": "a@example.com", "name": "Ada\r\nBcc: eve@example.com\n\n<html>\u{0}x" });
    let header = header(&compose(&types, &data).message);
    let names: Vec<&str> = header
        .split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']))
        .map(|line| line.split_once(':').unwrap().0)
        .collect();
    assert_eq!(
        names,
        [
            "Date",
            "From",
            "To",
            "Subject",
            "Message-ID",
            "MIME-Version",
            "Content-Type",
            "Content-Language",
            "Auto-Submitted",
            "X-Postrider-Notification"
        ]
    );
    assert!(header.contains("\r\nSubject: Hello Ada Bcc: eve@example.com <html> x\r\n"), "{header}");
}

#[test]
fn an_unexpected_member_cannot_hide_the_sender() {
    let mut data = order();
    data["sender"] = json!("warehouse 7");
    let message = text(&compose(&shipped(), &data).message);
    assert!(message.contains("orders@shop.example.com."));
}

#[test]
fn a_type_that_is_gone_fails_that_notification_only() {
    let mut notification = notification(&shipped(), &order());
    notification.notification_type = "order_shiped".to_owned();
    let failure = shipped().compose(&notification, &stored(&order()), instant()).unwrap_err();
    assert_eq!(failure.cause.as_str(), "type_missing");
}

#[test]
fn data_that_a_template_cannot_render_fails_without_repeating_it() {
    let types = shipped();
    let notification = notification(&types, &order());
    let failure =
        types.compose(&notification, &stored(&json!({ "orderId": "s3cret" })), instant()).unwrap_err();
    assert_eq!(failure.cause.as_str(), "render_failed");
    assert!(!failure.words.as_str().contains("s3cret"));
}

#[test]
fn a_rendering_without_end_is_stopped() {
    let types = Types::hello();
    let nested = "{% for a in range(9999) %}{% for b in range(9999) %}{{ name }}{% endfor %}{% endfor %}";
    types.write(
        "hello/body.mjml",
        &crate::fixture::body(&format!("{{% if name == \"loop\" %}}{nested}{{% endif %}}")),
    );
    let types = types.load().unwrap();
    let data = json!({ "email": "a@example.com", "name": "loop" });
    let mut greeted = event(data.clone());
    greeted.event_type = "person.greeted".to_owned();
    let plan = types.plan(&greeted).unwrap().remove(0);
    let mut notification = notification(&shipped(), &order());
    notification.notification_type = plan.notification_type;
    let failure = types.compose(&notification, &stored(&data), instant()).unwrap_err();
    assert_eq!(failure.cause.as_str(), "render_too_large");
}

#[test]
fn money_is_written_exactly() {
    let mut data = order_with("/items/0/unitPrice", json!("0.1"));
    data["items"][0]["quantity"] = json!(3);
    data["total"] = serde_json::from_str("123456789012345.67").unwrap();
    let text = shipped().preview("order_confirmation", Some(&data), None).unwrap().text;
    assert!(text.contains("3 × $0.10 = $0.30"), "{text}");
    assert!(text.contains("Total: $123,456,789,012,345.67"), "{text}");
}
