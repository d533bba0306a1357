//! `sweep`: what nobody looks after otherwise, on a schedule. Leases that ran out, unknown outcomes whose waiting time is
//! over, what is due: retries, wished sending times, whatever was accepted and not sent.
//!
//! Several may run at once; each step of the ledger is somebody's alone.

use async_trait::async_trait;
use futures_util::future::join_all;
use postrider_aws::emf::{Measurements, Metric};
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{CLAIM_MAX, SWEEP_MAX, SWEEP_PASSES_MAX};
use postrider_core::ports::ledger::{ClaimDue, Claims, Leases, LedgerError, Sweep, Swept};
use postrider_core::use_cases::budget;

use crate::invocation::Invocation;
use crate::parts::Parts;
use crate::tally;

/// Calls other systems about what became of notifications.
#[async_trait]
pub trait DueCalls: Send + Sync {
    /// Makes the calls that are due, as far as there is time until `until`.
    ///
    /// # Errors
    /// The ledger's. What was not recorded is called again.
    async fn run(&self, until: Timestamp) -> Result<(), LedgerError>;
}

/// Sweeps, sends what is due until little time is left, and makes the calls that are due if anybody does.
///
/// # Errors
/// The ledger's. What was done until then is in `measured`, and the next sweep goes on where this one ended.
pub async fn handle(
    parts: &Parts,
    calls: Option<&dyn DueCalls>,
    invocation: &Invocation,
    measured: &mut Measurements,
) -> Result<(), LedgerError> {
    let until = invocation.until();
    sweep(parts, until, measured).await?;
    resume(parts, until).await?;
    send_due(parts, until, measured).await?;
    let now = parts.clock.now();
    let queue = parts.ledger.queue_stats(now).await?;
    let age_ms = queue.oldest_due_at.map_or(0, |due| now.ms_since(due));
    measured.sample(Metric::QueueAge, age_ms / 1000);
    if let Some(calls) = calls {
        calls.run(until).await?;
    }
    Ok(())
}

async fn sweep(parts: &Parts, until: Timestamp, measured: &mut Measurements) -> Result<(), LedgerError> {
    let mut total = Swept::default();
    for _ in 0..SWEEP_PASSES_MAX {
        let now = parts.clock.now();
        if now >= until {
            break;
        }
        let swept = parts
            .ledger
            .sweep(Sweep {
                now,
                leases: Leases::Expired,
                judge_at: now.plus_ms(parts.policy.unknown_wait_ms),
                on_unknown: parts.on_unknown,
                max_attempts: parts.policy.max_attempts,
                limit: SWEEP_MAX,
            })
            .await?;
        measured.count(Metric::Unknown, swept.leases_lost as u64);
        measured.count(Metric::DeadLetters, swept.held as u64);
        total.leases_lost += swept.leases_lost;
        total.resent += swept.resent;
        total.held += swept.held;
        if swept.leases_lost + swept.resent + swept.held == 0 {
            break;
        }
    }
    if total != Swept::default() {
        tracing::warn!(
            leases_lost = total.leases_lost,
            resent = total.resent,
            held = total.held,
            "the sweep found notifications whose outcome is unknown"
        );
    }
    Ok(())
}

/// Queues what the budget's hold had held, once it is over. Half of the time is left for sending.
async fn resume(parts: &Parts, until: Timestamp) -> Result<(), LedgerError> {
    let now = parts.clock.now();
    if !parts.hold.is_lifting(&*parts.ledger, now).await? {
        return Ok(());
    }
    let resumed = budget::resume(&*parts.ledger, &*parts.clock, now.plus_ms(until.ms_since(now) / 2)).await?;
    tracing::info!(resumed, "the budget's hold is over; what it held is queued");
    Ok(())
}

/// Claims and sends what is due. The first claim takes one: if the way to the mail service is closed, only one message has
/// tried it, and the others wait for the next sweep.
async fn send_due(parts: &Parts, until: Timestamp, measured: &mut Measurements) -> Result<(), LedgerError> {
    let mut limit = 1;
    loop {
        // Each time anew: a sweep may last longer than what it has seen is true.
        let dispatch = parts.dispatch(parts.is_on_hold().await);
        if !dispatch.has_time(until) {
            break;
        }
        let request = ClaimDue { now: parts.clock.now(), lease_until: dispatch.lease_until(), limit };
        let Claims { claims, suppressed, .. } = parts.ledger.claim_due(request).await?;
        measured.count(Metric::Suppressed, suppressed as u64);
        if claims.is_empty() && suppressed == 0 {
            return Ok(());
        }
        let ended = join_all(claims.into_iter().map(|claim| dispatch.attempt(claim, until))).await;
        for each in &ended {
            tally::attempt(each, measured);
        }
        if let Some(fault) = ended.iter().find(|each| each.is_route_fault()) {
            let cause = fault.failure.as_ref().map(|failure| failure.cause.as_str());
            tracing::error!(
                cause,
                "the way to the mail service is closed; what is due waits for the next sweep"
            );
            return Ok(());
        }
        limit = parts.concurrency.clamp(1, CLAIM_MAX);
    }
    tracing::warn!("there was no time for everything that is due; the next sweep goes on");
    Ok(())
}
