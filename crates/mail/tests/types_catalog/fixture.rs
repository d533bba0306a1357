//! Orders, types and senders for the tests.

use std::fs;
use std::path::Path;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::document::parse_json;
use postrider_core::domain::event::{Event, Pointers, StoredEvent};
use postrider_core::domain::id::{EventId, NotificationId};
use postrider_core::domain::lifecycle::Lifecycle;
use postrider_core::domain::notification::Notification;
use postrider_core::domain::problem::FieldError;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::catalog::{Catalog as _, Composed, Rejection};
use postrider_mail::types::{Sender, TypeError, TypeSet, TypeSource};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const SHORT: &str = include_str!("../../../../notifications/order_confirmation/samples/short.json");
pub const AWKWARD: &str = include_str!("../../../../notifications/order_confirmation/samples/awkward.json");

pub fn sender() -> Sender {
    Sender::new(Some("Example Shop".to_owned()), EmailAddress::parse("orders@shop.example.com").unwrap())
}

pub fn shipped() -> TypeSet {
    TypeSet::load(&TypeSource::Shipped, sender()).unwrap()
}

/// The least an order may have.
pub fn order() -> Value {
    json!({
        "orderId": "1042",
        "customerEmail": "ada@example.com",
        "customerName": "Ada Lovelace",
        "items": [{ "name": "Analytical Engine", "quantity": 1, "unitPrice": "129.00" }],
        "total": "129.00"
    })
}

/// The least order with the value at `pointer` replaced; a member that is not there yet is added.
pub fn order_with(pointer: &str, value: Value) -> Value {
    let mut order = order();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match order.pointer_mut(parent).unwrap() {
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        members => members[name] = value,
    }
    order
}

pub fn event(data: Value) -> Event {
    Event {
        id: None,
        source: None,
        event_type: "order.confirmed".to_owned(),
        data,
        pointers: Pointers::ENVELOPE,
        send_at: None,
        correlation_id: None,
        locale: None,
    }
}

/// The wrong fields of an order, in the order they are reported.
pub fn wrong_fields(data: Value) -> Vec<FieldError> {
    match shipped().plan(&event(data)) {
        Err(Rejection::Invalid(errors)) => errors,
        other => panic!("expected wrong fields, got {other:?}"),
    }
}

pub fn instant() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

pub fn notification(types: &TypeSet, data: &Value) -> Notification {
    let plan = types.plan(&event(data.clone())).unwrap().remove(0);
    Notification {
        id: NotificationId::new(instant(), 77),
        event_id: EventId::given("evt"),
        notification_type: plan.notification_type,
        to: plan.to,
        order_id: plan.order_id,
        correlation_id: None,
        priority: plan.priority,
        category: plan.category,
        created_at: instant(),
        updated_at: instant(),
        send_at: None,
        lifecycle: Lifecycle::accepted(instant()),
    }
}

pub fn stored(data: &Value) -> StoredEvent {
    StoredEvent {
        id: EventId::given("evt"),
        source: None,
        event_type: "order.confirmed".to_owned(),
        data: data.to_string(),
        correlation_id: None,
        locale: None,
    }
}

pub fn compose(types: &TypeSet, data: &Value) -> Composed {
    types.compose(&notification(types, data), &stored(data), instant()).unwrap()
}

pub fn sample(source: &str) -> Value {
    parse_json(source.as_bytes()).unwrap()
}

/// A directory with one small type, `hello`, whose files a test then changes.
pub struct Types {
    pub directory: TempDir,
}

impl Types {
    pub fn hello() -> Self {
        let types = Self { directory: TempDir::new().unwrap() };
        types.write(
            "hello/type.toml",
            "events = [\"person.greeted\"]\nto = \"email\"\nsubject = \"Hello {{ name }}\"\ndedup = \"email\"\n",
        );
        types.write(
            "hello/schema.json",
            r#"{ "type": "object", "required": ["email", "name"], "properties": {
                 "email": { "type": "string" }, "name": { "type": "string" }, "note": { "type": "string" },
                 "lines": { "type": "array", "items": { "type": "object", "required": ["word"],
                            "properties": { "word": { "type": "string" }, "hint": { "type": "string" } } } } } }"#,
        );
        types.write("hello/body.mjml", &body("<p>Hello {{ name }}</p>"));
        types.write(
            "hello/samples/one.json",
            r#"{ "email": "a@example.com", "name": "Ada", "note": "n", "lines": [{ "word": "w", "hint": "h" }] }"#,
        );
        types
    }

    pub fn write(&self, file: &str, text: &str) {
        let path = self.directory.path().join(file);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn source(&self) -> TypeSource {
        TypeSource::Directory(self.directory.path().to_owned())
    }

    pub fn load(&self) -> Result<TypeSet, Vec<TypeError>> {
        TypeSet::load(&self.source(), sender())
    }

    /// The errors of a load, as a person reads them.
    pub fn errors(&self) -> Vec<String> {
        self.load().unwrap_err().iter().map(ToString::to_string).collect()
    }
}

/// An MJML body whose only text is `inner`, on line 3.
pub fn body(inner: &str) -> String {
    format!(
        "<mjml>\n<mj-body><mj-section><mj-column>\n<mj-text>{inner}</mj-text>\n</mj-column></mj-section></mj-body></mjml>\n"
    )
}
