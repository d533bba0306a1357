//! `Idempotency-Key`: the same request gets the same answer, another request under the same key gets 422, a request
//! that is still running gets 409.
//!
//! A running key is remembered in this process only and forgotten when its request ends, however it ends: a crash
//! leaves no key locked. Answers are remembered in the ledger.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use postrider_core::domain::document::Fingerprint;
use postrider_core::limits::IDEMPOTENCY_KEY_CHARS_MAX;
use postrider_core::ports::ledger::RememberedAnswer;

use crate::Problem;
use crate::state::Api;

const HEADER: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The keys of requests that are running in this process.
#[derive(Clone, Debug, Default)]
pub struct RunningKeys(Arc<Mutex<HashSet<Fingerprint>>>);

/// Holds a key until its request has ended.
#[derive(Debug)]
pub struct RunningKey {
    keys: RunningKeys,
    key: Fingerprint,
}

impl Drop for RunningKey {
    fn drop(&mut self) {
        self.keys.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// One request's use of its key.
#[derive(Debug)]
pub struct KeyedRequest {
    /// Of the key.
    pub key: Fingerprint,
    /// Of the request.
    pub request: Fingerprint,
    _running: RunningKey,
}

/// Reads the request's key, if it has one, and marks it as running. `parts` identify the request besides its path:
/// the fingerprint of its body, for one.
pub fn begin(api: &Api, headers: &HeaderMap, parts: &[&[u8]]) -> Result<Option<KeyedRequest>, Problem> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    let text = value.to_str().ok().map(str::trim).filter(|text| !text.is_empty());
    let text = text.filter(|text| text.chars().count() <= IDEMPOTENCY_KEY_CHARS_MAX);
    let Some(text) = text else {
        let detail =
            format!("Idempotency-Key must have 1 to {IDEMPOTENCY_KEY_CHARS_MAX} printable ASCII characters");
        return Err(Problem::bad_request("invalid_idempotency_key", detail));
    };
    let key = Fingerprint::of_parts(&[b"idempotency-key", text.as_bytes()]);
    let newly = api.running_keys.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
    if !newly {
        let detail = "a request with this Idempotency-Key is still running; repeat it to get its answer";
        return Err(Problem::new(StatusCode::CONFLICT, "idempotency_key_in_use", detail).retry_after(1));
    }
    let running = RunningKey { keys: api.running_keys.clone(), key };
    Ok(Some(KeyedRequest { key, request: Fingerprint::of_parts(parts), _running: running }))
}

/// Runs `work` at most once per key and remembers its answer. For requests whose effect is harmless to repeat;
/// accepting an event stores answer and effect in one step instead.
pub async fn once(
    api: &Api,
    keyed: Option<KeyedRequest>,
    work: impl Future<Output = Result<RememberedAnswer, Problem>>,
) -> Result<Response, Problem> {
    let Some(keyed) = keyed else { return Ok(answer(work.await?)) };
    if let Some((request, remembered)) = api.ledger.recall_answer(keyed.key).await? {
        return if request == keyed.request { Ok(replay(remembered)) } else { Err(reused()) };
    }
    let fresh = work.await?;
    api.ledger.remember_answer(keyed.key, keyed.request, fresh.clone(), api.clock.now()).await?;
    Ok(answer(fresh))
}

/// 422: the key belongs to another request.
pub fn reused() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency_key_reused",
        "this Idempotency-Key was used for a different request; nothing was done. Use a new key for a new request.",
    )
}

/// An answer given for the first time.
pub fn answer(answer: RememberedAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let content_type = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (status, [content_type], answer.body).into_response()
}

/// An answer given again.
pub fn replay(remembered: RememberedAnswer) -> Response {
    let mut response = answer(remembered);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
