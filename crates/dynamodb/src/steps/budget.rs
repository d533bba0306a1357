//! The record about money: one small item, replaced whole on condition that nobody has written it since.

use postrider_core::domain::budget::BudgetRecord;
use postrider_core::ports::budget::StoredBudget;
use postrider_core::ports::ledger::LedgerError;

use crate::codec::{Garbled, Reader, Writer};
use crate::context::Context;
use crate::keys;
use crate::table::{Change, Condition, Indexed, Item, Write, Written};

/// The format of its body.
const FORMAT: u8 = 1;

/// [`budget`](postrider_core::ports::budget::BudgetLedger::budget).
pub(crate) async fn budget(context: &Context) -> Result<Option<StoredBudget>, LedgerError> {
    let key = keys::budget();
    let Some(item) = context.calls.get(&key).await? else { return Ok(None) };
    stored_budget(&item).map(Some).map_err(|garbled| context.garbled(&key, &garbled))
}

/// What the item says.
pub(crate) fn stored_budget(item: &Item) -> Result<StoredBudget, Garbled> {
    Ok(StoredBudget { record: read(&item.body)?, revision: item.version })
}

/// [`store_budget`](postrider_core::ports::budget::BudgetLedger::store_budget).
pub(crate) async fn store_budget(
    context: &Context,
    record: &BudgetRecord,
    replaces: u64,
) -> Result<bool, LedgerError> {
    let token = context.calls.new_token();
    let mut body = Writer::of_format(FORMAT);
    body.fixed(&record.to_bytes());
    let item = Item {
        key: keys::budget(),
        version: replaces + 1,
        token,
        indexed: Indexed::default(),
        label: Some("budget".into()),
        expires_at: None,
        body: body.finish(),
    };
    let condition = if replaces == 0 { Condition::Absent } else { Condition::Version(replaces) };
    let write = Write { change: Change::Put(Box::new(item)), condition };
    Ok(context.calls.write(&[write], token).await? == Written::Done)
}

fn read(body: &[u8]) -> Result<BudgetRecord, Garbled> {
    let body = Reader::of_format(body, FORMAT)?;
    BudgetRecord::from_bytes(body.rest()).ok_or(Garbled::Part("budget"))
}
