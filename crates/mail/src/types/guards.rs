//! The keys of `type.toml` that say what an e-mail waits for, and what makes it void.

use std::collections::BTreeMap;
use std::sync::Arc;

use postrider_core::domain::guard::{AfterWait, Guards};
use postrider_core::limits::{GUARD_WAIT_MINUTES_MAX, GUARDED_TYPES_MAX};
use toml::{Table, Value};

use super::error::{TypeError, line_of};
use super::nearest::nearest;
use super::notification_type::NotificationType;

const FILE: &str = "type.toml";

/// The keys read here.
pub(super) const KEYS: [&str; 4] = ["superseded_by", "waits_for", "wait_minutes", "after_wait"];

/// How long an e-mail waits if its type does not say, in minutes: longer than events usually overtake each other.
const WAIT_MINUTES: u64 = 10;

/// The guards in a manifest, if there are any. `refuse` is told what is wrong with which key.
pub(super) fn parse(table: &Table, refuse: &mut dyn FnMut(&str, String)) -> Option<Arc<Guards>> {
    let superseded_by = names(table, "superseded_by", refuse);
    let waits_for = names(table, "waits_for", refuse);
    let minutes = match table.get("wait_minutes") {
        None => WAIT_MINUTES,
        Some(value) => {
            let given = value.as_integer().and_then(|minutes| u64::try_from(minutes).ok());
            given.filter(|minutes| (1..=GUARD_WAIT_MINUTES_MAX).contains(minutes)).unwrap_or_else(|| {
                refuse(
                    "wait_minutes",
                    format!("`wait_minutes` must be a number from 1 to {GUARD_WAIT_MINUTES_MAX}"),
                );
                WAIT_MINUTES
            })
        }
    };
    let after_wait = match table.get("after_wait").map(Value::as_str) {
        None | Some(Some("send")) => AfterWait::Send,
        Some(Some("skip")) => AfterWait::Skip,
        Some(_) => {
            refuse("after_wait", "`after_wait` must be \"send\" or \"skip\"".to_owned());
            AfterWait::Send
        }
    };
    if waits_for.is_empty() {
        for key in ["wait_minutes", "after_wait"].into_iter().filter(|key| table.contains_key(*key)) {
            refuse(key, format!("`{key}` says nothing without `waits_for`"));
        }
    }
    let has_guards = !superseded_by.is_empty() || !waits_for.is_empty();
    has_guards.then(|| Arc::new(Guards { superseded_by, waits_for, wait_ms: minutes * 60_000, after_wait }))
}

fn names(table: &Table, key: &str, refuse: &mut dyn FnMut(&str, String)) -> Vec<String> {
    let Some(value) = table.get(key) else { return Vec::new() };
    let named: Option<Vec<String>> = value
        .as_array()
        .and_then(|names| names.iter().map(|name| name.as_str().map(str::to_owned)).collect());
    match named {
        Some(names) if !names.is_empty() && names.len() <= GUARDED_TYPES_MAX => names,
        _ => {
            refuse(
                key,
                format!("`{key}` must list 1 to {GUARDED_TYPES_MAX} types, such as [\"order_confirmation\"]"),
            );
            Vec::new()
        }
    }
}

/// What of the types' guards cannot be: names that no type has, orders that nobody can see, types that wait for each
/// other.
pub(super) fn check(types: &BTreeMap<String, NotificationType>) -> Vec<TypeError> {
    let mut errors = Vec::new();
    for (name, known) in types {
        let Some(guards) = &known.manifest.guards else { continue };
        let at = |key: &str, message: String| {
            TypeError::new(name, FILE, message).at_line(line_of(&known.manifest.source, key))
        };
        for (key, others) in [("superseded_by", &guards.superseded_by), ("waits_for", &guards.waits_for)] {
            for other in others.iter().filter(|other| !types.contains_key(*other)) {
                let nearest = nearest(other, types.keys().map(String::as_str));
                errors.push(
                    at(key, format!("`{key}`: there is no notification type {other:?}"))
                        .with_nearest(nearest),
                );
            }
            if others.contains(name) {
                errors.push(at(key, format!("`{key}` names the type itself")));
            }
        }
        if known.schema.document.pointer("/properties/orderId").is_none() {
            let message = "looks at the order's other e-mails, but schema.json has no `orderId`";
            errors.push(at("superseded_by", message.to_owned()));
        }
        if waits_for_itself(name, types) {
            errors.push(at("waits_for", "`waits_for`: what it waits for waits for it in turn".to_owned()));
        }
    }
    errors
}

fn waits_for_itself(name: &str, types: &BTreeMap<String, NotificationType>) -> bool {
    let waits_for = |name: &str| {
        let guards = types.get(name).and_then(|known| known.manifest.guards.as_ref());
        guards.map(|guards| guards.waits_for.as_slice()).unwrap_or_default()
    };
    let mut reached: Vec<&str> =
        waits_for(name).iter().map(String::as_str).filter(|other| *other != name).collect();
    let mut at = 0;
    while let Some(other) = reached.get(at).copied() {
        for next in waits_for(other) {
            if next == name {
                return true;
            }
            if !reached.contains(&next.as_str()) {
                reached.push(next);
            }
        }
        at += 1;
    }
    false
}
