//! Header fields of a type's own.

use serde_json::json;

use crate::stage::{Stage, data, header};

#[test]
fn allowed_fields_are_set_and_follow_the_order() {
    let manifest = "reply_to = \"{{ answers }}\"\n[headers]\nFeedback-ID = \"news:shop\"\n\
                    References = \"<order-{{ orderId }}@shop.example.com>\"\nX-Note = \"{{ note }}\"\n";
    let stage = Stage::new(manifest);
    let all = data(&json!({ "answers": "help@shop.example.com", "note": "Für Zoë\r\nBcc: eve@example.com" }));
    let message = stage.message(&all);
    let header = header(&message);
    assert!(header.contains("\r\nReply-To: help@shop.example.com\r\n"), "{header}");
    assert!(header.contains("\r\nFeedback-ID: news:shop\r\n"), "{header}");
    assert!(header.contains("\r\nReferences: <order-1042@shop.example.com>\r\n"), "{header}");
    assert!(header.contains("\r\nX-Note: =?utf-8?B?"), "{header}");
    assert!(!header.contains("\r\nBcc"), "{header}");
    let least = self::header(&stage.message(&data(&json!({}))));
    assert!(!least.contains("X-Note") && !least.contains("Reply-To"), "what is missing is left out: {least}");
}

#[test]
fn fields_that_are_not_the_shops_to_set_stop_the_load() {
    for name in [
        "From",
        "Sender",
        "To",
        "Cc",
        "Bcc",
        "Subject",
        "Date",
        "Message-ID",
        "Return-Path",
        "Received",
        "MIME-Version",
        "Content-Type",
        "content-transfer-encoding",
        "DKIM-Signature",
        "Authentication-Results",
        "X-SES-SOURCE-ARN",
        "X-Postrider-Notification",
        "Auto-Submitted",
        "X-",
        "Bad Name",
    ] {
        let errors = Stage::new(&format!("[headers]\n\"{name}\" = \"x\"\n")).errors();
        assert!(errors.contains("is not a header field that can be set"), "{name}: {errors}");
    }
    for value in ["a\\r\\nBcc: x", "", "\\u0000", "ü"] {
        let errors = Stage::new(&format!("[headers]\nReferences = \"{value}\"\n")).errors();
        assert!(errors.contains("the header field \"References\""), "{value}: {errors}");
    }
    assert!(Stage::new("reply_to = \"nobody\"\n").errors().contains("`reply_to`"));
}

#[test]
fn a_value_that_no_field_can_carry_is_refused_with_the_event() {
    let stage = Stage::new("reply_to = \"{{ answers }}\"\n[headers]\nReferences = \"<{{ note }}>\"\n");
    let wrong = stage.wrong(&data(&json!({ "answers": "a@x.example,b@x.example", "note": "ü" })));
    let pointers: Vec<_> = wrong.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/data/answers", "/data/note"]);
}
