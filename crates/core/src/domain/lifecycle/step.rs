//! What may happen to a notification.

use crate::domain::feedback::Reported;
use crate::domain::outcome::Cause;
use crate::domain::time::Timestamp;

/// What is to happen to a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A sender takes it, until `lease_until`.
    Claim {
        /// The sender's clock.
        now: Timestamp,
        /// When the claim lapses unless it is finished.
        lease_until: Timestamp,
    },
    /// The sender that claimed it under `fence` reports.
    Finish {
        /// The fence of the claim.
        fence: u32,
        /// What follows from the attempt.
        verdict: Verdict,
    },
    /// The sender's lease ran out, or its process is known to be gone: the message may have left.
    LeaseLost {
        /// When to judge the unknown outcome.
        judge_at: Timestamp,
    },
    /// The waiting time of an unknown outcome is over.
    Judge {
        /// Now.
        now: Timestamp,
        /// What the configuration says about unknown outcomes.
        on_unknown: OnUnknown,
        /// Attempts after which it is not sent again by itself: every resend may be one more copy.
        max_attempts: u32,
    },
    /// A person asks for another try, with a fresh budget of attempts.
    Retry {
        /// Now.
        now: Timestamp,
    },
    /// The route whose failure deferred it works again: no reason to wait any longer.
    Hasten,
    /// A person takes it back.
    Cancel,
    /// A person wants it to wait for a decision. What a sender has can only be held once its lease has run out.
    Hold {
        /// Now.
        now: Timestamp,
    },
    /// What it would say is erased, because a person is forgotten. Only where nothing is under way or waits.
    Erase,
    /// The ledger is a copy of an earlier moment, put back: what was open then may have been sent since.
    HoldRestored {
        /// Now.
        now: Timestamp,
    },
    /// Somebody reported what became of the message.
    Report(Reported),
    /// The hold is over for which `cause` held it.
    Resume {
        /// Now.
        now: Timestamp,
        /// Why it was held.
        cause: Cause,
    },
    /// Its recipient is on the suppression list.
    Suppress {
        /// Which entry says so.
        cause: Cause,
    },
}

/// What follows from an attempt. Made by [`RetryPolicy::judge`](crate::domain::retry::RetryPolicy::judge).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The mailer took it.
    Sent,
    /// To be tried again.
    Deferred {
        /// Why.
        cause: Cause,
        /// When.
        until: Timestamp,
        /// Whether the attempt counts.
        spends_attempt: bool,
    },
    /// Permanently refused.
    Failed {
        /// Why.
        cause: Cause,
    },
    /// Attempts exhausted.
    Dead {
        /// Why the last one failed.
        cause: Cause,
    },
    /// The mailer may have taken it.
    Unknown {
        /// What went wrong.
        cause: Cause,
        /// When to judge.
        judge_at: Timestamp,
    },
    /// Given back untouched.
    Released,
    /// Not sent: everything is on hold.
    Held {
        /// Why.
        cause: Cause,
    },
    /// Not sent: what has happened to its order since makes it void.
    Superseded {
        /// What did, such as `superseded_by_order_canceled`.
        cause: Cause,
    },
}

/// What to do with an outcome that stays unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnknown {
    /// Send again: at least once, at the risk of one duplicate.
    Resend,
    /// Wait for a person: at most once.
    Hold,
}
