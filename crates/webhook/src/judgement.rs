//! What a receiver's answer means, by its status alone.

use http::header::RETRY_AFTER;
use postrider_core::domain::outcome::Cause;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::WEBHOOK_RETRY_AFTER_MS_MAX;

use crate::client::{Answer, OutboundError};

/// What to do after a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The receiver has it.
    Delivered,
    /// The receiver wants nothing any more (410): the endpoint is to be disabled.
    Gone,
    /// It did not take it.
    Failed {
        /// The stable name of why: `http_503`, `timed_out`, `address_blocked`.
        cause: Cause,
        /// How long it asks to be left alone, at most [`WEBHOOK_RETRY_AFTER_MS_MAX`].
        retry_after_ms: Option<u64>,
    },
}

/// Judges a call that ended at `now`. A redirect is a failure: it was not followed, and nothing was taken.
#[must_use]
pub fn judge(called: &Result<Answer, OutboundError>, now: Timestamp) -> Judgement {
    let answer = match called {
        Ok(answer) => answer,
        Err(error) => return Judgement::Failed { cause: error.cause(), retry_after_ms: None },
    };
    match answer.status.as_u16() {
        200..=299 => Judgement::Delivered,
        410 => Judgement::Gone,
        status => Judgement::Failed {
            cause: Cause::from_codes(&format!("http_{status}")),
            retry_after_ms: if matches!(status, 429 | 503) { retry_after_ms(answer, now) } else { None },
        },
    }
}

/// `Retry-After` in either form (RFC 9110 §10.2.3): seconds or a date.
fn retry_after_ms(answer: &Answer, now: Timestamp) -> Option<u64> {
    let value = answer.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait_ms = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // What no integer holds is too long in any case.
        value.parse().unwrap_or(u64::MAX).saturating_mul(1_000)
    } else {
        let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
        Timestamp::from_millis(at.as_millisecond()).ms_since(now)
    };
    Some(wait_ms.min(WEBHOOK_RETRY_AFTER_MS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue, StatusCode};

    const NOW: i64 = 784_111_777_000;

    fn answer(status: u16, retry_after: Option<&str>) -> Result<Answer, OutboundError> {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_str(value).expect("a header value"));
        }
        let status = StatusCode::from_u16(status).expect("a status");
        Ok(Answer { status, headers, body: Vec::new(), is_whole: true })
    }

    fn judged(status: u16, retry_after: Option<&str>) -> Judgement {
        judge(&answer(status, retry_after), Timestamp::from_millis(NOW))
    }

    fn failed(cause: &str, retry_after_ms: Option<u64>) -> Judgement {
        Judgement::Failed { cause: Cause::from_codes(cause), retry_after_ms }
    }

    #[test]
    fn the_status_decides() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(judged(status, None), Judgement::Delivered, "{status}");
        }
        assert_eq!(judged(410, None), Judgement::Gone);
        for status in [301, 302, 303, 307, 308, 400, 401, 404, 408, 429, 500, 502, 503] {
            assert_eq!(judged(status, None), failed(&format!("http_{status}"), None), "{status}");
        }
    }

    #[test]
    fn only_who_is_overloaded_may_ask_for_time_and_not_for_ever() {
        let max = Some(WEBHOOK_RETRY_AFTER_MS_MAX);
        for (value, wait) in [
            ("120", Some(120_000)),
            (" 0 ", Some(0)),
            ("99999999999", max),
            ("99999999999999999999999", max),
            ("Sun, 06 Nov 1994 08:51:37 GMT", Some(2 * 60_000)),
            ("Sun, 06 Nov 1994 08:49:36 GMT", Some(0)),
            ("Sat, 06 Nov 2094 08:49:37 GMT", max),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            for status in [429, 503] {
                assert_eq!(judged(status, Some(value)), failed(&format!("http_{status}"), wait), "{value:?}");
            }
            assert_eq!(judged(500, Some(value)), failed("http_500", None), "{value:?}");
        }
    }

    #[test]
    fn a_call_without_an_answer_failed() {
        let judged = judge(&Err(OutboundError::TimedOut), Timestamp::EPOCH);
        assert_eq!(judged, failed("timed_out", None));
    }
}
