//! Input that no message may come of: each wrong field is named, nothing of it is repeated.

use serde_json::{Value, json};

use crate::fixture::{order, order_with, wrong_fields};

#[track_caller]
fn check(pointer: &str, value: Value, expected: &str) {
    let shown = value.to_string();
    let errors = wrong_fields(order_with(pointer, value));
    assert_eq!(errors.len(), 1, "{shown}: {errors:?}");
    assert_eq!(errors[0].pointer, format!("/data{pointer}"), "{shown}");
    assert!(errors[0].message.contains(expected), "{shown}: {}", errors[0].message);
}

#[test]
fn every_missing_field_is_named_at_its_own_place() {
    let mut pointers: Vec<String> = wrong_fields(json!({})).into_iter().map(|error| error.pointer).collect();
    pointers.sort_unstable();
    let expected =
        ["/data/customerEmail", "/data/customerName", "/data/items", "/data/orderId", "/data/total"];
    assert_eq!(pointers, expected);
    let errors =
        wrong_fields(order_with("/items", json!([{ "name": "x" }, { "quantity": 1, "unitPrice": 1 }])));
    let mut pointers: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/data/items/0/quantity", "/data/items/0/unitPrice", "/data/items/1/name"]);
    assert!(errors.iter().all(|error| error.message == "is required"));
}

#[test]
fn pointers_of_a_bare_order_start_at_its_top() {
    let mut event = crate::fixture::event(json!({}));
    event.pointers = postrider_core::domain::event::Pointers::BARE;
    let Err(postrider_core::ports::catalog::Rejection::Invalid(errors)) =
        postrider_core::ports::catalog::Catalog::plan(&crate::fixture::shipped(), &event)
    else {
        panic!("an empty order is not valid")
    };
    assert!(errors.iter().any(|error| error.pointer == "/orderId"));
}

#[test]
fn wrong_types_say_what_is_expected() {
    check("/customerName", json!(7), "must be a string");
    check("/items", json!("none"), "must be an array");
    check("/items/0", json!(1), "must be an object");
    check("/items/0/quantity", json!("2"), "must be a whole number from 1 to 1000000");
    check("/items/0/quantity", json!(0), "must be a whole number from 1 to 1000000");
    check("/items/0/quantity", json!(1.5), "must be a whole number from 1 to 1000000");
    check("/total", json!(true), "must be a number or a decimal string");
    check("/timestamp", json!("yesterday"), "RFC 3339");
    check("/currency", json!("usd"), "ISO 4217");
    check("/shippingAddress", json!("London"), "must be an object");
}

#[test]
fn an_empty_or_endless_list_of_items_is_refused() {
    check("/items", json!([]), "must have at least one item");
    let item = order()["items"][0].clone();
    check("/items", Value::Array(vec![item; 501]), "must have at most 500 items");
}

#[test]
fn money_that_is_negative_huge_or_not_decimal_is_refused() {
    for amount in ["-1", "-0.01", "1e16", "1e-7", "1234567890123456", "0.1234567"] {
        check("/total", serde_json::from_str(amount).unwrap(), "must be a number or a decimal string");
        check("/items/0/unitPrice", json!(amount), "must be a number or a decimal string");
    }
    // A number no decimal can hold; the HTTP edge refuses it too.
    check("/total", serde_json::from_str("1e400").unwrap(), "must be a number or a decimal string");
    for amount in ["", " 1", "1,5", "1.", ".5", "+1", "1e2", "NaN", "٣", "0x10", "12 USD"] {
        check("/discount", json!(amount), "must be a number or a decimal string");
    }
}

#[test]
fn anything_but_one_mailbox_is_refused() {
    for address in [
        "",
        "a@x,b@y",
        "a@x.example,b@y.example",
        "<a@example.com>",
        "Ada <a@example.com>",
        "a@",
        "@b.example",
        "a@example.com\r\nBcc: b@example.com",
        "a b@example.com",
        "undisclosed-recipients:;",
    ] {
        let errors = wrong_fields(order_with("/customerEmail", json!(address)));
        assert_eq!(errors.len(), 1, "{address:?}: {errors:?}");
        assert_eq!(errors[0].pointer, "/data/customerEmail", "{address:?}");
    }
}

#[test]
fn line_breaks_and_control_characters_are_refused_where_they_could_reach_a_header() {
    for hidden in ["a\r\nBcc: b@example.com", "a\nb", "a\u{0}b", "a\u{1b}[31m", "a\u{85}b", "a\u{2028}b"] {
        for pointer in ["/customerName", "/orderId", "/items/0/name", "/items/0/sku", "/shippingAddress"] {
            let (pointer, value) = match pointer {
                "/shippingAddress" => ("/shippingAddress/city", json!(hidden)),
                pointer => (pointer, json!(hidden)),
            };
            let data = match pointer {
                "/shippingAddress/city" => order_with("/shippingAddress", json!({ "city": value })),
                pointer => order_with(pointer, value),
            };
            let errors = wrong_fields(data);
            assert_eq!(errors.len(), 1, "{pointer} {hidden:?}: {errors:?}");
            assert_eq!(errors[0].pointer, format!("/data{pointer}"));
            assert_eq!(errors[0].message, "must be one line without control characters");
        }
    }
    check("/orderId", json!("x".repeat(129)), "must have at most 128 characters");
    check("/customerName", json!(""), "must not be empty");
}

#[test]
fn links_that_are_not_https_are_refused() {
    for link in [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "http://example.com",
        "data:text/html,x",
        "//example.com",
        "https://",
        "https://example.com/\" onclick=\"x",
        "https://example.com/ x",
        " https://example.com",
    ] {
        check("/orderUrl", json!(link), "must be an address that begins with https://");
        check("/items/0/url", json!(link), "must be an address that begins with https://");
    }
}

#[test]
fn messages_never_repeat_what_was_sent() {
    let secret = "4929-1234-5678-9012";
    let data = json!({
        "orderId": [secret], "customerEmail": format!("{secret}@@"), "customerName": format!("{secret}\n"),
        "items": [{ "name": [secret], "quantity": secret, "unitPrice": secret, "url": secret }],
        "total": secret, "currency": secret, "timestamp": secret, "orderUrl": secret
    });
    let errors = wrong_fields(data);
    assert!(errors.len() >= 10, "{errors:?}");
    assert!(errors.iter().all(|error| !error.message.contains(secret)), "{errors:?}");
}
