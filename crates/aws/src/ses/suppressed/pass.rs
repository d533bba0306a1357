//! One pass over both lists. Safe to repeat, bounded, and told what the last one has seen.

use std::sync::Arc;

use aws_sdk_sesv2::operation::put_suppressed_destination::PutSuppressedDestinationError;
use aws_sdk_sesv2::primitives::DateTime;
use aws_sdk_sesv2::types::SuppressionListReason;
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::suppression::{Suppression, SuppressionReason};
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{
    SES_LIST_PAGE, SES_LIST_PAGES_MAX, SES_PUTS_PER_PASS_MAX, SUPPRESSIONS_PAGE_MAX,
};
use postrider_core::ports::clock::Clock;
use postrider_core::ports::feedback::{NewSuppression, SuppressionQuery};
use postrider_core::ports::ledger::{Ledger, LedgerError};

use super::{AccountList, Direction, SOURCE_ACCOUNT, code_of};

/// How far a pass looks back on the account's list before what the last one has seen: for clocks that differ, and entries
/// that were on their way.
const TAKEN_OVERLAP_MS: u64 = 15 * 60 * 1000;
/// The same on ours, where each entry seen twice is a request.
const GIVEN_OVERLAP_MS: u64 = 60 * 1000;

/// Keeps both lists in step.
pub struct Mirror {
    list: AccountList,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    direction: Direction,
}

/// Up to when both lists have been looked at; nothing yet at first. Whoever runs passes keeps it between them. Losing it
/// costs requests and nothing else: everything is looked at again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Entries of ours since before then are on the account's list.
    pub given_until: Option<Timestamp>,
    /// Entries of the account's list changed before then are on ours.
    pub taken_until: Option<Timestamp>,
}

/// What a pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mirrored {
    /// Entries put on the account's list.
    pub given: usize,
    /// Entries put on ours.
    pub taken: usize,
    /// Entries that SES or we cannot take: no address we could write to, or refused.
    pub skipped: usize,
}

/// Why a pass ended early. What it did until then stays, and the next one does it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MirrorError {
    /// SES did not do what it was asked.
    #[error(
        "the suppression list of the SES account cannot be used ({code}): allow ses:ListSuppressedDestinations, \
         ses:PutSuppressedDestination and ses:DeleteSuppressedDestination, and check the credentials and the region"
    )]
    Ses {
        /// SES's code, or what else went wrong.
        code: String,
    },
    /// The ledger's.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Mirror {
    /// Keeps the list in `ledger` and `list` in step.
    #[must_use]
    pub fn new(
        list: AccountList,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
        direction: Direction,
    ) -> Self {
        Self { list, ledger, clock, direction }
    }

    /// Looks at what is new since `progress` on both lists, and moves `progress` on by what has been done.
    ///
    /// # Errors
    /// [`MirrorError`]; `progress` says what has been done all the same.
    pub async fn pass(&self, progress: &mut Progress) -> Result<Mirrored, MirrorError> {
        let mut mirrored = Mirrored::default();
        if self.direction.takes() {
            let begun = self.clock.now();
            self.take(progress.taken_until, &mut mirrored).await?;
            progress.taken_until = Some(begun);
        }
        if self.direction.gives() {
            let begun = self.clock.now();
            self.give(progress.given_until, &mut mirrored).await?;
            progress.given_until = Some(begun);
        }
        Ok(mirrored)
    }

    /// Brings in what has changed on the account's list since `since`.
    async fn take(&self, since: Option<Timestamp>, mirrored: &mut Mirrored) -> Result<(), MirrorError> {
        let mut next = None;
        for page in 0..SES_LIST_PAGES_MAX {
            if page > 0 {
                tokio::time::sleep(self.list.pause).await;
            }
            let request = self.list.client.list_suppressed_destinations();
            let request = request
                .set_start_date(
                    since.map(|since| DateTime::from_millis(before(since, TAKEN_OVERLAP_MS).as_millis())),
                )
                .page_size(i32::try_from(SES_LIST_PAGE).unwrap_or(i32::MAX))
                .set_next_token(next);
            let answer = request.send().await.map_err(|error| MirrorError::Ses { code: code_of(&error) })?;
            for entry in answer.suppressed_destination_summaries() {
                let at = entry.last_update_time().to_millis().map(Timestamp::from_millis);
                self.take_one(entry.email_address(), entry.reason(), at.ok(), mirrored).await?;
            }
            next = answer.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(());
            }
        }
        tracing::error!(
            pages = SES_LIST_PAGES_MAX,
            "the account's suppression list is longer than one pass looks at; the rest of it was not brought in"
        );
        Ok(())
    }

    async fn take_one(
        &self,
        address: &str,
        reason: &SuppressionListReason,
        at: Option<Timestamp>,
        mirrored: &mut Mirrored,
    ) -> Result<(), MirrorError> {
        let reason = match reason {
            SuppressionListReason::Bounce => SuppressionReason::HardBounce,
            SuppressionListReason::Complaint => SuppressionReason::Complaint,
            // Not known here, and certainly no reason to write to it.
            _ => SuppressionReason::Manual,
        };
        let Ok(address) = EmailAddress::parse(address) else {
            mirrored.skipped += 1;
            return Ok(());
        };
        let now = self.clock.now();
        // Reading is cheaper than writing what is there.
        let stands = self.ledger.suppressions_of(address.clone(), now).await?;
        if stands.iter().any(|entry| is_as_strong(entry, reason)) {
            return Ok(());
        }
        let since = at.unwrap_or(now).min(now);
        let source = SOURCE_ACCOUNT.to_owned();
        let entry = NewSuppression { address, category: None, reason, source, since, expires_at: None, now };
        self.ledger.suppress(entry).await?;
        mirrored.taken += 1;
        Ok(())
    }

    /// Puts on the account's list what has come on ours since `since`.
    async fn give(&self, since: Option<Timestamp>, mirrored: &mut Mirrored) -> Result<(), MirrorError> {
        let since = since.map(|since| before(since, GIVEN_OVERLAP_MS));
        let is_new = |entry: &Suppression| since.is_none_or(|since| entry.since >= since);
        let mut query = SuppressionQuery { limit: SUPPRESSIONS_PAGE_MAX, ..SuppressionQuery::default() };
        loop {
            let page = self.ledger.list_suppressions(query, self.clock.now()).await?;
            for entry in page.entries.iter().filter(|entry| is_new(entry)) {
                if mirrored.given >= SES_PUTS_PER_PASS_MAX {
                    tracing::error!(
                        given = mirrored.given,
                        "more entries are new than one pass puts on the account's suppression list; the oldest were left out"
                    );
                    return Ok(());
                }
                self.give_one(entry, mirrored).await?;
            }
            // Newest first: a whole page of old ones is followed by older ones.
            let is_over = !page.entries.is_empty() && !page.entries.iter().any(is_new);
            match page.next {
                Some(next) if !is_over => query.after = Some(next),
                Some(_) | None => return Ok(()),
            }
        }
    }

    async fn give_one(&self, entry: &Suppression, mirrored: &mut Mirrored) -> Result<(), MirrorError> {
        let reason = match entry.reason {
            SuppressionReason::HardBounce => SuppressionListReason::Bounce,
            SuppressionReason::Complaint => SuppressionListReason::Complaint,
            // Theirs knows no such reasons, and holds for everything the account sends.
            SuppressionReason::RepeatedSoftBounces
            | SuppressionReason::Unsubscribed
            | SuppressionReason::Manual => return Ok(()),
        };
        let (Some(address), None) = (&entry.address, &entry.category) else { return Ok(()) };
        if entry.source == SOURCE_ACCOUNT {
            return Ok(());
        }
        if mirrored.given > 0 {
            tokio::time::sleep(self.list.pause).await;
        }
        let request = self.list.client.put_suppressed_destination();
        match request.email_address(address.as_str()).reason(reason).send().await {
            Ok(_) => mirrored.given += 1,
            // One address that SES does not take must not be in the way of the others.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutSuppressedDestinationError::is_bad_request_exception) =>
            {
                mirrored.skipped += 1;
            }
            Err(error) => return Err(MirrorError::Ses { code: code_of(&error) }),
        }
        Ok(())
    }
}

/// Whether an entry suppresses at least as much as one of the account's list would.
fn is_as_strong(entry: &Suppression, reason: SuppressionReason) -> bool {
    let is_whole = entry.category.is_none() && entry.expires_at.is_none();
    is_whole && (entry.reason == reason || entry.reason == SuppressionReason::Complaint)
}

fn before(instant: Timestamp, ms: u64) -> Timestamp {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Timestamp::from_millis(instant.as_millis().saturating_sub(ms))
}
