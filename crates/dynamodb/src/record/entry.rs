//! Timelines.

use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::outcome::Words;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::{ReportDetail, TimelineEntry};

use super::fields::{read_cause, read_status, write_status};
use crate::codec::{Garbled, Reader, Writer};
use postrider_core::ports::codes::{
    class_code, class_from_code, kind_code, kind_from_code, source_code, source_from_code,
};

/// The format of a piece of a timeline.
const FORMAT: u8 = 1;
const PART: &str = "timeline";

/// The parts of an entry that may be missing, a bit each.
const ATTEMPT: u8 = 1;
const CLAIMED_AT: u8 = 2;
const MAILER: u8 = 4;
const CAUSE: u8 = 8;
const WORDS: u8 = 16;
const REPORT: u8 = 32;

/// Entries, oldest first, their instants told from `base`.
pub(crate) fn write_entries(entries: &[TimelineEntry], base: Timestamp) -> Vec<u8> {
    let mut body = Writer::of_format(FORMAT);
    body.number(entries.len() as u64);
    for entry in entries {
        write_entry(&mut body, entry, base);
    }
    body.finish()
}

/// What [`write_entries`] wrote.
pub(crate) fn read_entries(body: &[u8], base: Timestamp) -> Result<Vec<TimelineEntry>, Garbled> {
    let mut body = Reader::of_format(body, FORMAT)?;
    let count: usize = body.small(PART)?;
    (0..count).map(|_| read_entry(&mut body, base)).collect()
}

fn write_entry(body: &mut Writer, entry: &TimelineEntry, base: Timestamp) {
    let bit = |is_there: bool, bit: u8| if is_there { bit } else { 0 };
    body.byte(kind_code(entry.kind));
    body.byte(
        bit(entry.attempt.is_some(), ATTEMPT)
            | bit(entry.claimed_at.is_some(), CLAIMED_AT)
            | bit(entry.mailer.is_some(), MAILER)
            | bit(entry.cause.is_some(), CAUSE)
            | bit(entry.words.is_some(), WORDS)
            | bit(entry.report.is_some(), REPORT),
    );
    body.instant(entry.at, base);
    if let Some(attempt) = entry.attempt {
        body.number(u64::from(attempt));
    }
    if let Some(at) = entry.claimed_at {
        body.instant(at, base);
    }
    if let Some(mailer) = &entry.mailer {
        body.text(mailer);
    }
    if let Some(cause) = &entry.cause {
        body.text(cause.as_str());
    }
    if let Some(words) = &entry.words {
        body.text(words.as_str());
    }
    if let Some(report) = &entry.report {
        body.fixed(&report.fingerprint.to_bytes());
        body.byte(source_code(report.source));
        body.optional(report.class, |body, class| body.byte(class_code(class)));
        body.optional(report.status, write_status);
        body.optional(report.occurred_at, |body, at| body.instant(at, base));
    }
}

fn read_entry(body: &mut Reader<'_>, base: Timestamp) -> Result<TimelineEntry, Garbled> {
    let kind = body.code(PART, kind_from_code)?;
    let has = body.byte(PART)?;
    let has = |bit: u8| has & bit != 0;
    let mut entry = TimelineEntry::plain(body.instant(base, PART)?, kind);
    if has(ATTEMPT) {
        entry.attempt = Some(body.small(PART)?);
    }
    if has(CLAIMED_AT) {
        entry.claimed_at = Some(body.instant(base, PART)?);
    }
    if has(MAILER) {
        entry.mailer = Some(body.text(PART)?.to_owned());
    }
    if has(CAUSE) {
        entry.cause = Some(read_cause(body)?);
    }
    if has(WORDS) {
        entry.words = Some(Words::new(body.text(PART)?));
    }
    if has(REPORT) {
        entry.report = Some(ReportDetail {
            fingerprint: Fingerprint::from_bytes(body.fixed(PART)?),
            source: body.code(PART, source_from_code)?,
            class: body.optional(PART, |body| body.code(PART, class_from_code))?,
            status: body.optional(PART, read_status)?,
            occurred_at: body.optional(PART, |body| body.instant(base, PART))?,
        });
    }
    Ok(entry)
}
