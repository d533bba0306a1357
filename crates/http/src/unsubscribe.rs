//! `/v1/unsubscribe/{token}`: where the link in a message leads (RFC 8058).
//!
//! A mail provider posts to it when its user presses "unsubscribe". Whoever follows the link gets a page with a button:
//! scanners follow every link they see, and must not unsubscribe anybody. The signed token is all that is asked for, so
//! this path is not behind the gate. Bodies are not read: the token says everything.

use axum::extract::State;
use axum::response::{Html, IntoResponse as _, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use postrider_core::domain::notification::Notification;
use postrider_core::domain::suppression::SuppressionReason;
use postrider_core::ports::feedback::NewSuppression;
use postrider_mail::unsubscribe::Unsubscribe;

use crate::Problem;
use crate::extract::Path;
use crate::state::Api;

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Who is said to have put the entry on the list.
const SOURCE: &str = "unsubscribe";

/// Asks whether the reader wants to unsubscribe. Changes nothing.
#[utoipa::path(get, path = "/v1/unsubscribe/{token}", tag = "suppressions",
    params(("token" = String, Path, description = "As it stands in the message's link.")),
    responses((status = 200, description = "A page with a button. Nothing has changed.", content_type = "text/html"),
              (status = 404, description = "The link was not made here.", content_type = "text/html")))]
pub async fn ask(State(api): State<Api>, Path(token): Path<String>) -> Result<Response, Problem> {
    let Some(notification) = find(&api, &token).await? else { return Ok(unknown_link()) };
    let category = notification.category.as_str();
    let main = format!(
        "<h1>Unsubscribe?</h1><p>You will get no more e-mails of the kind <b>{category}</b> at the address this link was \
         sent to. E-mails about your orders still come.</p><form method=\"post\"><input type=\"hidden\" \
         name=\"List-Unsubscribe\" value=\"One-Click\"><button>Unsubscribe</button></form>"
    );
    Ok(page(StatusCode::OK, &main))
}

/// Unsubscribes the recipient of the message from its category: by one click in a mail program, or by the page's button.
#[utoipa::path(post, path = "/v1/unsubscribe/{token}", tag = "suppressions",
    params(("token" = String, Path, description = "As it stands in the message's link.")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "`List-Unsubscribe=One-Click`; not read."),
    responses((status = 200, description = "The address gets no more mail of that category. Repeating changes nothing.", content_type = "text/html"),
              (status = 404, description = "The link was not made here.", content_type = "text/html"),
              (status = 503, description = "`ledger_unavailable`.", body = crate::ProblemBody)))]
pub async fn unsubscribe(State(api): State<Api>, Path(token): Path<String>) -> Result<Response, Problem> {
    let Some(notification) = find(&api, &token).await? else { return Ok(unknown_link()) };
    let now = api.clock.now();
    let entry = NewSuppression {
        address: notification.to.clone(),
        category: Some(notification.category.as_str().to_owned()),
        reason: SuppressionReason::Unsubscribed,
        source: SOURCE.to_owned(),
        since: now,
        expires_at: None,
        now,
    };
    api.ledger.suppress(entry).await?;
    tracing::info!(notification_id = %notification.id, category = %notification.category, "a recipient unsubscribed");
    let category = notification.category.as_str();
    let main =
        format!("<h1>Unsubscribed</h1><p>No more e-mails of the kind <b>{category}</b> will come.</p>");
    Ok(page(StatusCode::OK, &main))
}

/// The notification whose link this is. Nobody can unsubscribe from what a shop must be able to tell its customers,
/// and of whom nothing is known any more nothing can be taken off.
async fn find(api: &Api, token: &str) -> Result<Option<Notification>, Problem> {
    let Some(id) = Unsubscribe::new(api.secret.clone()).verify(token) else { return Ok(None) };
    let record = api.ledger.find(id).await?;
    Ok(record
        .map(|record| record.notification)
        .filter(|found| !found.category.is_transactional() && !found.to.is_erased()))
}

fn unknown_link() -> Response {
    let main = "<h1>This link does not work</h1><p>It is not one of ours, or too old. Use the link in a newer e-mail, or \
                answer to one.</p>";
    page(StatusCode::NOT_FOUND, main)
}

/// A page for a customer. `main` holds nothing that would have to be escaped: a category is letters, digits, `-` and `_`.
fn page(status: StatusCode, main: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>Unsubscribe</title><style>:root{{color-scheme:light \
         dark}}body{{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto 0;padding:0 1rem}}\
         button{{font:inherit;padding:.6rem 1.2rem}}</style></head><body><main>{main}</main></body></html>"
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex")),
    ];
    (status, headers, Html(html)).into_response()
}
