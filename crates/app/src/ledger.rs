//! Opens the ledger the settings name, and knows what that kind of ledger needs at start and at the end.

use std::sync::Arc;

use postrider_aws::sdk;
use postrider_core::ports::clock::Random;
use postrider_core::ports::feedback::RecipientRules;
use postrider_core::ports::ledger::{Leases, Ledger};
use postrider_dynamodb::{DynamoConfig, DynamoLedger};
use postrider_environment::config::{DynamoSettings, LedgerSettings, Settings};
use postrider_http::access::Access;
use postrider_sqlite::SqliteLedger;

use crate::runtime::StartError;

/// An opened ledger.
pub struct OpenLedger {
    ledger: Arc<dyn Ledger>,
    home: Home,
}

enum Home {
    /// A file, which nobody else has open as long as we do.
    File(Arc<SqliteLedger>),
    /// A table that several processes share.
    Table,
}

impl OpenLedger {
    /// Opens the ledger.
    ///
    /// # Errors
    /// What is in the way.
    pub async fn open(
        settings: &Settings,
        rules: RecipientRules,
        random: &Arc<dyn Random>,
    ) -> Result<Self, StartError> {
        match &settings.ledger {
            LedgerSettings::Sqlite => {
                let path = settings.ledger_path.clone();
                // Blocks as long as the disk takes; whoever waits for this may give up waiting.
                let file =
                    Arc::new(tokio::task::spawn_blocking(move || SqliteLedger::open(path, rules)).await??);
                Ok(Self { ledger: Arc::clone(&file) as Arc<dyn Ledger>, home: Home::File(file) })
            }
            LedgerSettings::DynamoDb(table) => {
                let ledger = open_table(table, rules, random).await?;
                Ok(Self { ledger, home: Home::Table })
            }
        }
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> Arc<dyn Ledger> {
        Arc::clone(&self.ledger)
    }

    /// Which leases are known to be lost when a server starts: all where the ledger's lock says that no other sender is
    /// alive, so that nobody needs to wait for them; those that ran out where others may be at work.
    #[must_use]
    pub fn leases_lost_at_start(&self) -> Leases {
        match self.home {
            Home::File(_) => Leases::All,
            Home::Table => Leases::Expired,
        }
    }

    /// How callers of the API are told apart: by keys that are remembered where no other process can change them.
    #[must_use]
    pub fn access(&self) -> Access {
        match self.home {
            Home::File(_) => Access::by_own_keys(),
            Home::Table => Access::by_shared_keys(),
        }
    }

    /// Closes the ledger, so that another process can open it.
    pub async fn close(&self) {
        match &self.home {
            Home::File(file) => file.close().await,
            Home::Table => {}
        }
    }
}

/// What the ledger is, for people.
#[must_use]
pub fn describe(settings: &Settings) -> String {
    match &settings.ledger {
        LedgerSettings::Sqlite => settings.ledger_path.display().to_string(),
        LedgerSettings::DynamoDb(table) => format!("DynamoDB table {}", table.table),
    }
}

async fn open_table(
    settings: &DynamoSettings,
    rules: RecipientRules,
    random: &Arc<dyn Random>,
) -> Result<Arc<dyn Ledger>, StartError> {
    let sdk = sdk::load(&settings.place).await;
    let config = DynamoConfig {
        endpoint_url: settings.place.endpoint_url.clone(),
        ..DynamoConfig::new(settings.table.clone())
    };
    Ok(Arc::new(DynamoLedger::open(&sdk, config, rules, Arc::clone(random)).await?))
}
