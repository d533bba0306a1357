//! Parts that several bodies have.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::bounce::EnhancedStatus;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::feedback::{Report, Reported};
use postrider_core::domain::outcome::{Cause, Words};
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineKind;

use crate::codec::{Garbled, Reader, Writer};
use postrider_core::ports::codes::{
    class_code, class_from_code, kind_code, kind_from_code, report_kind, source_code, source_from_code,
    truth_code, truth_from_code,
};

/// A cause.
pub(super) fn read_cause(body: &mut Reader<'_>) -> Result<Cause, Garbled> {
    Ok(Cause::from_codes(body.text("cause")?))
}

pub(super) fn write_reported(body: &mut Writer, reported: &Reported) {
    body.byte(truth_code(reported.truth));
    body.optional(reported.cause.as_ref(), |body, cause| body.text(cause.as_str()));
}

pub(super) fn read_reported(body: &mut Reader<'_>) -> Result<Reported, Garbled> {
    Ok(Reported {
        truth: body.code("reports", truth_from_code)?,
        cause: body.optional("reports", read_cause)?,
    })
}

pub(super) fn write_status(body: &mut Writer, status: EnhancedStatus) {
    body.byte(status.class);
    body.number(u64::from(status.subject));
    body.number(u64::from(status.detail));
}

pub(super) fn read_status(body: &mut Reader<'_>) -> Result<EnhancedStatus, Garbled> {
    Ok(EnhancedStatus {
        class: body.byte("status code")?,
        subject: body.small("status code")?,
        detail: body.small("status code")?,
    })
}

/// A report that waits for its message.
pub(crate) fn write_report(body: &mut Writer, report: &Report) {
    body.fixed(&report.fingerprint.to_bytes());
    body.byte(kind_code(TimelineKind::of_report(report.kind)));
    body.optional(report.kind.bounce_class(), |body, class| body.byte(class_code(class)));
    body.byte(source_code(report.source));
    body.optional(report.status, write_status);
    body.text(report.diagnostic.as_str());
    body.optional(report.occurred_at, |body, at| body.instant(at, Timestamp::EPOCH));
    body.optional(report.recipient.as_ref(), |body, to| body.text(to.as_str()));
}

/// What [`write_report`] wrote.
pub(crate) fn read_report(body: &mut Reader<'_>) -> Result<Report, Garbled> {
    const PART: &str = "report";
    let fingerprint = Fingerprint::from_bytes(body.fixed(PART)?);
    let kind = body.code(PART, kind_from_code)?;
    let class = body.optional(PART, |body| body.code(PART, class_from_code))?;
    Ok(Report {
        kind: report_kind(kind, class).ok_or(Garbled::Part(PART))?,
        source: body.code(PART, source_from_code)?,
        status: body.optional(PART, read_status)?,
        diagnostic: Words::new(body.text(PART)?),
        occurred_at: body.optional(PART, |body| body.instant(Timestamp::EPOCH, PART))?,
        recipient: body
            .optional(PART, |body| EmailAddress::parse(body.text(PART)?).map_err(|_| Garbled::Part(PART)))?,
        fingerprint,
    })
}
