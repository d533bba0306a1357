//! What an accepted event calls for.

use postrider_core::domain::notification::{BusinessKey, Priority};
use postrider_core::ports::catalog::{Catalog as _, Rejection};
use serde_json::json;

use crate::fixture::{Types, event, order, order_with, sample, shipped};

#[test]
fn an_order_calls_for_one_confirmation_to_its_customer() {
    let planned = shipped().plan(&event(order())).unwrap();
    assert_eq!(planned.len(), 1);
    assert_eq!(planned[0].notification_type, "order_confirmation");
    assert_eq!(planned[0].to.as_str(), "ada@example.com");
    assert_eq!(planned[0].order_id.as_deref(), Some("1042"));
    assert_eq!(planned[0].business_key, BusinessKey::new("order_confirmation", "1042"));
    assert_eq!(planned[0].priority, Priority::High);
}

#[test]
fn an_order_may_carry_more_than_the_schema_knows() {
    let mut order = order_with("/items/0/weightGrams", json!(1200));
    order["sender"] = json!("warehouse 7");
    order["customer"] = json!({ "tier": "gold" });
    assert!(shipped().plan(&event(order)).is_ok());
}

#[test]
fn money_may_be_numbers_or_decimal_strings() {
    for amount in
        ["0", "129", "129.5", "129.000001", "1.29e2", "999999999999999.999999", "\"129.00\"", "\"0\""]
    {
        let order = order_with("/total", sample(amount));
        assert!(shipped().plan(&event(order)).is_ok(), "{amount}");
    }
}

#[test]
fn an_unknown_event_type_names_the_nearest_known_one() {
    let mut event = event(order());
    event.event_type = "order.confirmd".to_owned();
    let rejection = shipped().plan(&event).unwrap_err();
    assert_eq!(rejection, Rejection::UnknownEventType { nearest: Some("order.confirmed".to_owned()) });
    event.event_type = "zzz".to_owned();
    let rejection = shipped().plan(&event).unwrap_err();
    assert_eq!(rejection, Rejection::UnknownEventType { nearest: None });
}

#[test]
fn two_types_that_answer_one_event_are_planned_independently_and_report_a_wrong_field_once() {
    let types = Types::hello();
    for file in ["type.toml", "schema.json", "body.mjml", "samples/one.json"] {
        let text = std::fs::read_to_string(types.directory.path().join("hello").join(file)).unwrap();
        types.write(&format!("welcome/{file}"), &text);
    }
    let types = types.load().unwrap();
    let mut greeted = event(json!({ "email": "a@example.com", "name": "Ada" }));
    greeted.event_type = "person.greeted".to_owned();
    let planned = types.plan(&greeted).unwrap();
    let names: Vec<&str> = planned.iter().map(|plan| plan.notification_type.as_str()).collect();
    assert_eq!(names, ["hello", "welcome"]);
    assert_ne!(planned[0].business_key, planned[1].business_key);
    greeted.data = json!({ "email": "a@example.com" });
    let Err(Rejection::Invalid(errors)) = types.plan(&greeted) else { panic!("a name is required") };
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].pointer, "/data/name");
}

#[test]
fn expressions_beyond_a_path_name_the_recipient_and_the_key() {
    let types = Types::hello();
    types.write(
        "hello/type.toml",
        "events = [\"person.greeted\"]\nto = \"email|lower\"\nsubject = \"Hello\"\ndedup = \"name ~ '/' ~ email\"\n",
    );
    let mut greeted = event(json!({ "email": "ADA@example.com", "name": "Ada" }));
    greeted.event_type = "person.greeted".to_owned();
    let planned = types.load().unwrap().plan(&greeted).unwrap();
    assert_eq!(planned[0].to.as_str(), "ada@example.com");
    assert_eq!(planned[0].business_key, BusinessKey::new("hello", "Ada/ADA@example.com"));
}
