//! Any bytes as a mail that comes back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postrider_core::limits::{MAIL_REPORTS_MAX, REPLY_WORDS_BYTES_MAX};
use postrider_mail::bounce::{Reading, is_automatic, read};

/// Far below every limit, so that one field more is still looked at.
const SMALL: usize = 16 * 1024;

fuzz_target!(|mail: &[u8]| {
    let reading = read(mail);
    let _ = is_automatic(mail);
    assert!((1..=MAIL_REPORTS_MAX).contains(&reading.reports.len()));
    for report in &reading.reports {
        let words = report.report.diagnostic.as_str();
        assert!(words.len() <= REPLY_WORDS_BYTES_MAX && !words.contains(char::is_control));
    }
    if mail.len() < SMALL && begins_with_field(mail) {
        let stored =
            [b"Received: from mx.example by store.example; Mon, 23 Nov 2026 10:00:10 +0000\n", mail].concat();
        assert_eq!(names(&read(&stored)), names(&reading), "a trace field changes the name of a report");
    }
});

/// Whether a field put before the first one becomes part of the header and of nothing else.
fn begins_with_field(mail: &[u8]) -> bool {
    let line = mail.split(|byte| *byte == b'\n').next().unwrap_or_default();
    !mail.starts_with(b"From ") && line.first().is_some_and(u8::is_ascii_alphabetic) && line.contains(&b':')
}

fn names(reading: &Reading) -> Vec<[u8; 16]> {
    reading.reports.iter().map(|report| report.report.fingerprint.to_bytes()).collect()
}
