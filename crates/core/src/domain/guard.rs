//! Order guards: what an e-mail waits for, and what makes it void.
//!
//! Events overtake each other. A guard looks at an order's other notifications when an e-mail is about to leave.

use super::lifecycle::Lifecycle;
use super::notification::Notification;
use super::outcome::{Cause, Words};
use super::status::Status;
use super::time::Timestamp;

/// The first pause between two looks at the order, in milliseconds. Each further one is half of the time waited so far,
/// so that even a wait of days is a few dozen looks.
const FIRST_PAUSE_MS: u64 = 5_000;

/// The pause between two looks where the time to wait is over and something that goes first is still there.
const LATE_PAUSE_MS: u64 = 60_000;

/// What a notification type says about the other e-mails of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guards {
    /// Types that make it void, as soon as the order has a notification of one of them, sent or not.
    pub superseded_by: Vec<String>,
    /// Types that go first.
    pub waits_for: Vec<String>,
    /// How long it waits for them at most, from when it was accepted or wished for, in milliseconds.
    pub wait_ms: u64,
    /// What then.
    pub after_wait: AfterWait,
}

/// What to do when what was waited for has not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterWait {
    /// Send: late news is better than none.
    Send,
    /// Do not send.
    Skip,
}

/// What a guard says about an e-mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may leave.
    Go,
    /// Not yet.
    Wait {
        /// For what: `waiting_for_order_confirmation`.
        cause: Cause,
        /// When to look again.
        until: Timestamp,
    },
    /// It is not sent.
    Skip {
        /// Why: `superseded_by_order_canceled`, `waited_in_vain_for_order_confirmation`.
        cause: Cause,
        /// The same for a person.
        words: Words,
    },
}

/// The beginning of the cause of whatever waits for another e-mail of its order.
const WAITING: &str = "waiting_for_";

/// Whether something is deferred for this cause because another e-mail of its order goes first. Nothing has failed.
#[must_use]
pub fn is_waiting(cause: &Cause) -> bool {
    cause.as_str().starts_with(WAITING)
}

impl Guards {
    /// What becomes of `own` at `now`, given the notifications of its order.
    #[must_use]
    pub fn decide(&self, own: &Notification, order: &[Notification], now: Timestamp) -> Decision {
        let of_type = |name: &String| {
            let name = name.clone();
            order.iter().filter(move |other| other.id != own.id && other.notification_type == name)
        };
        for name in &self.superseded_by {
            // Taken back by a person or void itself, it says nothing about the order.
            if let Some(other) = of_type(name).find(|other| other.lifecycle.status != Status::Canceled) {
                let words = format!("not sent: {name} {} is there for the same order", other.id);
                let cause = Cause::from_codes(&format!("superseded_by_{name}"));
                return Decision::Skip { cause, words: Words::new(&words) };
            }
        }
        let is_open = |name: &&String| {
            let mut of_type = of_type(name).peekable();
            of_type.peek().is_none() || of_type.all(|other| may_still_leave(&other.lifecycle))
        };
        let Some(name) = self.waits_for.iter().find(is_open) else { return Decision::Go };
        let wait = |until| Decision::Wait { cause: waiting_for(name), until };
        // The budget may hold an order for days, and no wait is meant for that: what it holds goes first, by itself.
        let awaited = awaited(own, order, name);
        if awaited.iter().any(|other| other.lifecycle.is_held_by_budget()) {
            return wait(now.plus_ms(LATE_PAUSE_MS));
        }
        let since = own.send_at.map_or(own.created_at, |send_at| send_at.max(own.created_at));
        let deadline = since.plus_ms(self.wait_ms);
        if now < deadline {
            let pause_ms = (now.ms_since(since) / 2).max(FIRST_PAUSE_MS);
            return wait(now.plus_ms(pause_ms).min(deadline));
        }
        match self.after_wait {
            AfterWait::Send => Decision::Go,
            // It has not waited in vain while there is one on its way. One that waits itself is, if what it waits for is or
            // needs no waiting for any more.
            AfterWait::Skip if awaited.iter().any(|other| waits_for(&other.lifecycle).is_none()) => {
                wait(now.plus_ms(LATE_PAUSE_MS))
            }
            AfterWait::Skip => {
                let words =
                    format!("not sent: no {name} was sent for the same order in the time it may wait");
                let cause = Cause::from_codes(&format!("waited_in_vain_for_{name}"));
                Decision::Skip { cause, words: Words::new(&words) }
            }
        }
    }
}

/// The order's notifications of the type `name`, those that these wait for themselves, and so on: each once, and never
/// `own`.
fn awaited<'a>(own: &Notification, order: &'a [Notification], name: &str) -> Vec<&'a Notification> {
    let others = || order.iter().filter(|other| other.id != own.id);
    let mut found: Vec<&Notification> = others().filter(|other| other.notification_type == name).collect();
    let mut seen = 0;
    while let Some(waiting) = found.get(seen) {
        seen += 1;
        let Some(cause) = waits_for(&waiting.lifecycle) else { continue };
        for other in others().filter(|other| waiting_for(&other.notification_type) == *cause) {
            if found.iter().all(|known| known.id != other.id) {
                found.push(other);
            }
        }
    }
    found
}

/// The cause that says for which type it waits itself, if it does.
fn waits_for(lifecycle: &Lifecycle) -> Option<&Cause> {
    lifecycle.cause.as_ref().filter(|cause| is_waiting(cause) && may_still_leave(lifecycle))
}

fn waiting_for(name: &str) -> Cause {
    Cause::from_codes(&format!("{WAITING}{name}"))
}

/// Whether a notification that has not left may do so without a person.
fn may_still_leave(lifecycle: &Lifecycle) -> bool {
    match lifecycle.status {
        Status::Queued | Status::Sending | Status::Deferred | Status::Unknown => true,
        Status::Held => lifecycle.is_held_by_budget(),
        Status::Sent
        | Status::Delivered
        | Status::Bounced
        | Status::Complained
        | Status::Failed
        | Status::Dead
        | Status::Suppressed
        | Status::Canceled => false,
    }
}
