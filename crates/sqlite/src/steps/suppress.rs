//! The suppression list.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::category::Category;
use postrider_core::domain::outcome::Cause;
use postrider_core::domain::suppression::{RecipientKey, Suppression};
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::feedback::NewSuppression;
use rusqlite::{OptionalExtension as _, params};

use super::{WriteStep, Writing};
use crate::queries::{read_suppression, select_suppression};
use postrider_core::ports::codes::reason_code;

/// [`suppress`](postrider_core::ports::feedback::FeedbackLedger::suppress).
pub(crate) struct Suppress(pub(crate) NewSuppression);

impl WriteStep for Suppress {
    type Output = Suppression;

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<Suppression> {
        writing.suppress(&self.0)
    }
}

/// [`unsuppress`](postrider_core::ports::feedback::FeedbackLedger::unsuppress).
pub(crate) struct Unsuppress(pub(crate) EmailAddress);

impl WriteStep for Unsuppress {
    type Output = usize;

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<usize> {
        let recipient = RecipientKey::of(&writing.rules.secret, &self.0).to_bytes();
        // What bounced softly before a person decided otherwise does not count against the address any more.
        writing.prepare("DELETE FROM soft_bounces WHERE recipient = ?1")?.execute([recipient])?;
        writing.prepare("DELETE FROM suppressions WHERE recipient = ?1")?.execute([recipient])
    }
}

/// [`forget_suppressed_address`](postrider_core::ports::feedback::FeedbackLedger::forget_suppressed_address).
pub(crate) struct ForgetAddress(pub(crate) EmailAddress);

impl WriteStep for ForgetAddress {
    type Output = usize;

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<usize> {
        let recipient = RecipientKey::of(&writing.rules.secret, &self.0).to_bytes();
        writing.prepare("UPDATE suppressions SET address = NULL WHERE recipient = ?1")?.execute([recipient])
    }
}

impl Writing<'_> {
    /// The cause for which `to` gets no mail of `category` at `now`, if there is one.
    pub(super) fn suppression(
        &mut self,
        to: &EmailAddress,
        category: &Category,
        now: Timestamp,
    ) -> rusqlite::Result<Option<Cause>> {
        let has_any = match self.has_suppressions {
            Some(known) => known,
            None => {
                let found = self
                    .prepare("SELECT 1 FROM suppressions LIMIT 1")?
                    .query_row([], |_| Ok(()))
                    .optional()?;
                *self.has_suppressions.insert(found.is_some())
            }
        };
        if !has_any {
            return Ok(None);
        }
        let recipient = RecipientKey::of(&self.rules.secret, to).to_bytes();
        let mut statement = self.prepare(select_suppression!("WHERE recipient = ?1 ORDER BY category"))?;
        let mut rows = statement.query([recipient])?;
        while let Some(row) = rows.next()? {
            let entry = read_suppression(row)?;
            if entry.holds(now) && entry.covers(category) {
                return Ok(Some(entry.reason.cause()));
            }
        }
        Ok(None)
    }

    /// Puts an entry on the list, or merges it with the one that is there.
    pub(super) fn suppress(&mut self, new: &NewSuppression) -> rusqlite::Result<Suppression> {
        let recipient = RecipientKey::of(&self.rules.secret, &new.address);
        let category = new.category.as_deref().unwrap_or_default();
        let fresh = Suppression {
            recipient,
            address: Some(new.address.clone()),
            category: new.category.clone(),
            reason: new.reason,
            source: new.source.clone(),
            since: new.since,
            expires_at: new.expires_at,
        };
        let known = self
            .prepare(select_suppression!("WHERE recipient = ?1 AND category = ?2"))?
            .query_row((recipient.to_bytes(), category), read_suppression)
            .optional()?;
        let entry = match known {
            Some(known) => known.merged(fresh, new.now),
            None => fresh,
        };
        self.prepare(
            "INSERT INTO suppressions (recipient, category, address, reason, source, since, expires_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (recipient, category) DO UPDATE SET \
             address = excluded.address, reason = excluded.reason, source = excluded.source, \
             since = excluded.since, expires_at = excluded.expires_at",
        )?
        .execute(params![
            recipient.to_bytes(),
            category,
            entry.address.as_ref().map(EmailAddress::as_str),
            reason_code(entry.reason),
            entry.source,
            entry.since.as_millis(),
            entry.expires_at.map(Timestamp::as_millis),
        ])?;
        self.has_suppressions = Some(true);
        Ok(entry)
    }
}
