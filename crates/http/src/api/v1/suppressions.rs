//! `/v1/suppressions`: whom not to write to any more, and why.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Request, StatusCode, header};
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::problem::FieldError;
use postrider_core::domain::suppression::{Suppression, SuppressionReason};
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{BATCH_BYTES_MAX, LABEL_CHARS_MAX, PAGE_MAX, SUPPRESSIONS_PAGE_MAX};
use postrider_core::ports::feedback::{ElsewhereError, NewSuppression, SuppressionPage, SuppressionQuery};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::suppressions_csv::{self, InvalidRow, Row};
use crate::Problem;
use crate::body::{self, Received};
use crate::extract::{Path, Query};
use crate::problem::RETRY_AFTER_SECS;
use crate::state::Api;

const DEFAULT_LIMIT: usize = 20;
/// Who put an entry on the list, if whoever asks does not say.
const SOURCE_API: &str = "api";
/// The same for a file.
const SOURCE_IMPORT: &str = "import";
/// Rows of an import that are on their way to the ledger together.
const IMPORTED_AT_ONCE: usize = 256;

/// One entry of the suppression list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Suppression)]
pub struct SuppressionView {
    /// The address; null once the person was erased.
    address: Option<String>,
    /// `hard_bounce`, `complaint`, `soft_bounces`, `unsubscribed` or `manual`.
    reason: &'static str,
    /// Who says so: `ses`, `dsn`, `arf`, `smtp`, `api`, `import`, …
    source: String,
    /// The category of mail it holds for; null means all.
    category: Option<String>,
    /// Since when; RFC 3339.
    since: String,
    /// Until when; null means for good.
    expires_at: Option<String>,
}

impl From<&Suppression> for SuppressionView {
    fn from(entry: &Suppression) -> Self {
        Self {
            address: entry.address.as_ref().map(|address| address.as_str().to_owned()),
            reason: entry.reason.as_str(),
            source: entry.source.clone(),
            category: entry.category.clone(),
            since: entry.since.to_string(),
            expires_at: entry.expires_at.map(|at| at.to_string()),
        }
    }
}

/// One page of the list, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuppressionList {
    /// The entries.
    data: Vec<SuppressionView>,
    /// Whether there are more.
    has_more: bool,
    /// What to give as `after` for the next page.
    next: Option<String>,
}

/// What is known about one address.
#[derive(Serialize, ToSchema)]
pub struct SuppressionOfAddress {
    /// The entry that outweighs the others.
    #[serde(flatten)]
    first: SuppressionView,
    /// Entries for single categories, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<SuppressionView>,
}

/// What to put on the list. Everything may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PutSuppression {
    /// Why; `manual` if left out.
    pub(super) reason: Option<String>,
    /// Who says so; `api` if left out.
    pub(super) source: Option<String>,
    /// For which category of mail; all if left out.
    pub(super) category: Option<String>,
    /// Since when (RFC 3339); now if left out.
    pub(super) since: Option<String>,
    /// Until when (RFC 3339); for good if left out.
    pub(super) expires_at: Option<String>,
}

/// What an import came to.
#[derive(Serialize, ToSchema)]
pub struct SuppressionsImported {
    /// Rows that are on the list now.
    imported: usize,
    /// Rows that are not.
    failed: Vec<RowProblem>,
}

/// One row that could not be imported.
#[derive(Serialize, ToSchema)]
pub struct RowProblem {
    /// Its line in the file, from 1.
    line: u64,
    /// What is wrong with it.
    message: String,
}

/// Lists the suppression list, newest first; the whole of it as CSV with `format=csv`.
#[utoipa::path(get, path = "/v1/suppressions", tag = "suppressions",
    params(("reason" = Option<String>, Query, description = "Only entries with this reason."),
           ("format" = Option<String>, Query, description = "`csv`: the whole list, one row an entry, safe to open in a spreadsheet."),
           ("limit" = Option<usize>, Query, description = "1 to 100, 20 if not given."),
           ("after" = Option<String>, Query, description = "The `next` of the page before.")),
    responses((status = 200, description = "One page, or everything as CSV.", body = SuppressionList),
              (status = 400, description = "A parameter is wrong.", body = crate::ProblemBody)))]
pub async fn list(
    State(api): State<Api>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let mut query = SuppressionQuery { limit: DEFAULT_LIMIT, ..SuppressionQuery::default() };
    let mut as_csv = false;
    for (name, value) in pairs {
        let wrong = |message: String| Problem::invalid_parameter(&name, message);
        match name.as_str() {
            "reason" => query.reason = Some(value.parse().map_err(|error| wrong(format!("{error}")))?),
            "format" if value == "csv" => as_csv = true,
            "format" if value == "json" => as_csv = false,
            "format" => return Err(wrong("must be json or csv".to_owned())),
            "after" => {
                let after =
                    value.parse().map_err(|_| wrong("must be the `next` of a page before".to_owned()))?;
                query.after = Some(after);
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=PAGE_MAX).contains(limit));
                query.limit = limit.ok_or_else(|| wrong(format!("must be a number from 1 to {PAGE_MAX}")))?;
            }
            _ => {
                return Err(wrong(
                    "is not known here; it must be one of reason, format, limit, after".to_owned(),
                ));
            }
        }
    }
    if as_csv {
        return Ok(export(api, query));
    }
    let SuppressionPage { entries, next } = api.ledger.list_suppressions(query, api.clock.now()).await?;
    let data = entries.iter().map(SuppressionView::from).collect();
    Ok(Json(SuppressionList { data, has_more: next.is_some(), next: next.map(|next| next.to_string()) })
        .into_response())
}

/// The whole list, a page at a time, so that its length is nobody's memory.
fn export(api: Api, mut query: SuppressionQuery) -> Response {
    query.limit = SUPPRESSIONS_PAGE_MAX;
    let pages = futures_util::stream::try_unfold(Some((query, true)), move |state| {
        let api = api.clone();
        async move {
            let Some((query, is_first)) = state else { return Ok(None) };
            let page = api.ledger.list_suppressions(query, api.clock.now()).await?;
            let rows = suppressions_csv::write(&page.entries, is_first);
            let next = page.next.map(|after| (SuppressionQuery { after: Some(after), ..query }, false));
            Ok::<_, postrider_core::ports::ledger::LedgerError>(Some((rows, next)))
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"suppressions.csv\""),
    ];
    (headers, Body::from_stream(pages)).into_response()
}

/// Puts every row of a CSV file on the list. One bad row does not spoil the others.
#[utoipa::path(post, path = "/v1/suppressions", tag = "suppressions",
    request_body(content = String, content_type = "text/csv",
        description = "Columns by name in the first row: `address`, and optionally `reason`, `source`, `category`, `since`, `expires_at`."),
    responses((status = 200, description = "Which rows are on the list now, and which are not.", body = SuppressionsImported),
              (status = 413, description = "Larger than 8 MiB.", body = crate::ProblemBody),
              (status = 415, description = "Not `text/csv`.", body = crate::ProblemBody),
              (status = 422, description = "No column `address`.", body = crate::ProblemBody)))]
pub async fn import(
    State(api): State<Api>,
    request: Request<Body>,
) -> Result<Json<SuppressionsImported>, Problem> {
    let (head, body) = request.into_parts();
    if !is_csv(&head.headers) {
        let detail = "the list is imported as CSV: send Content-Type text/csv";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    }
    let Received { bytes, room: _room } = body::read(&api, body, BATCH_BYTES_MAX).await?;
    let rows = suppressions_csv::read(&bytes)
        .map_err(|message| Problem::invalid("invalid_csv", vec![FieldError::new("", message)]))?;
    let mut answer = SuppressionsImported { imported: 0, failed: Vec::new() };
    let now = api.clock.now();
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        // Together they cost the ledger one sync of the disk, not one each.
        let group: Vec<_> = rows.by_ref().take(IMPORTED_AT_ONCE).collect();
        let steps = group.into_iter().map(|row| import_row(&api, row, now));
        for result in futures_util::future::join_all(steps).await {
            match result? {
                Ok(()) => answer.imported += 1,
                Err(InvalidRow { line, message }) => answer.failed.push(RowProblem { line, message }),
            }
        }
    }
    Ok(Json(answer))
}

async fn import_row(
    api: &Api,
    row: Result<Row, InvalidRow>,
    now: Timestamp,
) -> Result<Result<(), InvalidRow>, Problem> {
    let Row { line, address, put } = match row {
        Ok(row) => row,
        Err(invalid) => return Ok(Err(invalid)),
    };
    match new_entry(&address, put, SOURCE_IMPORT, now) {
        Ok(entry) => {
            api.ledger.suppress(entry).await?;
            Ok(Ok(()))
        }
        Err(errors) => {
            let words = errors
                .iter()
                .map(|error| format!("{} {}", error.pointer.trim_start_matches('/'), error.message));
            Ok(Err(InvalidRow { line, message: words.collect::<Vec<_>>().join("; ") }))
        }
    }
}

fn is_csv(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("text/csv"))
}

/// Tells why an address gets no mail.
#[utoipa::path(get, path = "/v1/suppressions/{address}", tag = "suppressions",
    params(("address" = String, Path, description = "The address, however it is spelt.")),
    responses((status = 200, description = "It is on the list.", body = SuppressionOfAddress),
              (status = 404, description = "It is not.", body = crate::ProblemBody)))]
pub async fn show(
    State(api): State<Api>,
    Path(address): Path<String>,
) -> Result<Json<SuppressionOfAddress>, Problem> {
    let address = parse_address(&address)?;
    let entries = api.ledger.suppressions_of(address, api.clock.now()).await?;
    let mut views = entries.iter().map(SuppressionView::from);
    let Some(first) = views.next() else { return Err(not_suppressed()) };
    Ok(Json(SuppressionOfAddress { first, others: views.collect() }))
}

/// Puts an address on the list. Where it is there already, the graver reason stays.
#[utoipa::path(put, path = "/v1/suppressions/{address}", tag = "suppressions", request_body = PutSuppression,
    params(("address" = String, Path, description = "The address, however it is spelt.")),
    responses((status = 200, description = "What stands on the list now.", body = SuppressionView),
              (status = 422, description = "The address or a field is wrong.", body = crate::ProblemBody)))]
pub async fn put(
    State(api): State<Api>,
    Path(address): Path<String>,
    request: Request<Body>,
) -> Result<Json<SuppressionView>, Problem> {
    let (head, body) = request.into_parts();
    let Received { bytes, room: _room } = body::read(&api, body, api.request_limit_bytes).await?;
    let value = if bytes.is_empty() {
        Value::Object(Map::new())
    } else {
        body::media_type(&head.headers)?;
        body::json(&bytes)?
    };
    let invalid = |errors| Problem::invalid("invalid_suppression", errors);
    let put: PutSuppression = serde_json::from_value(value)
        .map_err(|error| invalid(vec![FieldError::new("", error.to_string())]))?;
    let entry = new_entry(&address, put, SOURCE_API, api.clock.now()).map_err(invalid)?;
    let stands = api.ledger.suppress(entry).await?;
    Ok(Json(SuppressionView::from(&stands)))
}

/// Takes an address off the list, for every category. What was suppressed meanwhile is not sent by itself: `retry` it.
#[utoipa::path(delete, path = "/v1/suppressions/{address}", tag = "suppressions",
    params(("address" = String, Path, description = "The address, however it is spelt.")),
    responses((status = 204, description = "It is off the list."),
              (status = 404, description = "It was not on it.", body = crate::ProblemBody),
              (status = 503, description = "`list_elsewhere_unavailable`: the mail service's own list did not let it go. Repeating is safe.", body = crate::ProblemBody)))]
pub async fn delete(State(api): State<Api>, Path(address): Path<String>) -> Result<StatusCode, Problem> {
    let address = parse_address(&address)?;
    // Theirs first: an address that is off ours alone gets no mail all the same, and may come back from theirs.
    if let Some(elsewhere) = &api.list_elsewhere {
        elsewhere.remove(&address).await.map_err(|error| not_let_go(&error))?;
    }
    match api.ledger.unsuppress(address).await? {
        0 => Err(not_suppressed()),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

pub(super) fn parse_address(text: &str) -> Result<EmailAddress, Problem> {
    let wrong =
        |message: String| Problem::invalid("invalid_address", vec![FieldError::new("/address", message)]);
    EmailAddress::parse(text).map_err(|error| wrong(error.to_string()))
}

fn not_let_go(error: &ElsewhereError) -> Problem {
    let detail = format!("{error}; nothing was changed here. Repeating is safe");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "list_elsewhere_unavailable", detail)
        .retry_after(RETRY_AFTER_SECS)
}

fn not_suppressed() -> Problem {
    Problem::not_found("suppression_not_found", "this address is not on the suppression list")
}

/// Reads an entry, naming every wrong field.
fn new_entry(
    address: &str,
    put: PutSuppression,
    source: &str,
    now: Timestamp,
) -> Result<NewSuppression, Vec<FieldError>> {
    let mut errors = Vec::new();
    let address = EmailAddress::parse(address)
        .map_err(|error| errors.push(FieldError::new("/address", error.to_string())))
        .ok();
    let reason = match put.reason.as_deref().map(str::parse::<SuppressionReason>) {
        None => SuppressionReason::Manual,
        Some(Ok(reason)) => reason,
        Some(Err(error)) => {
            errors.push(FieldError::new("/reason", error.to_string()));
            SuppressionReason::Manual
        }
    };
    let mut label = |name: &str, value: Option<String>| {
        let value = value.filter(|text| !text.is_empty());
        let is_bad =
            |text: &String| text.chars().count() > LABEL_CHARS_MAX || text.chars().any(char::is_control);
        if value.as_ref().is_some_and(is_bad) {
            let message = format!("must have at most {LABEL_CHARS_MAX} characters and no control characters");
            errors.push(FieldError::new(format!("/{name}"), message));
        }
        value
    };
    let source = label("source", put.source).unwrap_or_else(|| source.to_owned());
    let category = label("category", put.category);
    let mut instant = |name: &str, value: Option<String>| {
        let parsed = value.map(|text| text.parse::<Timestamp>()).transpose();
        parsed.unwrap_or_else(|error| {
            errors.push(FieldError::new(format!("/{name}"), error.to_string()));
            None
        })
    };
    let since = instant("since", put.since).unwrap_or(now);
    let expires_at = instant("expiresAt", put.expires_at);
    match address {
        Some(address) if errors.is_empty() => {
            Ok(NewSuppression { address, category, reason, source, since, expires_at, now })
        }
        _ => Err(errors),
    }
}
