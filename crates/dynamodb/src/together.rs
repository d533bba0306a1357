//! Several calls under way at the same time, within bounds.

use futures_util::stream::{StreamExt as _, TryStreamExt as _};
use postrider_core::limits::DYNAMODB_CALLS_AT_ONCE_MAX;
use postrider_core::ports::ledger::LedgerError;

/// Waits for all of `calls`, a bounded number of them at a time, and gives what they came to in their order. The first
/// that fails ends it.
pub(crate) async fn together<T, F>(calls: Vec<F>) -> Result<Vec<T>, LedgerError>
where
    F: Future<Output = Result<T, LedgerError>>,
{
    futures_util::stream::iter(calls).buffered(DYNAMODB_CALLS_AT_ONCE_MAX).try_collect().await
}
