//! The ledger, as the port asks for it.

use std::sync::Arc;

use aws_config::SdkConfig;
use postrider_core::ports::budget::StoredBudget;
use postrider_core::ports::clock::Random;
use postrider_core::ports::feedback::RecipientRules;

use crate::calls::Calls;
use crate::config::DynamoConfig;
use crate::context::Context;
use crate::meter::Meter;
use crate::opening::{self, OpenError};
use crate::sdk::SdkTable;
use crate::table::Table;

/// The ledger in one DynamoDB table.
pub struct DynamoLedger {
    pub(crate) context: Context,
    budget: Option<Option<StoredBudget>>,
}

impl DynamoLedger {
    /// Opens the ledger in the table that `config` names, reached as `sdk` says.
    ///
    /// # Errors
    /// [`OpenError`]; the table is as it was.
    pub async fn open(
        sdk: &SdkConfig,
        config: DynamoConfig,
        rules: RecipientRules,
        random: Arc<dyn Random>,
    ) -> Result<Self, OpenError> {
        let table = SdkTable::new(sdk, config.table.clone(), config.endpoint_url.as_deref());
        Self::over(Arc::new(table), &config, rules, random).await
    }

    /// Opens the ledger in `table`, whatever that is.
    ///
    /// # Errors
    /// [`OpenError`]; the table is as it was.
    pub async fn over(
        table: Arc<dyn Table>,
        config: &DynamoConfig,
        rules: RecipientRules,
        random: Arc<dyn Random>,
    ) -> Result<Self, OpenError> {
        let calls = Calls::new(table, random);
        let mut opened = opening::open(&calls, config, &rules).await?;
        let budget = opened.budget.take();
        Ok(Self { context: Context::new(calls, rules, config.payload, opened), budget })
    }

    /// The record about money as it was when the ledger was opened, `None` inside if there was none. `None` if
    /// [`DynamoConfig::ahead`] did not ask for it, or it could not be read.
    #[must_use]
    pub fn budget_at_opening(&self) -> Option<Option<&StoredBudget>> {
        self.budget.as_ref().map(Option::as_ref)
    }

    /// What the ledger has used of its table so far.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        self.context.calls.table().meter()
    }
}
