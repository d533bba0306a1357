use serde_json::{Value, json};

use super::{Rejected, binary, native, structured};
use crate::domain::event::Pointers;
use crate::limits::FIELD_ERRORS_MAX;

fn pointers<T: std::fmt::Debug>(result: Result<T, Rejected>) -> Vec<String> {
    let errors = result.unwrap_err().errors.into_vec();
    let mut pointers: Vec<_> = errors.into_iter().map(|error| error.pointer).collect();
    pointers.sort();
    pointers
}

fn cloud_event() -> Value {
    json!({
        "specversion": "1.0", "id": "e-1", "source": "/shop", "type": "order.confirmed",
        "time": "2026-11-23T10:00:00Z", "datacontenttype": "application/json",
        "correlationid": "c-1", "locale": "de", "sendat": "2026-11-24T10:00:00Z", "myextension": 7,
        "data": { "orderId": "1042" }
    })
}

#[test]
fn an_envelope_keeps_all_its_members() {
    let event = native(
        json!({"type": "order.confirmed", "data": {"a": 1}, "id": "e", "source": "shop", "correlationId": "c",
               "locale": "en", "sendAt": "2026-11-24T10:00:00+01:00"}),
        None,
    )
    .unwrap();
    assert_eq!(event.event_type, "order.confirmed");
    assert_eq!(event.id.unwrap().as_str(), "e");
    assert_eq!(event.send_at.unwrap().to_string(), "2026-11-24T09:00:00.000Z");
    assert_eq!(event.pointers, Pointers::ENVELOPE);
    assert_eq!(event.correlation_id.as_deref(), Some("c"));
}

#[test]
fn a_bare_order_takes_its_type_from_the_query_or_the_default() {
    let order = json!({"orderId": "1042", "type": "gift"});
    let event = native(order.clone(), None).unwrap();
    assert_eq!((event.event_type.as_str(), event.pointers), ("order.confirmed", Pointers::BARE_UNTYPED));
    let event = native(order, Some("order.shipped")).unwrap();
    assert_eq!((event.event_type.as_str(), event.pointers), ("order.shipped", Pointers::BARE));
}

#[test]
fn every_wrong_member_of_an_envelope_is_named() {
    let event = json!({"type": 7, "data": [], "sendat": "x", "sendAt": "tomorrow", "id": ""});
    assert_eq!(pointers(native(event, None)), ["/data", "/id", "/sendAt", "/sendat", "/type"]);
}

#[test]
fn an_envelope_without_data_is_not_taken_for_an_order() {
    assert_eq!(pointers(native(json!({"type": "order.confirmed"}), None)), ["/data"]);
}

#[test]
fn what_is_not_an_object_is_refused() {
    for value in [json!([]), json!("x"), json!(1), json!(null)] {
        assert_eq!(pointers(native(value.clone(), None)), [""]);
        assert_eq!(pointers(structured(value)), [""]);
    }
}

#[test]
fn a_structured_cloud_event_is_read_with_its_extensions() {
    let event = structured(cloud_event()).unwrap();
    assert_eq!(event.id.unwrap().as_str(), "e-1");
    assert_eq!(event.source.as_deref(), Some("/shop"));
    assert_eq!(event.correlation_id.as_deref(), Some("c-1"));
    assert_eq!(event.locale.as_deref(), Some("de"));
    assert!(event.send_at.is_some());
    assert_eq!(event.data, json!({"orderId": "1042"}));
}

#[test]
fn a_cloud_event_sent_as_plain_json_is_still_one() {
    assert_eq!(native(cloud_event(), None).unwrap().id.unwrap().as_str(), "e-1");
}

#[test]
fn a_cloud_event_must_have_its_required_attributes() {
    assert_eq!(
        pointers(structured(json!({"specversion": "0.3", "datacontenttype": "text/xml"}))),
        ["/data", "/datacontenttype", "/id", "/source", "/specversion", "/type"]
    );
}

#[test]
fn base64_data_is_decoded_and_read_strictly() {
    let mut event = cloud_event();
    event.as_object_mut().unwrap().remove("data");
    event["data_base64"] = json!("eyJvcmRlcklkIjoiMTA0MiJ9");
    assert_eq!(structured(event.clone()).unwrap().data, json!({"orderId": "1042"}));
    for wrong in [json!("%%%"), json!(1), json!("W10="), json!("eyJhIjoxLCJhIjoyfQ==")] {
        event["data_base64"] = wrong;
        assert_eq!(pointers(structured(event.clone())), ["/data_base64"]);
    }
}

#[test]
fn binary_mode_reads_attributes_from_headers_and_names_them_so() {
    let event = binary(REQUIRED, json!({"orderId": "1"})).unwrap();
    assert_eq!((event.event_type.as_str(), event.pointers), ("order.confirmed", Pointers::BINARY));
    let wrong: [(&str, &[u8]); 3] = [("specversion", b"2.0"), ("id", b"e-1"), ("time", b"now")];
    assert_eq!(
        pointers(binary(wrong, json!([]))),
        ["", "/ce-source", "/ce-specversion", "/ce-time", "/ce-type"]
    );
}

const REQUIRED: [(&str, &[u8]); 4] =
    [("specversion", b"1.0"), ("id", b"e-1"), ("source", b"/shop"), ("type", b"order.confirmed")];

/// The correlation id that a header with this value gives.
fn header_value(value: &[u8]) -> Result<Option<String>, Rejected> {
    let attributes = REQUIRED.into_iter().chain([("correlationid", value)]);
    binary(attributes, json!({})).map(|event| event.correlation_id)
}

#[test]
fn header_values_are_percent_decoded_once() {
    for (value, text) in [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ("%61%62c", "abc"),
        ("100%25", "100%"),
        ("%2525", "%25"),
        ("%22quoted%22", "\"quoted\""),
        ("a%2fb", "a/b"),
    ] {
        assert_eq!(header_value(value.as_bytes()).unwrap().as_deref(), Some(text), "{value}");
    }
}

#[test]
fn quoted_header_values_of_older_senders_are_unescaped() {
    for (value, text) in [
        (r#""two words""#, "two words"),
        (r#""a \"quote\" and a \\ stroke""#, r#"a "quote" and a \ stroke"#),
        (r#""%41 %22""#, "A \""),
        (r"C:\plain", r"C:\plain"),
    ] {
        assert_eq!(header_value(value.as_bytes()).unwrap().as_deref(), Some(text), "{value}");
    }
}

#[test]
fn a_header_that_cannot_be_decoded_is_named() {
    let wrong: [&[u8]; 9] =
        [b"50%", b"%4", b"%zz", b"%+1", b"%ff", b"%E2%82", b"caf\xc3\xa9", b"\"open", b"\"open\\"];
    for wrong in wrong {
        assert_eq!(pointers(header_value(wrong)), ["/ce-correlationid"], "{wrong:?}");
    }
    // Decoded, a value is held to what every label is.
    assert_eq!(pointers(header_value(b"a%0D%0Ab")), ["/ce-correlationid"]);
    let twice = REQUIRED.into_iter().chain([("id", &b"e-2"[..])]);
    assert_eq!(pointers(binary(twice, json!({}))), ["/ce-id"]);
}

#[test]
fn a_wrong_time_is_named_as_its_sender_wrote_it() {
    let mut event = cloud_event();
    event["sendat"] = json!("tomorrow");
    assert_eq!(pointers(structured(event)), ["/sendat"]);
    let attributes = REQUIRED.into_iter().chain([("sendat", &b"tomorrow"[..])]);
    assert_eq!(pointers(binary(attributes, json!({}))), ["/ce-sendat"]);
}

#[test]
fn values_no_event_may_carry_are_named_beside_wrong_members() {
    let event = json!({"type": 7, "data": {"name": "a\u{0}b"}, "id": "x\u{0}"});
    assert_eq!(pointers(native(event, None)), ["/data/name", "/id", "/type"]);
    let mut event = cloud_event();
    event["data"]["name"] = json!("a\u{0}b");
    event["locale"] = json!(1);
    assert_eq!(pointers(structured(event)), ["/data/name", "/locale"]);
    assert_eq!(pointers(native(json!({"orderId": "a\u{0}b"}), Some(""))), ["/orderId", "/type"]);
    assert_eq!(
        pointers(binary([REQUIRED[0]], json!({"a": "\u{0}"}))),
        ["/a", "/ce-id", "/ce-source", "/ce-type"]
    );
}

#[test]
fn what_could_be_read_of_a_wrong_event_is_there_to_be_checked_further() {
    let partial = |event| native(event, None).unwrap_err().partial.map(|event| event.event_type);
    let readable = json!({"type": "order.confirmed", "data": {"a": 1}, "sendAt": "tomorrow", "id": ""});
    assert_eq!(partial(readable).as_deref(), Some("order.confirmed"));
    assert_eq!(partial(json!({"type": "order.confirmed", "data": [], "id": ""})), None);
    assert_eq!(partial(json!({"type": 7, "data": {}, "id": ""})), None);
    // A schema is never held against a number that nobody could have meant.
    let mut huge = json!({"type": "order.confirmed", "data": {}, "id": ""});
    huge["data"]["total"] = serde_json::from_str("1e400").unwrap();
    assert_eq!(partial(huge), None);
}

#[test]
fn an_envelope_of_nothing_but_mistakes_names_a_bounded_number_of_them() {
    let mut event = json!({"type": "order.confirmed", "data": {}});
    for n in 0..FIELD_ERRORS_MAX + 100 {
        event[format!("m{n}")] = json!(1);
    }
    assert_eq!(pointers(native(event, None)).len(), FIELD_ERRORS_MAX);
}
