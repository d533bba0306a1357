//! What requests about endpoints say, with every wrong field named.

use std::collections::BTreeSet;

use postrider_core::domain::document::push_token;
use postrider_core::domain::problem::FieldError;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::webhook::{WebhookEvent, WebhookUrl};
use postrider_core::limits::{FIELD_ERRORS_MAX, WEBHOOK_DESCRIPTION_CHARS_MAX};
use postrider_webhook::OutboundConfig;
use postrider_webhook::client::InvalidTarget;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::Problem;

/// An endpoint to be made.
#[derive(ToSchema)]
#[schema(as = NewWebhook)]
#[expect(
    dead_code,
    reason = "describes the body, which is read member by member so that every wrong one is named"
)]
pub struct NewWebhookBody {
    /// Where calls go: `https://…`.
    url: String,
    /// What it hears of: `notification.sent`, `notification.bounced`, …; everything if left out or empty.
    #[schema(required = false)]
    events: Vec<String>,
    /// For people; at most 500 characters.
    #[schema(required = false)]
    description: String,
}

/// What to change about an endpoint. What is left out stays.
#[derive(ToSchema)]
#[schema(as = WebhookChange)]
#[expect(
    dead_code,
    reason = "describes the body, which is read member by member so that every wrong one is named"
)]
pub struct WebhookChangeBody {
    /// Where calls go.
    url: Option<String>,
    /// What it hears of from now on; empty means everything.
    events: Option<Vec<String>>,
    /// For people.
    description: Option<String>,
    /// `enabled` or `disabled`. Once enabled again it is called at once about what it missed.
    status: Option<String>,
}

/// A rotation of the secret. Everything may be left out.
#[derive(ToSchema)]
#[schema(as = WebhookRotation, rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "describes the body, which is read member by member so that every wrong one is named"
)]
pub struct RotationBody {
    /// How many seconds the secret before goes on signing beside the new one, 0 to 2592000; 86400 if left out.
    old_valid_secs: Option<u64>,
}

/// Which time to tell again.
#[derive(ToSchema)]
#[schema(as = WebhookReplayRequest)]
#[expect(
    dead_code,
    reason = "describes the body, which is read member by member so that every wrong one is named"
)]
pub struct ReplayBody {
    /// What happened at or after this instant (RFC 3339).
    since: String,
    /// What happened before this instant; now if left out.
    until: Option<String>,
    /// The `next` of the answer before: goes on from there.
    after: Option<String>,
}

/// The members of a body, and what is wrong with them so far. Absent and null are the same.
pub(super) struct Fields {
    object: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    pub(super) fn of(value: &Value) -> Result<Self, Problem> {
        match value {
            Value::Object(object) => Ok(Self { object: object.clone(), errors: Vec::new() }),
            _ => Err(invalid(vec![FieldError::new("", "must be an object")])),
        }
    }

    pub(super) fn wrong(&mut self, name: &str, message: impl Into<String>) {
        if self.errors.len() < FIELD_ERRORS_MAX {
            let mut pointer = String::new();
            push_token(&mut pointer, name);
            self.errors.push(FieldError::new(pointer, message));
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.object.remove(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => {
                self.wrong(name, "must be a string");
                None
            }
        }
    }

    /// What `read` makes of a text, or its words about it.
    pub(super) fn parsed<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(name)?;
        read(&text).map_err(|message| self.wrong(name, message)).ok()
    }

    pub(super) fn instant(&mut self, name: &str) -> Option<Timestamp> {
        self.parsed(name, |text| text.parse().map_err(|error| format!("{error}")))
    }

    pub(super) fn number(&mut self, name: &str, max: u64) -> Option<u64> {
        let number = self.take(name)?.as_u64().filter(|number| *number <= max);
        if number.is_none() {
            self.wrong(name, format!("must be a whole number from 0 to {max}"));
        }
        number
    }

    /// A URL that may be called.
    pub(super) fn url(&mut self, targets: &OutboundConfig) -> Option<WebhookUrl> {
        self.parsed("url", |text| {
            targets.check(text).map_err(refusal)?;
            WebhookUrl::parse(text).map_err(|error| error.to_string())
        })
    }

    pub(super) fn events(&mut self) -> Option<BTreeSet<WebhookEvent>> {
        let Value::Array(names) = self.take("events")? else {
            self.wrong("events", "must be a list of names such as notification.bounced");
            return None;
        };
        let mut events = BTreeSet::new();
        for (index, name) in names.iter().enumerate() {
            match name.as_str().map(str::parse::<WebhookEvent>) {
                Some(Ok(event)) => {
                    events.insert(event);
                }
                Some(Err(error)) if self.errors.len() < FIELD_ERRORS_MAX => {
                    self.errors.push(FieldError::new(format!("/events/{index}"), error.to_string()));
                }
                None if self.errors.len() < FIELD_ERRORS_MAX => {
                    self.errors.push(FieldError::new(format!("/events/{index}"), "must be a string"));
                }
                _ => break,
            }
        }
        Some(events)
    }

    pub(super) fn description(&mut self) -> Option<String> {
        self.parsed("description", |text| {
            let is_bad =
                text.chars().count() > WEBHOOK_DESCRIPTION_CHARS_MAX || text.chars().any(char::is_control);
            let message = || {
                format!(
                    "must have at most {WEBHOOK_DESCRIPTION_CHARS_MAX} characters and no control characters"
                )
            };
            if is_bad { Err(message()) } else { Ok(text.to_owned()) }
        })
    }

    /// Whether the endpoint is to be called.
    pub(super) fn status(&mut self) -> Option<bool> {
        self.parsed("status", |text| match text {
            "enabled" => Ok(true),
            "disabled" => Ok(false),
            _ => Err("must be enabled or disabled".to_owned()),
        })
    }

    /// `value`, which must be there if nothing is wrong with it.
    pub(super) fn require<T>(&mut self, name: &str, value: Option<T>) -> Option<T> {
        let pointer = format!("/{name}");
        if value.is_none() && !self.errors.iter().any(|error| error.pointer == pointer) {
            self.wrong(name, "is required");
        }
        value
    }

    /// Refuses what is wrong, and what nobody has asked for: a member that is ignored lies.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        let unknown: Vec<_> = self.object.iter().filter(|(_, value)| !value.is_null()).collect();
        let names: Vec<String> = unknown.into_iter().map(|(name, _)| name.clone()).collect();
        for name in names {
            self.wrong(&name, "is not known here");
        }
        if self.errors.is_empty() { Ok(()) } else { Err(invalid(self.errors)) }
    }
}

fn invalid(errors: Vec<FieldError>) -> Problem {
    Problem::invalid("invalid_webhook", errors)
}

fn refusal(error: InvalidTarget) -> String {
    match error {
        InvalidTarget::Plaintext | InvalidTarget::Blocked => {
            format!("cannot be called: {error}. For development, webhooks.allow_private lifts this")
        }
        InvalidTarget::TooLong
        | InvalidTarget::Malformed
        | InvalidTarget::Scheme
        | InvalidTarget::UserInfo => format!("cannot be called: {error}"),
    }
}
