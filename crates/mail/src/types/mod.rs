//! Notification types: which event calls for which e-mail, and what it looks like.
//!
//! A type is a folder (see `docs/notification-types.md`). Everything in it is compiled and checked once, when the
//! server starts; what a message costs is a rendering.

mod catalog;
mod contract;
mod conventions;
mod direct;
mod error;
mod expansion;
mod extras;
mod guards;
mod known;
mod live;
mod localize;
mod manifest;
mod nearest;
mod notification_type;
mod place;
mod preview;
mod promises;
mod rendition;
mod sandbox;
mod scaffold;
mod schema;
mod sender;
mod shipped;
mod source;
mod strings;
mod theme;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub use error::TypeError;
pub use extras::Resources;
pub use live::LiveTypes;
pub use preview::{CheckReport, CheckedSample, CheckedType, Preview, PreviewError, TypeSummary, check};
pub use rendition::{RecomposeError, recompose};
pub use sandbox::{Allowed, Sandbox};
pub use scaffold::{ScaffoldError, scaffold};
pub use sender::Sender;
pub use shipped::write_shipped;
pub use source::TypeSource;

use crate::verp::Verp;
use direct::Direct;
use known::Known;
use notification_type::{NotificationType, Shared};
use postrider_core::domain::address::EmailAddress;
use postrider_core::limits::NOTIFICATIONS_PER_EVENT_MAX;

/// The notification types of a running server, compiled. Implements
/// [`Catalog`](postrider_core::ports::catalog::Catalog).
pub struct TypeSet {
    /// By name.
    types: BTreeMap<String, Known>,
    /// The names of the types that answer an event type, in order.
    answering: BTreeMap<String, Vec<String>>,
    sender: Sender,
    /// Where bounces go.
    return_path: EmailAddress,
    /// Where they go instead, a path of its own for each notification.
    return_paths: Option<Verp>,
    resources: Resources,
    /// Makes messages that have no type.
    direct: Direct,
}

impl TypeSet {
    /// No types at all, for work that neither takes events in nor makes messages: it must not fail for a broken type.
    #[must_use]
    pub fn empty(sender: Sender) -> Self {
        let return_path = sender.from.address.clone();
        Self {
            direct: Direct::new(sender.sandbox.as_ref()),
            types: BTreeMap::new(),
            answering: BTreeMap::new(),
            sender,
            return_path,
            return_paths: None,
            resources: Resources::default(),
        }
    }

    /// Reads, compiles and checks every type in `source`, for messages from `sender`.
    ///
    /// # Errors
    /// Everything that is wrong with any of them; a server must not start with half its types.
    pub fn load(source: &TypeSource, sender: Sender) -> Result<Self, Vec<TypeError>> {
        let return_path = return_path(&sender)?;
        let mut errors = Vec::new();
        let mut types = BTreeMap::new();
        let (shared, sources) = source::read(source).and_then(Shared::split)?;
        errors.extend(sources.unreadable.into_iter().flat_map(|(_, wrong)| wrong));
        for folder in sources.folders {
            match NotificationType::compile(&folder, &shared, &sender) {
                Ok(compiled) => {
                    types.insert(folder.name.clone(), compiled);
                }
                Err(wrong) => errors.extend(wrong),
            }
        }
        if types.contains_key(direct::NAME) {
            let message = "the name belongs to messages that have no type; rename the folder";
            errors.push(TypeError::new(direct::NAME, "", message));
        }
        errors.extend(guards::check(&types));
        let types = types.into_iter().map(|(name, compiled)| (name, Known::compiled(compiled))).collect();
        let answering = answering(&types);
        for (event_type, names) in
            answering.iter().filter(|(_, names)| names.len() > NOTIFICATIONS_PER_EVENT_MAX)
        {
            let message = format!(
                "{} types answer the event {event_type:?}; at most {NOTIFICATIONS_PER_EVENT_MAX} may",
                names.len()
            );
            errors.push(TypeError::new(&names[0], "type.toml", message));
        }
        if errors.is_empty() {
            let direct = Direct::new(sender.sandbox.as_ref());
            Ok(Self {
                direct,
                types,
                answering,
                sender,
                return_path,
                return_paths: None,
                resources: Resources::default(),
            })
        } else {
            Err(errors)
        }
    }

    /// The types that came with the program, for messages from `sender`, each compiled when it is needed first: for a
    /// process that lives briefly and starts often. Tests of the program have held them to their contracts.
    ///
    /// # Errors
    /// What about the sender they cannot be used with.
    pub fn shipped_on_demand(sender: Sender) -> Result<Self, Vec<TypeError>> {
        let return_path = return_path(&sender)?;
        let (shared, sources) = source::read(&TypeSource::Shipped).and_then(Shared::split)?;
        let (shared, for_types) = (Arc::new(shared), Arc::new(sender.clone()));
        let mut errors = Vec::new();
        let mut types = BTreeMap::new();
        for folder in sources.folders {
            let name = folder.name.clone();
            match Known::waiting(folder, &shared, &for_types) {
                Ok(known) => {
                    types.insert(name, known);
                }
                Err(wrong) => errors.extend(wrong),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let (direct, answering) = (Direct::new(sender.sandbox.as_ref()), answering(&types));
        let resources = Resources::default();
        Ok(Self { direct, types, answering, sender, return_path, return_paths: None, resources })
    }

    /// The same types, whose messages are made with `resources`.
    #[must_use]
    pub fn with_resources(self, resources: Resources) -> Self {
        Self { resources, ..self }
    }

    /// The types' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.types.keys().map(String::as_str)
    }

    /// What its messages are made with.
    #[must_use]
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// What keeps messages from whom they are meant for, if anything does.
    #[must_use]
    pub fn sandbox(&self) -> Option<&Sandbox> {
        self.sender.sandbox.as_ref()
    }

    /// The same types, whose messages have signed return paths: a bounce then names its notification.
    #[must_use]
    pub fn with_return_paths(self, return_paths: Option<Verp>) -> Self {
        Self { return_paths, ..self }
    }
}

/// Where bounces go that have no path of their own.
fn return_path(sender: &Sender) -> Result<EmailAddress, Vec<TypeError>> {
    sender.return_path().map_err(|error| {
        let domain = sender.bounce_domain.as_deref().unwrap_or_default();
        let message = format!("bounces@{domain}, made of the sender's bounce_domain, {error}");
        vec![TypeError::new("", "sender", message)]
    })
}

/// The names of the types that answer each event type, the more urgent first: an answer lists the customer's e-mail before
/// the shop's own.
fn answering(types: &BTreeMap<String, Known>) -> BTreeMap<String, Vec<String>> {
    let mut answering: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, known) in types {
        for event_type in &known.manifest.events {
            answering.entry(event_type.clone()).or_default().push(name.clone());
        }
    }
    for names in answering.values_mut() {
        names.sort_by_key(|name| types.get(name).map(|known| known.manifest.priority));
    }
    answering
}

impl fmt::Debug for TypeSet {
    /// Names the types; their templates would fill a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.types.keys()).finish()
    }
}
