//! Looking without sending.

use postrider_core::domain::category::Category;
use postrider_mail::types::{PreviewError, check};
use serde_json::json;

use crate::fixture::{Types, order, shipped};

#[test]
fn types_are_listed_with_what_they_answer() {
    let types = shipped().types();
    let confirmation = types.iter().find(|summary| summary.name == "order_confirmation").unwrap();
    assert_eq!(confirmation.events, ["order.confirmed"]);
    assert_eq!(confirmation.category, Category::TRANSACTIONAL);
    assert_eq!(confirmation.samples, ["awkward", "long", "short"]);
    assert!(!confirmation.description.is_empty());
}

#[test]
fn a_preview_takes_data_or_a_sample_or_the_first_sample() {
    let types = shipped();
    let given = types.preview("order_confirmation", Some(&order()), None).unwrap();
    assert_eq!(given.subject, "Your order 1042 is confirmed");
    let sample = types.preview("order_confirmation", None, Some("long")).unwrap();
    assert!(sample.text.contains("Difference Workshop"));
    let first = types.preview("order_confirmation", None, None).unwrap();
    assert_eq!(first, types.preview("order_confirmation", None, Some("awkward")).unwrap());
}

#[test]
fn a_preview_of_what_is_not_there_names_the_nearest() {
    let types = shipped();
    assert_eq!(
        types.preview("order_confirmaton", None, None).unwrap_err(),
        PreviewError::UnknownType {
            name: "order_confirmaton".to_owned(),
            nearest: Some("order_confirmation".to_owned())
        }
    );
    assert_eq!(
        types.preview("order_confirmation", None, Some("shrt")).unwrap_err(),
        PreviewError::UnknownSample { name: "shrt".to_owned(), nearest: Some("short".to_owned()) }
    );
}

#[test]
fn a_preview_of_wrong_data_names_the_fields() {
    let PreviewError::Invalid(errors) =
        shipped().preview("order_confirmation", Some(&json!({ "orderId": 7 })), None).unwrap_err()
    else {
        panic!("the data is not valid")
    };
    assert!(errors.iter().any(|error| error.pointer == "/orderId" && error.message == "must be a string"));
    assert!(errors.iter().any(|error| error.pointer == "/total" && error.message == "is required"));
}

#[test]
fn a_confirmation_is_small_enough_for_every_mailbox() {
    let html = shipped().preview("order_confirmation", None, Some("short")).unwrap().html;
    assert!((6_000..12_288).contains(&html.len()), "{}", html.len());
    let long = shipped().preview("order_confirmation", None, Some("long")).unwrap().html;
    assert!(long.len() < 100_000, "{}", long.len());
}

#[test]
fn a_check_reports_every_type_and_sample() {
    let types = Types::hello();
    types.write("broken/type.toml", "events = []\n");
    types.write("broken/schema.json", "{}");
    types.write("broken/body.mjml", "<mjml><mj-body></mj-body></mjml>");
    types.write("broken/samples/a.json", "{}");
    let report = check(&types.source());
    assert!(!report.is_ok());
    assert_eq!(report.types[0].name, "broken");
    assert!(report.types[0].errors.len() >= 3, "{:?}", report.types[0].errors);
    assert_eq!(report.types[1].samples[0].subject, "Hello Ada");
    assert!(report.types[1].samples[0].html_bytes > 0);
}
