//! Exchanging the notification types of a running server.

use std::sync::Arc;

use async_trait::async_trait;
use postrider_core::ports::ledger::Ledger;
use postrider_environment::config::Settings;
use postrider_http::reload::{ReloadRefused, ReloadTypes};
use postrider_mail::types::{LiveTypes, Resources};
use postrider_mail::verp::Verp;
use tokio::sync::Mutex;

use crate::runtime::{StartError, load_types};

/// Reads the types again from where the settings say.
pub struct Reloader {
    settings: Settings,
    ledger: Arc<dyn Ledger>,
    types: Arc<LiveTypes>,
    return_paths: Option<Verp>,
    resources: Resources,
    /// Held by whoever reloads: of two at the same moment the later reads later.
    turn: Mutex<()>,
}

impl Reloader {
    /// Exchanges `types`, whose messages are made with the same return paths and resources as before.
    #[must_use]
    pub fn new(
        settings: &Settings,
        ledger: Arc<dyn Ledger>,
        types: Arc<LiveTypes>,
        return_paths: Option<Verp>,
        resources: Resources,
    ) -> Self {
        Self { settings: settings.clone(), ledger, types, return_paths, resources, turn: Mutex::new(()) }
    }
}

#[async_trait]
impl ReloadTypes for Reloader {
    async fn reload(&self) -> Result<usize, ReloadRefused> {
        let _turn = self.turn.lock().await;
        let settings = self.settings.clone();
        // Reads and compiles for as long as a tenth of a second.
        let loaded = tokio::task::spawn_blocking(move || load_types(&settings)).await;
        let loaded = loaded.map_err(|error| {
            ReloadRefused::Other(format!("reading the notification types ended without saying how: {error}"))
        })?;
        let types = loaded.map_err(|error| match error {
            StartError::Types(errors) => ReloadRefused::Types(errors),
            other => ReloadRefused::Other(other.to_string()),
        })?;
        let types = types.with_return_paths(self.return_paths.clone()).with_resources(self.resources.clone());
        for (id, bundle) in types.renditions() {
            self.ledger.store_rendition(id, bundle).await.map_err(ReloadRefused::Ledger)?;
        }
        let count = types.types().len();
        self.types.replace(types);
        tracing::info!(count, "the notification types were loaded again");
        Ok(count)
    }
}
