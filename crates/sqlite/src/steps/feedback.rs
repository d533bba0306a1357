//! Recording what comes back.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::feedback::{Reference, Report};
use postrider_core::domain::outcome::Words;
use postrider_core::domain::status::Status;
use postrider_core::domain::suppression::{Consequence, RecipientKey, SuppressionReason};
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::limits::{
    EARLY_REPORT_MS_MAX, EARLY_REPORTS_MAX, PROVIDER_ID_BYTES_MAX, TIMELINE_REPORTS_MAX,
};
use postrider_core::ports::feedback::{Feedback, FeedbackEffect, FeedbackRecorded, early_reports_max};
use rusqlite::{OptionalExtension as _, Row, params};

use super::{WriteStep, Writing};
use crate::rows::{
    StoredNotification, decoded, instant, load, load_seq, optional_code, optional_instant, optional_status,
};
use postrider_core::ports::codes::{
    class_code, class_from_code, kind_code, kind_from_code, report_kind, source_code, source_from_code,
};

/// [`record_feedback`](postrider_core::ports::feedback::FeedbackLedger::record_feedback).
pub(crate) struct RecordFeedback(pub(crate) Feedback);

impl WriteStep for RecordFeedback {
    type Output = FeedbackRecorded;

    fn bytes(&self) -> usize {
        1024
    }

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<FeedbackRecorded> {
        let feedback = &self.0;
        let mut unknown_id = None;
        for reference in &feedback.references {
            let stored = match reference {
                Reference::Notification(id) => load(writing.connection, *id)?,
                Reference::Provider(id) => {
                    let seq = notification_of(writing, id)?;
                    unknown_id = unknown_id.or_else(|| seq.is_none().then_some(id));
                    seq.map(|seq| load_seq(writing.connection, seq)).transpose()?.flatten()
                }
            };
            if let Some(mut stored) = stored {
                return record(writing, &mut stored, feedback);
            }
        }
        match unknown_id {
            Some(id) if id.len() <= PROVIDER_ID_BYTES_MAX => keep(writing, id, feedback),
            _ => Ok(FeedbackRecorded::Orphan),
        }
    }
}

fn notification_of(writing: &Writing<'_>, provider_id: &str) -> rusqlite::Result<Option<i64>> {
    writing
        .prepare("SELECT notification_seq FROM provider_ids WHERE id = ?1")?
        .query_row([provider_id], |row| row.get(0))
        .optional()
}

fn record(
    writing: &mut Writing<'_>,
    stored: &mut StoredNotification,
    feedback: &Feedback,
) -> rusqlite::Result<FeedbackRecorded> {
    let id = stored.notification.id;
    let History { sent_at, is_known } = history(writing, stored.seq, feedback.report.fingerprint)?;
    if is_known {
        return Ok(FeedbackRecorded::Repeated(id));
    }
    let Some(impact) = feedback.impact(&stored.notification) else { return Ok(FeedbackRecorded::Orphan) };
    let crowded = usize::try_from(stored.entries).unwrap_or(usize::MAX) >= TIMELINE_REPORTS_MAX;
    if crowded && !impact.says_more_than(&stored.notification) {
        return Ok(FeedbackRecorded::Dropped(id));
    }
    let before = stored.notification.lifecycle.status;
    let status = impact.lifecycle.status;
    // While it is `sending`, its last change is the claim: that is where the claim's time is read from. And a report
    // that has waited for its message is no change of long ago.
    let updated_at = stored.notification.updated_at;
    let changed_at = if status == Status::Sending { updated_at } else { feedback.now.max(updated_at) };
    writing.store(stored, impact.lifecycle, changed_at, Some((&impact.entry, None)))?;
    let reason = match impact.consequence {
        Consequence::None => None,
        Consequence::Suppress(reason) => Some(reason),
        Consequence::CountSoftBounce => count_soft_bounce(writing, stored, feedback.now)?,
    };
    if let Some(reason) = reason {
        writing.suppress(&feedback.suppression(
            &stored.notification.to,
            reason,
            writing.rules.soft_bounces,
        ))?;
    }
    Ok(FeedbackRecorded::Recorded(FeedbackEffect {
        id,
        kind: feedback.report.kind,
        before,
        status,
        sent_at,
        suppressed: reason,
    }))
}

/// What a timeline says that matters to a report.
struct History {
    sent_at: Option<Timestamp>,
    is_known: bool,
}

fn history(writing: &Writing<'_>, seq: i64, fingerprint: Fingerprint) -> rusqlite::Result<History> {
    let mut statement =
        writing.prepare("SELECT at, kind, report FROM timeline WHERE notification_seq = ?1 ORDER BY n")?;
    let mut rows = statement.query([seq])?;
    let mut history = History { sent_at: None, is_known: false };
    while let Some(row) = rows.next()? {
        if row.get::<_, u8>(1)? == kind_code(TimelineKind::Sent) {
            history.sent_at = Some(instant(row, 0)?);
        }
        history.is_known |= row.get::<_, Option<[u8; 16]>>(2)? == Some(fingerprint.to_bytes());
    }
    Ok(history)
}

fn count_soft_bounce(
    writing: &Writing<'_>,
    stored: &StoredNotification,
    now: Timestamp,
) -> rusqlite::Result<Option<SuppressionReason>> {
    let rule = writing.rules.soft_bounces;
    if rule.count == 0 {
        return Ok(None);
    }
    let recipient = RecipientKey::of(&writing.rules.secret, &stored.notification.to).to_bytes();
    let window = i64::try_from(rule.window_ms).unwrap_or(i64::MAX);
    let begin = now.as_millis().saturating_sub(window);
    writing
        .prepare("DELETE FROM soft_bounces WHERE recipient = ?1 AND at <= ?2")?
        .execute((recipient, begin))?;
    // And of others two that are too old to count for each that comes.
    writing
        .prepare(
            "DELETE FROM soft_bounces WHERE (recipient, notification_seq) IN \
             (SELECT recipient, notification_seq FROM soft_bounces WHERE at <= ?1 ORDER BY at LIMIT 2)",
        )?
        .execute([begin])?;
    writing
        .prepare(
            "INSERT INTO soft_bounces (recipient, notification_seq, at) VALUES (?1, ?2, ?3) \
             ON CONFLICT (recipient, notification_seq) DO NOTHING",
        )?
        .execute((recipient, stored.seq, now.as_millis()))?;
    let count: u32 = writing
        .prepare("SELECT count(*) FROM soft_bounces WHERE recipient = ?1")?
        .query_row([recipient], |row| row.get(0))?;
    Ok((count >= rule.count).then_some(SuppressionReason::RepeatedSoftBounces))
}

/// Keeps a report until its message is known under `provider_id`, within bounds of age and number.
fn keep(writing: &Writing<'_>, provider_id: &str, feedback: &Feedback) -> rusqlite::Result<FeedbackRecorded> {
    let report = &feedback.report;
    let (count, is_known): (usize, bool) = writing
        .prepare("SELECT count(*), coalesce(max(report = ?2), 0) FROM early_reports WHERE provider_id = ?1")?
        .query_row((provider_id, report.fingerprint.to_bytes()), |row| Ok((row.get(0)?, row.get(1)?)))?;
    if !is_known && count >= early_reports_max(report) {
        return Ok(FeedbackRecorded::Orphan);
    }
    let seq = writing
        .prepare(
            "INSERT INTO early_reports (provider_id, report, received_at, kind, source, class, status_code, \
             diagnostic, occurred_at, recipient) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
             ON CONFLICT (provider_id, report) DO UPDATE SET received_at = excluded.received_at RETURNING seq",
        )?
        .query_row(
            params![
                provider_id,
                report.fingerprint.to_bytes(),
                feedback.now.as_millis(),
                kind_code(TimelineKind::of_report(report.kind)),
                source_code(report.source),
                report.kind.bounce_class().map(class_code),
                report.status.map(|status| status.to_string()),
                report.diagnostic.as_str(),
                report.occurred_at.map(Timestamp::as_millis),
                report.recipient.as_ref().map(EmailAddress::as_str),
            ],
            |row| row.get::<_, i64>(0),
        )?;
    // Two of those that are too old go for each that comes, and whatever is more than may be.
    writing
        .prepare(
            "DELETE FROM early_reports WHERE seq IN \
             (SELECT seq FROM early_reports WHERE received_at < ?1 ORDER BY received_at LIMIT 2)",
        )?
        .execute([too_old_before(feedback.now)])?;
    let most = i64::try_from(EARLY_REPORTS_MAX).unwrap_or(i64::MAX);
    writing.prepare("DELETE FROM early_reports WHERE seq <= ?1")?.execute([seq.saturating_sub(most)])?;
    Ok(FeedbackRecorded::Kept)
}

/// What came before this is not kept any more, whether or not it has been cleared away.
fn too_old_before(now: Timestamp) -> i64 {
    now.as_millis() - i64::try_from(EARLY_REPORT_MS_MAX).unwrap_or(i64::MAX)
}

/// The mail service's own id of a message is known now: reports that came before are applied.
pub(super) fn learn_provider_id(
    writing: &mut Writing<'_>,
    stored: &mut StoredNotification,
    provider_id: &str,
    now: Timestamp,
) -> rusqlite::Result<Vec<FeedbackEffect>> {
    writing
        .prepare(
            "INSERT INTO provider_ids (id, notification_seq) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
        )?
        .execute((provider_id, stored.seq))?;
    let early = writing
        .prepare(
            "SELECT report, received_at, kind, source, class, status_code, diagnostic, occurred_at, recipient \
             FROM early_reports WHERE provider_id = ?1 AND received_at >= ?2 ORDER BY seq",
        )?
        .query_map((provider_id, too_old_before(now)), read_early)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    if early.is_empty() {
        return Ok(Vec::new());
    }
    let mut effects = Vec::new();
    for (report, now) in early {
        let feedback = Feedback { references: Vec::new(), report, may_condemn: true, now };
        if let FeedbackRecorded::Recorded(effect) = record(writing, stored, &feedback)? {
            effects.push(effect);
        }
    }
    writing.prepare("DELETE FROM early_reports WHERE provider_id = ?1")?.execute([provider_id])?;
    Ok(effects)
}

fn read_early(row: &Row<'_>) -> rusqlite::Result<(Report, Timestamp)> {
    let class = optional_code(row, 4, class_from_code)?;
    let kind = kind_from_code(row.get(2)?).and_then(|kind| report_kind(kind, class));
    let recipient = row.get_ref(8)?.as_str_or_null()?;
    let report = Report {
        kind: decoded(row, 2, kind)?,
        status: optional_status(row, 5)?,
        diagnostic: Words::new(row.get_ref(6)?.as_str_or_null()?.unwrap_or_default()),
        source: decoded(row, 3, source_from_code(row.get(3)?))?,
        occurred_at: optional_instant(row, 7)?,
        recipient: recipient.map(|text| decoded(row, 8, EmailAddress::parse(text).ok())).transpose()?,
        fingerprint: Fingerprint::from_bytes(row.get(0)?),
    };
    Ok((report, instant(row, 1)?))
}
