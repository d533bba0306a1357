//! What each step leaves on the timeline, so that every ledger tells the same story.

use crate::domain::budget::CAUSE_BUDGET;
use crate::domain::lifecycle::{CAUSE_SENDER_LOST, Lifecycle, Step, Verdict};
use crate::domain::outcome::Words;
use crate::domain::status::Status;
use crate::domain::time::Timestamp;
use crate::domain::timeline::{TimelineEntry, TimelineKind};

use super::catalog::SentCopy;
use super::ledger::{FinishAttempt, Intervened, Intervention, Swept};

impl FinishAttempt {
    /// The entry this attempt leaves, given the lifecycle it ends.
    #[must_use]
    pub fn entry(&self, before: &Lifecycle) -> TimelineEntry {
        let (kind, cause) = match &self.verdict {
            Verdict::Sent => (TimelineKind::Sent, None),
            Verdict::Deferred { cause, .. } => (TimelineKind::Deferred, Some(cause)),
            Verdict::Failed { cause } => (TimelineKind::Failed, Some(cause)),
            Verdict::Dead { cause } => (TimelineKind::Dead, Some(cause)),
            Verdict::Unknown { cause, .. } => (TimelineKind::Unknown, Some(cause)),
            Verdict::Released => (TimelineKind::Released, None),
            Verdict::Held { cause } => (TimelineKind::Held, Some(cause)),
            Verdict::Superseded { cause } => (TimelineKind::Canceled, Some(cause)),
        };
        TimelineEntry {
            at: self.now,
            kind,
            attempt: Some(self.fence),
            // An attempt whose lease was lost has its claim on the timeline already, with that loss.
            claimed_at: (before.status == Status::Sending).then_some(self.claimed_at),
            mailer: Some(self.mailer.clone()),
            cause: cause.cloned(),
            words: (self.words != Words::default()).then(|| self.words.clone()),
            report: None,
        }
    }

    /// The means to show the message again, if it was, or may have been, accepted.
    #[must_use]
    pub fn kept_copy(&self) -> Option<&SentCopy> {
        match self.verdict {
            Verdict::Sent | Verdict::Unknown { .. } => self.copy.as_ref(),
            Verdict::Deferred { .. }
            | Verdict::Failed { .. }
            | Verdict::Dead { .. }
            | Verdict::Released
            | Verdict::Held { .. }
            | Verdict::Superseded { .. } => None,
        }
    }
}

impl TimelineEntry {
    /// The entry of a lost lease: the claim under `fence`, made at `claimed_at`, was never finished.
    #[must_use]
    pub fn lease_lost(at: Timestamp, fence: u32, claimed_at: Timestamp) -> Self {
        Self {
            attempt: Some(fence),
            claimed_at: Some(claimed_at),
            cause: Some(CAUSE_SENDER_LOST),
            ..Self::plain(at, TimelineKind::Unknown)
        }
    }

    /// The entry of an unknown outcome whose judgement at `at` led to `after`.
    #[must_use]
    pub fn judged(at: Timestamp, after: &Lifecycle) -> Self {
        let kind = if after.status == Status::Held { TimelineKind::Held } else { TimelineKind::Resent };
        Self::plain(at, kind)
    }
}

impl Swept {
    /// Counts an unknown outcome whose judgement led to `after`.
    pub fn count_judged(&mut self, after: &Lifecycle) {
        if after.status == Status::Held {
            self.held += 1;
        } else {
            self.resent += 1;
        }
    }
}

impl Intervened {
    /// What an intervention came to that `lifecycle` does not allow.
    #[must_use]
    pub fn refused_by(lifecycle: &Lifecycle) -> Self {
        if lifecycle.erased { Self::Erased } else { Self::Forbidden(lifecycle.status) }
    }
}

impl Intervention {
    /// The lifecycle step that carries it out at `now`.
    #[must_use]
    pub fn step(self, now: Timestamp) -> Step {
        match self {
            Self::Retry => Step::Retry { now },
            Self::Hasten => Step::Hasten,
            Self::Cancel => Step::Cancel,
            Self::Hold => Step::Hold { now },
            Self::Resume => Step::Resume { now, cause: CAUSE_BUDGET },
        }
    }

    /// The entry it leaves.
    #[must_use]
    pub fn entry(self, now: Timestamp) -> TimelineEntry {
        let kind = match self {
            Self::Retry => TimelineKind::Retried,
            Self::Hasten => TimelineKind::Hastened,
            Self::Cancel => TimelineKind::Canceled,
            Self::Hold => TimelineKind::Held,
            Self::Resume => TimelineKind::Resumed,
        };
        TimelineEntry::plain(now, kind)
    }
}
