//! Dead letters by cause.

use std::collections::BTreeMap;

use postrider_core::domain::outcome::Cause;
use postrider_core::domain::status::Status;
use postrider_core::limits::{DEAD_LETTER_GROUPS_MAX, DYNAMODB_COUNTED_MAX};
use postrider_core::ports::ledger::{DeadLetterGroup, LedgerError};

use super::Lanes;
use super::list::load;
use crate::context::Context;
use crate::keys;
use crate::table::{BATCH_GET_MAX, Index, Query};

/// Dead letters that are looked at together.
const AT_ONCE: usize = 4 * BATCH_GET_MAX;

/// [`dead_letter_groups`](postrider_core::ports::ledger::Ledger::dead_letter_groups), of the newest
/// [`DYNAMODB_COUNTED_MAX`].
pub(crate) async fn dead_letter_groups(context: &Context) -> Result<Vec<DeadLetterGroup>, LedgerError> {
    let mut groups: BTreeMap<Cause, DeadLetterGroup> = BTreeMap::new();
    let mut lanes = dead_letters(context, &Status::DEAD_LETTERS, None);
    let mut seen = 0;
    while seen < DYNAMODB_COUNTED_MAX {
        let entries = lanes.take(AT_ONCE).await?;
        if entries.is_empty() {
            break;
        }
        seen += entries.len();
        for record in load(context, &entries).await?.into_iter().flatten() {
            let notification = record.notification;
            let Some(cause) = notification.lifecycle.cause else { continue };
            if !notification.lifecycle.status.is_dead_letter() {
                continue;
            }
            let at = notification.created_at;
            let fresh = DeadLetterGroup { cause: cause.clone(), count: 0, oldest_at: at, newest_at: at };
            let group = groups.entry(cause).or_insert(fresh);
            group.count += 1;
            group.oldest_at = group.oldest_at.min(at);
            group.newest_at = group.newest_at.max(at);
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.cause.cmp(&b.cause)));
    groups.truncate(DEAD_LETTER_GROUPS_MAX);
    Ok(groups)
}

/// Dead letters in `statuses`, newest first, up to the sort key `to`.
pub(super) fn dead_letters<'a>(context: &'a Context, statuses: &[Status], to: Option<&[u8]>) -> Lanes<'a> {
    let shards = context.every_shard();
    let lanes = shards.flat_map(|shard| statuses.iter().map(move |status| keys::watched(*status, shard)));
    let query = |lane| Query { to: to.map(<[u8]>::to_vec), ..Query::backward(lane, AT_ONCE) };
    Lanes::new(context, Index::Due, lanes.map(query))
}
