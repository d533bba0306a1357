//! The notification types of a function.

use std::path::Path;

use postrider_environment::config::Settings;
use postrider_mail::dkim::DkimKey;
use postrider_mail::mime::message::Mailbox;
use postrider_mail::types::{Sender, TypeSet, TypeSource};

use crate::role::Role;
use crate::wiring::WiringError;

/// The folder of notification types in the artifact, if it has one.
const TYPES_FOLDER: &str = "notifications";

/// The notification types, where a function of this role makes messages or takes events in: those of the folder that the
/// settings name, or of the artifact that lies in `root`, or those that came with the program.
pub(crate) fn load(role: Role, settings: &Settings, root: Option<&Path>) -> Result<TypeSet, WiringError> {
    let dkim = match &settings.sender.dkim {
        Some(dkim) => Some(DkimKey::load(&dkim.domain, &dkim.selector, &dkim.key_file)?),
        None => None,
    };
    let from = &settings.sender;
    let sender = Sender {
        from: Mailbox { name: from.from_name.clone(), address: from.from.clone() },
        reply_to: from.reply_to.clone().map(|address| Mailbox { name: None, address }),
        bounce_domain: from.bounce_domain.clone(),
        dkim,
        sandbox: settings.sandbox.clone(),
        allowed_domains: from.allowed_domains.clone(),
        public_url: settings.public_url.clone(),
    };
    if role == Role::Feedback {
        return Ok(TypeSet::empty(sender));
    }
    let folder = settings.types_directory.clone().or_else(|| {
        let folder = root?.join(TYPES_FOLDER);
        folder.is_dir().then_some(folder)
    });
    match folder {
        Some(folder) => TypeSet::load(&TypeSource::Directory(folder), sender),
        None => TypeSet::shipped_on_demand(sender),
    }
    .map_err(WiringError::Types)
}
