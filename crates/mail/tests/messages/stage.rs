//! One notification type, a folder with files, and messages read back.

use std::fs;
use std::path::Path;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::event::{Event, Pointers, StoredEvent};
use postrider_core::domain::id::{EventId, NotificationId};
use postrider_core::domain::lifecycle::Lifecycle;
use postrider_core::domain::notification::Notification;
use postrider_core::domain::problem::FieldError;
use postrider_core::domain::suppression::Secret;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::catalog::{Catalog as _, ComposeFailure, Composed, Rejection};
use postrider_mail::attachment_folder::AttachmentFolder;
use postrider_mail::types::{Resources, Sender, TypeError, TypeSet, TypeSource};
use postrider_mail::unsubscribe::Unsubscribe;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with one type, `news`, and beside it the folder with files to attach.
pub struct Stage {
    pub folder: TempDir,
}

impl Stage {
    /// `manifest` is what `type.toml` says besides the least it must.
    pub fn new(manifest: &str) -> Self {
        let stage = Self { folder: TempDir::new().unwrap() };
        let least = "events = [\"news\"]\nto = \"email\"\nsubject = \"News\"\ndedup = \"orderId\"\n";
        stage.write("types/news/type.toml", format!("{least}{manifest}"));
        stage.write(
            "types/news/schema.json",
            r#"{ "type": "object", "required": ["orderId", "email"], "properties": { "orderId": { "type": "string" },
                 "email": { "type": "string" }, "note": { "type": "string" }, "answers": { "type": "string" },
                 "invoice": { "type": "object", "properties": { "pdf": { "type": "string" } } },
                 "file": { "type": "string" }, "files": { "type": "array" } } }"#,
        );
        let body = "<mjml><mj-body><mj-section><mj-column><mj-text>Read this.</mj-text></mj-column></mj-section></mj-body></mjml>";
        stage.write("types/news/body.mjml", body);
        stage.write("types/news/samples/one.json", r#"{ "orderId": "1", "email": "ada@example.com" }"#);
        fs::create_dir_all(stage.path("files")).unwrap();
        stage
    }

    pub fn path(&self, file: &str) -> std::path::PathBuf {
        self.folder.path().join(file)
    }

    pub fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn load_for(&self, public_url: Option<&str>) -> Result<TypeSet, Vec<TypeError>> {
        let from = EmailAddress::parse("news@shop.example.com").unwrap();
        let sender = Sender { public_url: public_url.map(str::to_owned), ..Sender::new(None, from) };
        let types = TypeSet::load(&TypeSource::Directory(self.path("types")), sender)?;
        Ok(types.with_resources(self.resources()))
    }

    pub fn types(&self) -> TypeSet {
        self.load_for(Some("https://mail.shop.example.com")).unwrap()
    }

    /// The errors of a load, as a person reads them.
    pub fn errors(&self) -> String {
        let errors = self.load_for(None).unwrap_err();
        errors.iter().map(|error| format!("{error}\n")).collect()
    }

    pub fn resources(&self) -> Resources {
        Resources {
            attachments: AttachmentFolder::new(Some(self.path("files"))),
            unsubscribe: Some(Unsubscribe::new(secret())),
        }
    }

    pub fn compose(&self, data: &Value) -> Result<Composed, ComposeFailure> {
        let types = self.types();
        types.compose(&notification(&types, data), &stored(data), instant())
    }

    /// The message as it leaves.
    pub fn message(&self, data: &Value) -> Vec<u8> {
        self.compose(data).unwrap().message
    }

    /// The wrong fields of an event with this data.
    pub fn wrong(&self, data: &Value) -> Vec<FieldError> {
        match self.types().plan(&event(data.clone())) {
            Ok(_) => Vec::new(),
            Err(Rejection::Invalid(errors)) => errors,
            Err(other) => panic!("{other:?}"),
        }
    }
}

pub fn secret() -> Secret {
    Secret::new([7; 32])
}

pub fn instant() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

/// The least data, with `more` in it.
pub fn data(more: &Value) -> Value {
    let mut data = json!({ "orderId": "1042", "email": "ada@example.com" });
    for (name, value) in more.as_object().unwrap() {
        data[name] = value.clone();
    }
    data
}

pub fn event(data: Value) -> Event {
    Event {
        id: None,
        source: None,
        event_type: "news".to_owned(),
        data,
        pointers: Pointers::ENVELOPE,
        send_at: None,
        correlation_id: None,
        locale: None,
    }
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
        event_type: "news".to_owned(),
        data: data.to_string(),
        correlation_id: None,
        locale: None,
    }
}

/// The header of a message, unfolded.
pub fn header(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    text.split_once("\r\n\r\n").unwrap().0.replace("\r\n ", " ")
}
