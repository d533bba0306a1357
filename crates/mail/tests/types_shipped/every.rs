//! Every message that the shipped types make of their samples.

use std::fs;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::category::Category;
use postrider_core::domain::event::{Event, Pointers, StoredEvent};
use postrider_core::domain::id::{EventId, NotificationId};
use postrider_core::domain::lifecycle::Lifecycle;
use postrider_core::domain::notification::Notification;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::catalog::Catalog as _;
use postrider_mail::types::{Preview, Sender, TypeSet, TypeSource, write_shipped};
use serde_json::Value;
use tempfile::TempDir;

/// One message.
pub struct Made {
    /// Type, sample and locale.
    pub name: String,
    pub locale: String,
    pub notification: NotificationId,
    pub to: EmailAddress,
    pub preview: Preview,
    pub message: Vec<u8>,
}

/// The shipped types of a shop that has filled in its theme.
pub fn types() -> TypeSet {
    load(&directory())
}

/// The same, whose e-mail to the shop itself is in the language of the event like all others.
fn types_in_every_locale() -> TypeSet {
    let directory = directory();
    let manifest = directory.path().join("merchant_new_order/type.toml");
    let fixed = fs::read_to_string(&manifest).unwrap();
    assert!(fixed.contains("fixed_locale = true\n"));
    fs::write(&manifest, fixed.replace("fixed_locale = true\n", "")).unwrap();
    load(&directory)
}

fn load(directory: &TempDir) -> TypeSet {
    TypeSet::load(&TypeSource::Directory(directory.path().to_owned()), sender()).unwrap()
}

fn directory() -> TempDir {
    let directory = TempDir::new().unwrap();
    write_shipped(directory.path()).unwrap();
    let theme = directory.path().join("_layout/theme.toml");
    let mut filled = fs::read_to_string(&theme).unwrap();
    for (key, value) in [
        ("logo_url", "https://shop.example.com/logo.png"),
        ("website_url", "https://shop.example.com/"),
        ("postal_address", "Example Shop Ltd, 12 St James's Square, London SW1Y 4JH"),
        ("legal_notice", "Registered in England No. 01234567 · VAT GB 123 4567 89"),
        ("support_url", "https://shop.example.com/help"),
        ("support_email", "help@shop.example.com"),
        ("new_orders_to", "orders@shop.example.com"),
    ] {
        let empty = format!("{key} = \"\"");
        assert!(filled.contains(&empty), "the theme has no {key}");
        filled = filled.replace(&empty, &format!("{key} = \"{value}\""));
    }
    fs::write(&theme, filled).unwrap();
    directory
}

fn sender() -> Sender {
    Sender::new(Some("Example Shop".to_owned()), EmailAddress::parse("orders@shop.example.com").unwrap())
}

/// The data of a sample.
pub fn sample(type_name: &str, name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../notifications");
    let source = fs::read(format!("{folder}/{type_name}/samples/{name}.json")).unwrap();
    serde_json::from_slice(&source).unwrap()
}

pub fn instant() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

/// Every message of every type, sample and locale.
pub fn messages() -> Vec<Made> {
    let types = types_in_every_locale();
    let at = instant();
    let mut made = Vec::new();
    for summary in types.types() {
        for sample_name in &summary.samples {
            for locale in &summary.locales {
                let data = sample(&summary.name, sample_name);
                let number = u128::try_from(made.len()).unwrap() + 1;
                let event = event(&summary.events[0], data, locale);
                let message = make(&types, &summary.name, &event, NotificationId::new(at, number));
                made.push(Made { name: format!("{} {sample_name} {locale}", summary.name), ..message });
            }
        }
    }
    assert!(made.len() >= 8 * 3 * 2, "{} messages", made.len());
    made
}

/// An event that asks for a locale.
pub fn event(event_type: &str, data: Value, locale: &str) -> Event {
    Event {
        id: None,
        source: None,
        event_type: event_type.to_owned(),
        data,
        pointers: Pointers::ENVELOPE,
        send_at: None,
        correlation_id: None,
        locale: Some(locale.to_owned()),
    }
}

/// The message one type makes of an event.
pub fn make(types: &TypeSet, type_name: &str, event: &Event, id: NotificationId) -> Made {
    let plan =
        types.plan(event).unwrap().into_iter().find(|plan| plan.notification_type == type_name).unwrap();
    let notification = Notification {
        category: Category::TRANSACTIONAL,
        id,
        event_id: EventId::given("evt"),
        notification_type: type_name.to_owned(),
        to: plan.to.clone(),
        order_id: plan.order_id,
        correlation_id: None,
        priority: plan.priority,
        created_at: instant(),
        updated_at: instant(),
        send_at: None,
        lifecycle: Lifecycle::accepted(instant()),
    };
    let stored = StoredEvent {
        id: EventId::given("evt"),
        source: None,
        event_type: event.event_type.clone(),
        data: event.data.to_string(),
        correlation_id: None,
        locale: event.locale.clone(),
    };
    let composed = types.compose(&notification, &stored, instant()).unwrap();
    let locale = event.locale.clone().unwrap();
    Made {
        name: type_name.to_owned(),
        notification: id,
        to: plan.to,
        preview: types.preview_in(type_name, Some(&event.data), None, Some(&locale)).unwrap(),
        message: composed.message,
        locale,
    }
}
