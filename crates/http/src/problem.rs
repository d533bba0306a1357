//! Errors as `application/problem+json` (RFC 9457) with a stable `code`.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use postrider_core::domain::problem::FieldError;
use postrider_core::limits::FIELD_ERRORS_MAX;
use postrider_core::ports::ledger::LedgerError;
use serde::Serialize;
use utoipa::ToSchema;

/// Seconds a client is asked to wait before it repeats what the ledger could not take.
pub(crate) const RETRY_AFTER_SECS: u16 = 2;

/// An error on its way to the client.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    retry_after_secs: Option<u16>,
}

/// The body of every error answer.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `about:blank`: what kind of problem it is, `code` says.
    #[schema(rename = "type")]
    #[serde(rename = "type")]
    problem_type: &'static str,
    /// The HTTP status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// Stable and for programs: `invalid_event`, `business_key_conflict`, …
    code: &'static str,
    /// For people: what happened, to what, what it means and what to do.
    detail: String,
    /// Every wrong field, for 400 and 422.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ProblemField>,
}

/// One wrong field.
#[derive(Serialize, ToSchema)]
pub struct ProblemField {
    /// JSON Pointer (RFC 6901) into the request body; the name of a `ce-` header or query parameter after a slash where
    /// the value came that way.
    pointer: String,
    /// What is wrong with it.
    message: String,
}

impl Problem {
    /// An error with its status, its code and words for a person.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), retry_after_secs: None }
    }

    /// 400: the request cannot be read.
    #[must_use]
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 422: the request can be read, but these fields are wrong.
    #[must_use]
    pub fn invalid(code: &'static str, mut errors: Vec<FieldError>) -> Self {
        errors.truncate(FIELD_ERRORS_MAX);
        let detail = match errors.as_slice() {
            [] => "the request is not acceptable".to_owned(),
            [only] => describe(only),
            [first, rest @ ..] => format!("{} (and {} more)", describe(first), rest.len()),
        };
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail) }
    }

    /// 400: a query parameter is wrong.
    #[must_use]
    pub fn invalid_parameter(name: &str, message: impl Into<String>) -> Self {
        let error = FieldError::new(format!("/{name}"), message);
        let detail = format!("the query parameter {name} {}", error.message);
        Self { errors: vec![error], ..Self::bad_request("invalid_parameter", detail) }
    }

    /// 404: there is no such thing, or not for this client.
    #[must_use]
    pub fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// Asks the client to wait before it tries again.
    #[must_use]
    pub fn retry_after(mut self, secs: u16) -> Self {
        self.retry_after_secs = Some(secs);
        self
    }

    /// Names only the first wrong field.
    pub fn forget_all_but_the_first_error(&mut self) {
        self.errors.truncate(1);
    }

    /// Roughly how many bytes its wrong fields take.
    #[must_use]
    pub fn errors_bytes(&self) -> usize {
        self.errors.iter().map(|error| error.pointer.len() + error.message.len()).sum()
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Where the wrong fields are, as JSON Pointers.
    pub fn pointers(&self) -> impl Iterator<Item = &str> {
        self.errors.iter().map(|error| error.pointer.as_str())
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body as JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        let fields = self
            .errors
            .iter()
            .map(|e| ProblemField { pointer: e.pointer.clone(), message: e.message.clone() });
        let body = ProblemBody {
            problem_type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail.clone(),
            errors: fields.collect(),
        };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

fn describe(error: &FieldError) -> String {
    if error.pointer.is_empty() {
        format!("the body {}", error.message)
    } else {
        format!("{} {}", error.pointer, error.message)
    }
}

impl From<LedgerError> for Problem {
    /// 503: nothing was acknowledged; the same request may be sent again.
    fn from(error: LedgerError) -> Self {
        tracing::error!(error = %error, "the ledger refused a step");
        let then = match &error {
            LedgerError::Unavailable { .. } => "Nothing was stored; send the same request again.",
            // A write whose fate is uncertain is one of the reasons.
            LedgerError::Fatal { .. } => {
                "It may have been stored all the same. Send the same request again when the server is back: what is \
                 there is found, nothing is sent twice."
            }
        };
        let detail = format!("{error}. {then}");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ledger_unavailable", detail).retry_after(RETRY_AFTER_SECS)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.to_json()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(secs) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}
