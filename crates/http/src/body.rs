//! Reads a request body within bounds of size and time.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use postrider_core::domain::document::{InvalidDocument, parse_json};
use postrider_core::limits::HTTP_BODY_TIMEOUT_MS;
use serde_json::Value;

use crate::Problem;

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

/// The whole body, or 413 beyond `limit` bytes, or 408 when the client is too slow.
pub async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = format!("the body is larger than {limit} bytes; nothing of it was read");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    };
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let collecting = Limited::new(body, limit).collect();
    match tokio::time::timeout(Duration::from_millis(HTTP_BODY_TIMEOUT_MS), collecting).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
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
    parse_json(bytes).map_err(|error| match error {
        InvalidDocument::Syntax(_) => Problem::bad_request("invalid_json", error.to_string()),
        InvalidDocument::Values(errors) => Problem::invalid("invalid_event", errors),
    })
}
