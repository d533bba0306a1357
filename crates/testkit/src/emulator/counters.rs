//! What an account's calls would cost.

use serde_json::Value;

/// Calls and request units of one account since it was made, or since they were cleared.
#[derive(Clone, Debug)]
pub struct Counters(Value);

impl Counters {
    pub(super) fn new(shown: Value) -> Self {
        Self(shown)
    }

    /// Calls of one action, such as `sesv2` and `SendEmail`, refused ones too. What SES publishes itself is `sns` and
    /// `PublishBySes`.
    #[must_use]
    pub fn calls(&self, service: &str, action: &str) -> u64 {
        whole(&self.0["calls"][service][action]["calls"])
    }

    /// Calls of one action that were refused or failed.
    #[must_use]
    pub fn errors(&self, service: &str, action: &str) -> u64 {
        whole(&self.0["calls"][service][action]["errors"])
    }

    /// All calls of a service as AWS charges them: SQS and SNS count each 64 KiB of payload.
    #[must_use]
    pub fn requests(&self, service: &str) -> u64 {
        let actions = self.0["calls"][service].as_object();
        actions.into_iter().flatten().map(|(_, counted)| whole(&counted["requests"])).sum()
    }

    /// Write request units of a table and its indexes.
    #[must_use]
    pub fn write_units(&self, table: &str) -> f64 {
        self.0["units"][table]["write"].as_f64().unwrap_or_default()
    }

    /// Write request units of one index of a table.
    #[must_use]
    pub fn index_write_units(&self, table: &str, index: &str) -> f64 {
        self.0["units"][table]["indexes"][index].as_f64().unwrap_or_default()
    }

    /// Read request units of a table and its indexes.
    #[must_use]
    pub fn read_units(&self, table: &str) -> f64 {
        self.0["units"][table]["read"].as_f64().unwrap_or_default()
    }

    /// Everything that was counted: `calls` by service and action, `units` by table and there by action.
    #[must_use]
    pub fn all(&self) -> &Value {
        &self.0
    }
}

/// The emulator's numbers may have a point and a zero behind it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of calls are whole and small"
)]
fn whole(value: &Value) -> u64 {
    value.as_f64().unwrap_or_default() as u64
}
