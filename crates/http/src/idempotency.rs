//! `Idempotency-Key`: the same request gets the same answer, another request under the same key gets 422, a request
//! that is still running gets 409.
//!
//! Each API key has its own: what one holder has asked for, and how it was answered, another neither gets nor hears of. What
//! happens once only, happens once all the same, because that is the business key's work.
//!
//! A running key is remembered in this process only and forgotten when its request ends, however it ends: a crash
//! leaves no key locked. Answers are remembered in the ledger for
//! [`IDEMPOTENCY_KEPT_MS`](postrider_core::limits::IDEMPOTENCY_KEPT_MS); after that the key is free again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use postrider_core::domain::document::Fingerprint;
use postrider_core::limits::IDEMPOTENCY_KEY_CHARS_MAX;
use postrider_core::ports::ledger::RememberedAnswer;
use serde_json::Value;

use crate::access::Caller;
use crate::state::Api;
use crate::{Problem, remembered};

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
    /// The key as it was given.
    pub text: String,
    _running: RunningKey,
}

/// Reads the request's key, if it has one, and marks it as running. `parts` identify the request besides its path:
/// the fingerprint of its body, for one.
pub fn begin(
    api: &Api,
    caller: Option<&Caller>,
    headers: &HeaderMap,
    parts: &[&[u8]],
) -> Result<Option<KeyedRequest>, Problem> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    let text = value.to_str().ok().map(str::trim).filter(|text| !text.is_empty());
    let text = text.filter(|text| text.chars().count() <= IDEMPOTENCY_KEY_CHARS_MAX);
    let Some(text) = text else {
        let detail =
            format!("Idempotency-Key must have 1 to {IDEMPOTENCY_KEY_CHARS_MAX} printable ASCII characters");
        return Err(Problem::bad_request("invalid_idempotency_key", detail));
    };
    let key = match caller {
        Some(Caller::Key(id)) => {
            Fingerprint::of_parts(&[b"idempotency-key", text.as_bytes(), b"of", &id.to_bytes()])
        }
        _ => Fingerprint::of_parts(&[b"idempotency-key", text.as_bytes()]),
    };
    let newly = api.running_keys.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
    if !newly {
        let detail = "a request with this Idempotency-Key is still running; repeat it to get its answer";
        return Err(Problem::new(StatusCode::CONFLICT, "idempotency_key_in_use", detail).retry_after(1));
    }
    let running = RunningKey { keys: api.running_keys.clone(), key };
    Ok(Some(KeyedRequest {
        key,
        request: Fingerprint::of_parts(parts),
        text: text.to_owned(),
        _running: running,
    }))
}

/// As [`begin`], for a request that is told apart by method, path, query, CloudEvents headers and body by meaning.
pub fn begin_with_body(api: &Api, head: &Parts, body: &Value) -> Result<Option<KeyedRequest>, Problem> {
    if !head.headers.contains_key(HEADER) {
        return Ok(None);
    }
    let path = head.uri.path_and_query().map_or("", |path| path.as_str());
    let mut attributes: Vec<_> = cloud_event_attributes(&head.headers).collect();
    attributes.sort_unstable();
    let body = Fingerprint::of_json(body).to_bytes();
    let mut parts: Vec<&[u8]> = vec![head.method.as_str().as_bytes(), path.as_bytes(), &body];
    for (name, value) in attributes {
        parts.extend([name.as_bytes(), value]);
    }
    begin(api, head.extensions.get(), &head.headers, &parts)
}

/// What a request came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Its answer, also for the same request later.
    Final(RememberedAnswer),
    /// Its answer for now: some of it failed in a way that passes, so the same request later is carried out again.
    Passing(RememberedAnswer),
}

/// Runs `work` at most once per key and remembers its answer. For requests whose effect is harmless to repeat;
/// accepting an event stores answer and effect in one step instead.
///
/// What was done is always answered with its own answer. Where that cannot be remembered, because it is
/// [`Outcome::Passing`] or because the ledger cannot be written any more, the same request under the same key is carried
/// out again: events are then found by their business key (`"duplicate": true`), a notification that was queued again or
/// taken back answers 409 with its status. Nothing is sent twice for it. An error is not remembered either: its request
/// did nothing.
pub async fn once(
    api: &Api,
    keyed: Option<KeyedRequest>,
    work: impl Future<Output = Result<Outcome, Problem>>,
) -> Result<Response, Problem> {
    match once_given(api, keyed, work).await? {
        Given::First(fresh) => Ok(answer(fresh)),
        Given::Again(remembered) => replay(api, remembered).await,
    }
}

/// An answer, and whether it was given before.
#[derive(Clone, Debug)]
pub enum Given {
    /// For the first time.
    First(RememberedAnswer),
    /// As it was given before.
    Again(RememberedAnswer),
}

/// As [`once`], for answers to which something is added that is not to be remembered.
pub async fn once_given(
    api: &Api,
    keyed: Option<KeyedRequest>,
    work: impl Future<Output = Result<Outcome, Problem>>,
) -> Result<Given, Problem> {
    if let Some(keyed) = &keyed
        && let Some((request, remembered)) = api.ledger.recall_answer(keyed.key, api.clock.now()).await?
    {
        return if request == keyed.request { Ok(Given::Again(remembered)) } else { Err(reused()) };
    }
    let fresh = match work.await? {
        Outcome::Passing(fresh) => return Ok(Given::First(fresh)),
        Outcome::Final(fresh) => fresh,
    };
    if let Some(keyed) = keyed {
        let kept = remembered::without_recipients(&fresh);
        let remembering = api.ledger.remember_answer(keyed.key, keyed.request, kept, api.clock.now()).await;
        if let Err(error) = remembering {
            // The work is done and its answer true: to hide it would make the client believe that nothing happened.
            tracing::error!(%error, "an answer could not be remembered under its Idempotency-Key");
        }
    }
    Ok(Given::First(fresh))
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

/// An answer given again. The recipients it shows are looked up: none is remembered.
pub async fn replay(api: &Api, remembered: RememberedAnswer) -> Result<Response, Problem> {
    let mut response = answer(remembered::with_recipients(api, remembered).await?);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// The CloudEvents attributes among the headers, without their prefix, as they came.
pub fn cloud_event_attributes(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    headers.iter().filter_map(|(name, value)| Some((name.as_str().strip_prefix("ce-")?, value.as_bytes())))
}
