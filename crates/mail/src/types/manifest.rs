//! `type.toml`: what a type answers, whom it writes to and how it is queued.

use std::sync::Arc;

use postrider_core::domain::category::Category;
use postrider_core::domain::event::check_label;
use postrider_core::domain::guard::Guards;
use postrider_core::domain::notification::Priority;
use toml::{Table, Value};

use super::error::{TypeError, line_of};
use super::extras::{self, Extras};
use super::guards;
use super::nearest::nearest;
use super::theme::syntax_error;

const FILE: &str = "type.toml";

/// Every key a manifest may have.
const KEYS: [&str; 11] = [
    "events",
    "to",
    "to_name",
    "when",
    "subject",
    "dedup",
    "locale",
    "fixed_locale",
    "category",
    "priority",
    "description",
];

/// The locale of a type that names none.
const LOCALE: &str = "en";

fn is_known(key: &str) -> bool {
    KEYS.contains(&key) || extras::KEYS.contains(&key) || guards::KEYS.contains(&key)
}

/// A manifest, read and checked.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub(super) events: Vec<String>,
    pub(super) to: String,
    pub(super) to_name: Option<String>,
    /// An expression: events for which it is false or empty get no such e-mail.
    pub(super) when: Option<String>,
    pub(super) subject: String,
    pub(super) dedup: String,
    /// The locale of events that ask for none, or for one the type does not have.
    pub(super) locale: String,
    /// Whether what an event asks for does not count.
    pub(super) fixed_locale: bool,
    pub(super) category: Category,
    pub(super) priority: Priority,
    pub(super) description: String,
    pub(super) extras: Extras,
    pub(super) guards: Option<Arc<Guards>>,
    /// The file as it was read, for errors that are found later.
    pub(super) source: String,
}

/// Reads a manifest.
pub(super) fn parse(type_name: &str, source: &str) -> Result<Manifest, Vec<TypeError>> {
    let table: Table = match source.parse() {
        Ok(table) => table,
        Err(error) => return Err(vec![syntax_error(type_name, FILE, source, &error)]),
    };
    let mut reader = Reader { type_name, source, table: &table, errors: Vec::new() };
    reader.refuse_unknown_keys();
    let category = reader.category();
    let extras = extras::parse(&table, &category, &mut |key, message| reader.refuse(key, message, None));
    let guards = guards::parse(&table, &mut |key, message| reader.refuse(key, message, None));
    let manifest = Manifest {
        events: reader.events(),
        to: reader.required_text(
            "to",
            "the path of the recipient's address in `data`, such as to = \"customerEmail\"",
        ),
        to_name: reader.text("to_name"),
        when: reader.text("when"),
        subject: reader
            .required_text("subject", "the subject line, such as subject = \"Your order {{ orderId }}\""),
        dedup: reader.text("dedup").unwrap_or_else(|| "orderId".to_owned()),
        locale: reader.text("locale").unwrap_or_else(|| LOCALE.to_owned()),
        fixed_locale: reader.flag("fixed_locale"),
        category,
        priority: reader.priority(),
        description: reader.text("description").unwrap_or_default(),
        extras,
        guards,
        source: source.to_owned(),
    };
    if reader.errors.is_empty() { Ok(manifest) } else { Err(reader.errors) }
}

struct Reader<'a> {
    type_name: &'a str,
    source: &'a str,
    table: &'a Table,
    errors: Vec<TypeError>,
}

impl Reader<'_> {
    fn refuse(&mut self, key: &str, message: String, nearest: Option<String>) {
        let line = self.source.lines().position(|line| {
            line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(['=', '.']))
        });
        let line = line.map(|index| index + 1).or_else(|| line_of(self.source, &format!("[{key}]")));
        let error = TypeError::new(self.type_name, FILE, message).at_line(line).with_nearest(nearest);
        self.errors.push(error);
    }

    fn refuse_unknown_keys(&mut self) {
        for key in self.table.keys().filter(|key| !is_known(key)) {
            let known = KEYS.into_iter().chain(extras::KEYS).chain(guards::KEYS);
            self.refuse(key, format!("unknown key {key:?}"), nearest(key, known));
        }
    }

    fn text(&mut self, key: &str) -> Option<String> {
        match self.table.get(key)? {
            Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
            _ => {
                self.refuse(key, format!("`{key}` must be text that is not empty"), None);
                None
            }
        }
    }

    fn flag(&mut self, key: &str) -> bool {
        match self.table.get(key) {
            None => false,
            Some(Value::Boolean(flag)) => *flag,
            Some(_) => {
                self.refuse(key, format!("`{key}` must be true or false"), None);
                false
            }
        }
    }

    fn required_text(&mut self, key: &str, meaning: &str) -> String {
        if !self.table.contains_key(key) {
            self.refuse(key, format!("`{key}` is missing: {meaning}"), None);
        }
        self.text(key).unwrap_or_default()
    }

    fn events(&mut self) -> Vec<String> {
        let named: Option<Vec<String>> =
            self.table.get("events").and_then(Value::as_array).and_then(|events| {
                events
                    .iter()
                    .map(|event| event.as_str().filter(|e| check_label(e).is_ok()).map(str::to_owned))
                    .collect()
            });
        match named {
            Some(mut events) if !events.is_empty() => {
                events.sort_unstable();
                events.dedup();
                events
            }
            _ => {
                let message =
                    "`events` must list the event types it answers, such as events = [\"order.confirmed\"]";
                self.refuse("events", message.to_owned(), None);
                Vec::new()
            }
        }
    }

    fn category(&mut self) -> Category {
        let Some(category) = self.text("category") else { return Category::TRANSACTIONAL };
        category.parse().unwrap_or_else(|error| {
            self.refuse("category", format!("`category` {error}"), None);
            Category::TRANSACTIONAL
        })
    }

    fn priority(&mut self) -> Priority {
        let Some(name) = self.text("priority") else { return Priority::Normal };
        let known = Priority::ALL.into_iter().find(|priority| priority.as_str() == name);
        if known.is_none() {
            let names = Priority::ALL.map(Priority::as_str);
            let message = format!("`priority` must be one of {}, not {name:?}", names.join(", "));
            self.refuse("priority", message, nearest(&name, names));
        }
        known.unwrap_or(Priority::Normal)
    }
}
