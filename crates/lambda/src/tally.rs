//! Counts what happened and says it in the log, the same for every function.

use postrider_aws::emf::{Measurements, Metric};
use postrider_core::domain::feedback::ReportKind;
use postrider_core::domain::guard::is_waiting;
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::status::Status;
use postrider_core::domain::suppression::SuppressionReason;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::feedback::{FeedbackEffect, FeedbackRecorded};
use postrider_core::use_cases::dispatch::{Ended, Recorded, Taken};

/// An event that was taken, and what was sent for it.
pub fn taken(taken: &Taken, measured: &mut Measurements) {
    let duplicates = taken.notifications.iter().filter(|notification| notification.duplicate).count();
    measured.count(Metric::Duplicates, duplicates as u64);
    let suppressed =
        taken.notifications.iter().filter(|it| !it.duplicate && it.status == Status::Suppressed).count();
    measured.count(Metric::Suppressed, suppressed as u64);
    for ended in &taken.attempts {
        attempt(ended, measured);
    }
}

/// An attempt that ended.
pub fn attempt(ended: &Ended, measured: &mut Measurements) {
    let finish = &ended.finish;
    let notification_id = &finish.id;
    let (status, effects) = match &ended.recorded {
        Recorded::Durable { status, effects } => (*status, effects),
        Recorded::Stale => {
            tracing::warn!(
                %notification_id, fence = finish.fence,
                "an attempt ended after its claim had passed to another; its outcome was not recorded"
            );
            return;
        }
        Recorded::NotRecorded(error) => {
            tracing::error!(
                %notification_id, %error,
                "the end of an attempt could not be recorded; its outcome is unknown once its lease has run out"
            );
            return;
        }
    };
    match &finish.verdict {
        Verdict::Sent => {
            measured.count(Metric::EmailsSent, 1);
            measured.sample(Metric::SendLatency, finish.now.ms_since(ended.wanted_at));
        }
        // To wait for another e-mail of the order is not to fail.
        Verdict::Deferred { cause, .. } if is_waiting(cause) => {}
        Verdict::Deferred { .. } => {
            measured.count(Metric::SendFailures, 1);
            measured.count(Metric::Retries, 1);
        }
        Verdict::Failed { .. } | Verdict::Dead { .. } => measured.count(Metric::SendFailures, 1),
        Verdict::Unknown { .. } => measured.count(Metric::Unknown, 1),
        Verdict::Released | Verdict::Held { .. } | Verdict::Superseded { .. } => {}
    }
    // What the budget holds goes on by itself.
    if status.is_dead_letter() && !matches!(finish.verdict, Verdict::Held { .. }) {
        measured.count(Metric::DeadLetters, 1);
    }
    say(ended, status);
    for effect in effects {
        change(effect, finish.now, measured);
    }
}

fn say(ended: &Ended, status: Status) {
    let finish = &ended.finish;
    let (notification_id, attempt) = (&finish.id, finish.fence);
    let correlation_id = ended.correlation_id.as_deref();
    let duration_ms = finish.now.ms_since(finish.claimed_at);
    match &finish.verdict {
        Verdict::Sent | Verdict::Released | Verdict::Held { .. } | Verdict::Superseded { .. } => {
            tracing::info!(%notification_id, correlation_id, %status, attempt, duration_ms, "attempt ended");
        }
        Verdict::Deferred { cause, .. }
        | Verdict::Failed { cause }
        | Verdict::Dead { cause }
        | Verdict::Unknown { cause, .. } => {
            tracing::warn!(%notification_id, correlation_id, %status, attempt, duration_ms, %cause, "attempt ended");
        }
    }
}

/// A report, and what recording it came to.
pub fn report(recorded: &FeedbackRecorded, now: Timestamp, measured: &mut Measurements) {
    match recorded {
        FeedbackRecorded::Recorded(effect) => {
            change(effect, now, measured);
            let suppressed = effect.suppressed.map(SuppressionReason::as_str);
            tracing::info!(notification_id = %effect.id, status = %effect.status, suppressed, "a report was recorded");
        }
        FeedbackRecorded::Orphan => tracing::info!("a report is about nothing that was sent from here"),
        FeedbackRecorded::Repeated(_) | FeedbackRecorded::Dropped(_) | FeedbackRecorded::Kept => {}
    }
}

fn change(effect: &FeedbackEffect, now: Timestamp, measured: &mut Measurements) {
    match effect.kind {
        ReportKind::Delivered => {
            measured.count(Metric::Deliveries, 1);
            if let Some(sent_at) = effect.sent_at {
                measured.sample(Metric::DeliveryLatency, now.ms_since(sent_at));
            }
        }
        ReportKind::Bounced(_) => measured.count(Metric::Bounces, 1),
        ReportKind::Complained => measured.count(Metric::Complaints, 1),
        ReportKind::Rejected | ReportKind::RenderingFailed => measured.count(Metric::SendFailures, 1),
        ReportKind::Accepted
        | ReportKind::SoftBounced(_)
        | ReportKind::Delayed(_)
        | ReportKind::Opened
        | ReportKind::Clicked
        | ReportKind::NotSpam
        | ReportKind::AutoReply
        | ReportKind::Other => {}
    }
}
