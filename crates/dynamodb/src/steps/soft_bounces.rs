//! Soft bounces that add up.

use std::borrow::Cow;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::suppression::SuppressionReason;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::ledger::LedgerError;

use crate::codec::{Garbled, Reader, Writer};
use crate::keys;
use crate::work::{Draft, Work};

/// The format of a recipient's soft bounces.
const FORMAT: u8 = 1;
const PART: &str = "soft bounces";

impl Work<'_> {
    /// Counts that the message of `id` bounced softly at `now`, once a message, and says what follows.
    pub(super) async fn count_soft_bounce(
        &mut self,
        id: NotificationId,
        to: &EmailAddress,
        now: Timestamp,
    ) -> Result<Option<SuppressionReason>, LedgerError> {
        let context = self.context;
        let rule = context.rules.soft_bounces;
        if rule.count == 0 {
            return Ok(None);
        }
        let key = keys::soft_bounces(context.recipient(to));
        let known = self.body(&key).await?.map(read).transpose();
        let mut bounces = known.map_err(|garbled| context.garbled(&key, &garbled))?.unwrap_or_default();
        bounces.retain(|(_, at)| now.ms_since(*at) < rule.window_ms);
        if !bounces.iter().any(|(known, _)| *known == id) {
            bounces.push((id, now));
        }
        let kept = now.plus_ms(rule.window_ms);
        let draft = Draft {
            label: Some(Cow::Borrowed("soft bounces")),
            expires_at: u64::try_from(kept.as_millis() / 1000 + 1).ok(),
            body: write(&bounces),
            ..Draft::default()
        };
        self.put(&key, draft);
        let is_enough = u32::try_from(bounces.len()).unwrap_or(u32::MAX) >= rule.count;
        Ok(is_enough.then_some(SuppressionReason::RepeatedSoftBounces))
    }
}

fn write(bounces: &[(NotificationId, Timestamp)]) -> Vec<u8> {
    let mut body = Writer::of_format(FORMAT);
    body.number(bounces.len() as u64);
    for (id, at) in bounces {
        body.fixed(&id.to_bytes());
        body.instant(*at, Timestamp::EPOCH);
    }
    body.finish()
}

fn read(body: &[u8]) -> Result<Vec<(NotificationId, Timestamp)>, Garbled> {
    let mut body = Reader::of_format(body, FORMAT)?;
    let count: usize = body.small(PART)?;
    let bounce =
        |_| Ok((NotificationId::from_bytes(body.fixed(PART)?), body.instant(Timestamp::EPOCH, PART)?));
    (0..count).map(bounce).collect()
}
