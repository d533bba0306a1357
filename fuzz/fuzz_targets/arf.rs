//! Any bytes as a feedback report, and as the delivery status of a mail.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postrider_core::domain::feedback::{ReportKind, ReportSource};
use postrider_core::limits::MAIL_REPORTS_MAX;
use postrider_mail::bounce::{MessageKind, read};

fuzz_target!(|body: &[u8]| {
    let report = read(&[b"Content-Type: message/feedback-report\n\n", body].concat());
    assert_eq!(report.kind, MessageKind::Complaint);
    assert!((1..=MAIL_REPORTS_MAX).contains(&report.reports.len()));
    for one in &report.reports {
        assert_eq!(one.report.source, ReportSource::Arf);
        assert!(matches!(one.report.kind, ReportKind::Complained | ReportKind::NotSpam | ReportKind::Other));
    }
    let status = read(&[b"Content-Type: message/delivery-status\n\n", body].concat());
    assert!(status.reports.iter().all(|one| one.report.kind != ReportKind::Complained));
});
