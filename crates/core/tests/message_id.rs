//! From a `Message-ID` back to the notification it was made of.

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::time::Timestamp;

#[test]
fn a_message_id_leads_back_to_its_notification() {
    let id = NotificationId::new(Timestamp::from_millis(1_795_428_000_000), 7);
    for text in [format!("<{id}@shop.example>"), format!("{id}@shop.example"), format!(" <{id}@x>\r\n")] {
        assert_eq!(NotificationId::from_message_id(&text), Some(id), "{text}");
    }
}

#[test]
fn message_ids_of_others_lead_nowhere() {
    let id = NotificationId::new(Timestamp::from_millis(1_795_428_000_000), 7);
    for text in [
        String::new(),
        id.to_string(),
        format!("<{id}>"),
        format!("<x{id}@shop.example>"),
        format!("<{id}x@shop.example>"),
        "<CAF=x+1@mail.example>".to_owned(),
        "custom-message-ID".to_owned(),
    ] {
        assert_eq!(NotificationId::from_message_id(&text), None, "{text}");
    }
}
