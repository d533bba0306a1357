//! A type of a set: compiled at the start, or when it is needed first.

use std::sync::{Arc, OnceLock};

use super::error::TypeError;
use super::manifest::{self, Manifest};
use super::notification_type::{NotificationType, Shared, Source, log_broken};
use super::sender::Sender;
use super::source::Folder;

/// A type, and what must be known of it before it is compiled.
pub(super) struct Known {
    pub(super) manifest: Manifest,
    /// `None` inside: it was found to be broken, which cannot be for a type that a test has compiled.
    compiled: OnceLock<Option<NotificationType>>,
    waiting: Option<Arc<Source>>,
}

impl Known {
    /// A type that was compiled and held to its contract.
    pub(super) fn compiled(notification_type: NotificationType) -> Self {
        let manifest = notification_type.manifest.clone();
        Self { manifest, compiled: OnceLock::from(Some(notification_type)), waiting: None }
    }

    /// A type that keeps its contract, as whoever made the program has seen, and is compiled when it is needed first.
    pub(super) fn waiting(
        folder: Folder,
        shared: &Arc<Shared>,
        sender: &Arc<Sender>,
    ) -> Result<Self, Vec<TypeError>> {
        let mut manifest = manifest::parse(&folder.name, &folder.manifest)?;
        let mut errors = Vec::new();
        manifest.extras = manifest.extras.of_sender(&folder.name, &manifest.category, sender, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let source = Source { folder, shared: Arc::clone(shared), sender: Arc::clone(sender) };
        Ok(Self { manifest, compiled: OnceLock::new(), waiting: Some(Arc::new(source)) })
    }

    /// The type, compiled now if it was not before.
    pub(super) fn get(&self) -> Option<&NotificationType> {
        let compile = || {
            let compiled = NotificationType::compile_trusted(&self.manifest, self.waiting.as_ref()?);
            compiled.map_err(log_broken).ok()
        };
        self.compiled.get_or_init(compile).as_ref()
    }

    /// The type, if it is compiled.
    pub(super) fn if_compiled(&self) -> Option<&NotificationType> {
        self.compiled.get()?.as_ref()
    }
}
