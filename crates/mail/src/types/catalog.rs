//! [`TypeSet`] as the core sees it.

use std::sync::Arc;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::event::{DIRECT_EVENT_TYPE, Event, StoredEvent};
use postrider_core::domain::guard::Guards;
use postrider_core::domain::notification::{BusinessKey, Notification, PlannedNotification};
use postrider_core::domain::outcome::{Cause, Words};
use postrider_core::domain::problem::FieldError;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::FIELD_ERRORS_MAX;
use postrider_core::ports::catalog::{Catalog, ComposeFailure, Composed, Rejection, RenditionId, SentCopy};
use postrider_core::ports::mailer::Envelope;
use serde_json::Value;

use crate::render::expression::{Expression, ExpressionError};

use super::TypeSet;
use super::direct;
use super::known::Known;
use super::nearest::nearest;
use super::notification_type::NotificationType;
use super::rendition::{MessageError, with_signature};

impl TypeSet {
    /// A message without a signature, what it is made of, and who gets it.
    fn unsigned(
        &self,
        notification: &Notification,
        event: &StoredEvent,
        at: Timestamp,
    ) -> Result<(RenditionId, Vec<u8>, EmailAddress), ComposeFailure> {
        if notification.notification_type == direct::NAME {
            let message = self.direct.message(notification, event, at, &self.resources);
            let message = message.map_err(|error| describe(&error))?;
            // The message is made, so somebody gets it.
            let recipient = self.direct.recipient(&notification.to).unwrap_or(&notification.to);
            return Ok((self.direct.id, message, recipient.clone()));
        }
        let Some(known) = self.types.get(&notification.notification_type).and_then(Known::get) else {
            let words = format!("the notification type {} is not loaded", notification.notification_type);
            return Err(failure("type_missing", &words));
        };
        let Some(rendition) = known.rendition_for(event.locale.as_deref()) else {
            let words =
                format!("the notification type {} is broken in this locale", notification.notification_type);
            return Err(failure("type_missing", &words));
        };
        let message = rendition.message(notification, event, at, &self.resources);
        let message = message.map_err(|error| describe(&error))?;
        let recipient = rendition.recipient(&notification.to).unwrap_or(&notification.to);
        Ok((rendition.id, message, recipient.clone()))
    }

    /// Every rendition messages are made of now, with the bundle to store under its id before the first message
    /// leaves; [`recompose`](super::recompose) reads it.
    #[must_use]
    pub fn renditions(&self) -> Vec<(RenditionId, Vec<u8>)> {
        let of_types = self.types.values().filter_map(Known::get).flat_map(NotificationType::renditions);
        let of_types = of_types.map(|(_, rendition)| (rendition.id, rendition.bytes.clone()));
        of_types.chain([(self.direct.id, self.direct.bytes.clone())]).collect()
    }
}

impl TypeSet {
    /// The bundle of a rendition that a message was made of, to store under its id.
    #[must_use]
    pub fn bundle(&self, id: RenditionId) -> Option<Vec<u8>> {
        if id == self.direct.id {
            return Some(self.direct.bytes.clone());
        }
        let mut of_types =
            self.types.values().filter_map(Known::if_compiled).flat_map(NotificationType::renditions_in_use);
        of_types.find(|rendition| rendition.id == id).map(|rendition| rendition.bytes.clone())
    }
}

impl Catalog for TypeSet {
    fn plan(&self, event: &Event) -> Result<Vec<PlannedNotification>, Rejection> {
        if event.event_type == DIRECT_EVENT_TYPE {
            return direct::plan(event, &self.sender);
        }
        let Some(names) = self.answering.get(&event.event_type) else {
            let nearest = nearest(&event.event_type, self.answering.keys().map(String::as_str));
            return Err(Rejection::UnknownEventType { nearest });
        };
        let mut errors = Vec::new();
        let mut planned = Vec::with_capacity(names.len());
        for (name, known) in names.iter().filter_map(|name| self.types.get_key_value(name)) {
            match known.get() {
                Some(compiled) => planned.extend(plan_one(name, compiled, event, &mut errors)),
                None => {
                    let message = format!("calls for the notification type {name}, which cannot be used");
                    errors.push(FieldError::new(event.pointers.data.to_owned(), message));
                }
            }
        }
        if errors.is_empty() { Ok(planned) } else { Err(Rejection::Invalid(errors)) }
    }

    fn guards(&self, notification_type: &str) -> Option<Arc<Guards>> {
        self.types.get(notification_type)?.manifest.guards.clone()
    }

    fn stands_in(&self, address: Option<&EmailAddress>) -> bool {
        self.sender.sandbox.as_ref().is_some_and(|sandbox| sandbox.stands_in(address))
    }

    fn compose(
        &self,
        notification: &Notification,
        event: &StoredEvent,
        at: Timestamp,
    ) -> Result<Composed, ComposeFailure> {
        let (rendition, unsigned, recipient) = self.unsigned(notification, event, at)?;
        let signature = match &self.sender.dkim {
            Some(key) => {
                Some(key.sign(&unsigned, at).map_err(|error| failure("dkim_failed", &error.to_string()))?)
            }
            None => None,
        };
        let message = with_signature(signature.as_deref(), unsigned);
        let copy = SentCopy {
            rendition,
            composed_at: at,
            fingerprint: Fingerprint::of_parts(&[&message]),
            signature,
        };
        let return_path = match &self.return_paths {
            Some(return_paths) => return_paths.address(notification.id),
            None => self.return_path.clone(),
        };
        let envelope = Envelope { return_path, recipient };
        Ok(Composed { envelope, message, copy })
    }
}

/// One type's answer to an event, or nothing and its wrong fields in `errors`.
fn plan_one(
    name: &str,
    notification_type: &NotificationType,
    event: &Event,
    errors: &mut Vec<FieldError>,
) -> Option<PlannedNotification> {
    let known = errors.len();
    notification_type.schema.check(&event.data, event.pointers.data, errors);
    let templates = &notification_type.default_rendition().templates;
    let mut evaluate = |expression: &Expression| match expression.evaluate(&event.data, templates) {
        Ok(value) => Some(value),
        // The schema has already named the field, and everything else may follow from that.
        Err(_) if errors.len() > known => None,
        Err(error) => {
            push(errors, expression, event, &evaluation_words(&error));
            None
        }
    };
    let is_wanted = notification_type
        .when
        .as_ref()
        .is_none_or(|when| evaluate(when).is_some_and(|value| is_true(&value)));
    if !is_wanted {
        return None;
    }
    let to = evaluate(&notification_type.to);
    let dedup = evaluate(&notification_type.dedup);
    let recipient = to.and_then(|to| match EmailAddress::parse(&to) {
        Ok(recipient) => Some(recipient),
        Err(error) => {
            push(errors, &notification_type.to, event, &error.to_string());
            None
        }
    });
    if errors.len() == known {
        for wrong in notification_type.manifest.extras.check(&event.data) {
            let pointer = format!("{}{}", event.pointers.data, wrong.pointer);
            push_unless_named(errors, FieldError::new(pointer, wrong.message));
        }
    }
    if errors.len() > known {
        return None;
    }
    Some(PlannedNotification {
        notification_type: name.to_owned(),
        to: recipient?,
        order_id: event.data.get("orderId").and_then(Value::as_str).map(str::to_owned),
        business_key: BusinessKey::new(name, &dedup?),
        priority: notification_type.manifest.priority,
        category: notification_type.manifest.category.clone(),
    })
}

/// What a template wrote for a condition: nothing, zero and the words for false and for no value are false.
pub(super) fn is_true(value: &str) -> bool {
    !matches!(value.trim(), "" | "0" | "false" | "none" | "[]" | "{}")
}

fn push(errors: &mut Vec<FieldError>, expression: &Expression, event: &Event, message: &str) {
    let error = FieldError::new(format!("{}{}", event.pointers.data, expression.pointer()), message);
    push_unless_named(errors, error);
}

/// One wrong field, one error: the schema's comes first and is the more telling.
fn push_unless_named(errors: &mut Vec<FieldError>, error: FieldError) {
    if errors.len() < FIELD_ERRORS_MAX && !errors.iter().any(|known| known.pointer == error.pointer) {
        errors.push(error);
    }
}

fn evaluation_words(error: &ExpressionError) -> String {
    match error {
        ExpressionError::Missing | ExpressionError::NotText => error.to_string(),
        ExpressionError::Render(error) => format!("cannot be used: {error}"),
    }
}

fn describe(error: &MessageError) -> ComposeFailure {
    failure(error.cause(), &error.to_string())
}

fn failure(cause: &'static str, words: &str) -> ComposeFailure {
    ComposeFailure { cause: Cause::known(cause), words: Words::new(words) }
}
