//! What Amazon SES answers, for an [`Endpoint`](crate::http_endpoint::Endpoint).

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use crate::http_endpoint::{Answer, Script};

/// What SES answers to a message it takes.
#[must_use]
pub fn accepted() -> Answer {
    Answer::Http(200, json!({"MessageId": "0102018f3c5d7e8f-12345678-abcd-4ef0-9012-3456789abcde-000000"}))
}

/// `GetAccount` of an account in good standing.
#[must_use]
pub fn account(rate: f64, quota: f64, sent: f64) -> Answer {
    Answer::Http(
        200,
        json!({
            "SendingEnabled": true, "ProductionAccessEnabled": true, "EnforcementStatus": "HEALTHY",
            "SendQuota": {"MaxSendRate": rate, "Max24HourSend": quota, "SentLast24Hours": sent},
        }),
    )
}

/// A script for a well account, which answers each message with the next of `answers` and takes all that come after.
#[must_use]
pub fn outbound(answers: Vec<Answer>) -> Box<Script> {
    let answers = Mutex::new(VecDeque::from(answers));
    Box::new(move |_, path| match path {
        "/v2/email/account" => account(1000.0, 50_000.0, 0.0),
        "/v2/email/outbound-emails" => {
            answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front().unwrap_or_else(accepted)
        }
        _ => Answer::Http(200, json!({"VerifiedForSendingStatus": true})),
    })
}
