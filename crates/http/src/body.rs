//! Reads a request body within bounds of size and time, and all of them together within a bound of memory.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use postrider_core::domain::document::{InvalidDocument, parse_json, parse_syntax};
use postrider_core::limits::{HTTP_BODIES_BYTES_MAX, HTTP_BODIES_WAIT_MS_MAX, HTTP_BODY_TIMEOUT_MS};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Problem;
use crate::state::Api;

/// The forms a JSON request may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `application/json`.
    Json,
    /// `application/cloudevents+json`.
    CloudEvent,
    /// `application/cloudevents-batch+json`.
    CloudEventBatch,
}

/// The media type of the request, or 415.
pub fn media_type(headers: &HeaderMap) -> Result<MediaType, Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = given.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let charset_is_utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    match essence.as_str() {
        "application/json" if charset_is_utf8 => Ok(MediaType::Json),
        "application/cloudevents+json" if charset_is_utf8 => Ok(MediaType::CloudEvent),
        "application/cloudevents-batch+json" if charset_is_utf8 => Ok(MediaType::CloudEventBatch),
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "the body must be JSON in UTF-8: send Content-Type application/json, application/cloudevents+json \
             or application/cloudevents-batch+json",
        )),
    }
}

/// Room for the bodies of all running requests together: [`HTTP_BODIES_BYTES_MAX`] bytes.
#[derive(Clone, Debug)]
pub struct BodyRoom(Arc<Semaphore>);

impl Default for BodyRoom {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(HTTP_BODIES_BYTES_MAX)))
    }
}

impl BodyRoom {
    /// Room for `bytes` in all.
    #[must_use]
    pub fn of(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes)))
    }

    /// Room for `bytes`, or 503 when the requests in front leave none for too long.
    async fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let bytes = u32::try_from(bytes.min(HTTP_BODIES_BYTES_MAX)).unwrap_or(u32::MAX);
        if let Ok(room) = Arc::clone(&self.0).try_acquire_many_owned(bytes) {
            return Ok(room);
        }
        let waiting = Arc::clone(&self.0).acquire_many_owned(bytes);
        match tokio::time::timeout(Duration::from_millis(HTTP_BODIES_WAIT_MS_MAX), waiting).await {
            Ok(Ok(room)) => Ok(room),
            _ => Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too_many_bodies",
                "the server has as many request bodies in hand as it can hold; nothing of this one was read. Send the \
                 same request again in a moment, and fewer at the same time",
            )
            .retry_after(1)),
        }
    }
}

/// A whole body, and its share of the room for bodies: to be kept as long as anything made of the body is.
#[derive(Debug)]
pub struct Received {
    /// The body.
    pub bytes: Bytes,
    /// Given back when the request is done with.
    pub room: OwnedSemaphorePermit,
}

/// The whole body, or 413 beyond `limit` bytes, or 408 when the client is too slow.
pub async fn read(api: &Api, body: Body, limit: usize) -> Result<Received, Problem> {
    read_within(&api.body_room, body, limit).await
}

/// The same, in a room that others do not share.
pub async fn read_within(room: &BodyRoom, body: Body, limit: usize) -> Result<Received, Problem> {
    let too_large = || {
        let detail = format!("the body is larger than {limit} bytes; nothing of it was stored");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    };
    // What the client announced, if it did.
    let announced = body.size_hint().upper().unwrap_or(limit as u64);
    let announced =
        usize::try_from(announced).ok().filter(|length| *length <= limit).ok_or_else(too_large)?;
    let room = room.take(announced).await?;
    let collecting = Limited::new(body, limit).collect();
    match tokio::time::timeout(Duration::from_millis(HTTP_BODY_TIMEOUT_MS), collecting).await {
        Ok(Ok(collected)) => Ok(Received { bytes: collected.to_bytes(), room }),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::bad_request("incomplete_body", "the connection broke inside the body")),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_timeout",
            "the body took too long to arrive; nothing of it was stored",
        )),
    }
}

/// The body as JSON, read strictly: 400 for what is not JSON, 422 for values no request may carry.
pub fn json(bytes: &[u8]) -> Result<Value, Problem> {
    parse_json(bytes).map_err(refusal)
}

/// The body as JSON whose values whoever takes it apart checks part by part; 400 for what is not JSON.
pub fn syntax(bytes: &[u8]) -> Result<Value, Problem> {
    parse_syntax(bytes).map_err(refusal)
}

fn refusal(error: InvalidDocument) -> Problem {
    match error {
        InvalidDocument::Syntax(_) => Problem::bad_request("invalid_json", error.to_string()),
        InvalidDocument::Values(errors) => Problem::invalid("invalid_event", errors),
    }
}
