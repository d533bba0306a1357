//! Any bytes as an SES event, bare and as the body of an SQS message.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postrider_aws::ses_event::read;
use postrider_aws::sqs::ses_event_of_sqs_body;
use postrider_core::limits::SES_RECIPIENTS_MAX;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(event) = read(bytes) {
        assert!(event.reports.len() <= SES_RECIPIENTS_MAX && event.references.len() <= 4);
        assert_eq!(read(bytes).as_ref(), Ok(&event), "the same bytes say the same");
    }
    if let Ok(body) = std::str::from_utf8(bytes) {
        let _ = ses_event_of_sqs_body(body);
    }
});
