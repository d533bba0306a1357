use serde_json::{Value, json};

use super::{binary, native, structured};

fn pointers(
    result: Result<crate::domain::event::Event, Vec<crate::domain::problem::FieldError>>,
) -> Vec<String> {
    let mut pointers: Vec<_> = result.unwrap_err().into_iter().map(|error| error.pointer).collect();
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
    assert_eq!(event.data_pointer, "/data");
    assert_eq!(event.correlation_id.as_deref(), Some("c"));
}

#[test]
fn a_bare_order_takes_its_type_from_the_query_or_the_default() {
    let order = json!({"orderId": "1042", "type": "gift"});
    assert_eq!(native(order.clone(), None).unwrap().event_type, "order.confirmed");
    let event = native(order, Some("order.shipped")).unwrap();
    assert_eq!((event.event_type.as_str(), event.data_pointer.as_str()), ("order.shipped", ""));
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
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let attributes = vec![
        header("specversion", "1.0"),
        header("id", "e-1"),
        header("source", "/shop"),
        header("type", "order.confirmed"),
    ];
    let event = binary(attributes, json!({"orderId": "1"})).unwrap();
    assert_eq!((event.event_type.as_str(), event.data_pointer.as_str()), ("order.confirmed", ""));
    let wrong = vec![header("specversion", "2.0"), header("id", "e-1"), header("time", "now")];
    assert_eq!(
        pointers(binary(wrong, json!([]))),
        ["", "/ce-source", "/ce-specversion", "/ce-time", "/ce-type"]
    );
}
