//! The pages.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use mail_parser::MessageParser;
use minijinja::value::Serde;
use minijinja::{Value, context};
use postrider_core::domain::status::Status;
use postrider_core::ports::ledger::ListQuery;
use postrider_mail::types::Sandbox;
use serde::Deserialize;

use super::page;
use crate::Problem;
use crate::access::Caller;
use crate::api::v1::message::original;
use crate::api::v1::view::NotificationView;
use crate::extract::{Path, Query};
use crate::state::Api;

const ROWS: usize = 50;

/// What the overview's form asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct OverviewFilter {
    order: String,
    status: String,
    after: String,
}

/// The latest notifications, or those of one order.
pub async fn overview(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Query(filter): Query<OverviewFilter>,
) -> Result<Response, Problem> {
    let order = filter.order.trim();
    let query = ListQuery {
        order_id: (!order.is_empty()).then(|| order.to_owned()),
        statuses: filter.status.parse::<Status>().into_iter().collect(),
        after: filter.after.parse().ok(),
        limit: ROWS,
        ..ListQuery::default()
    };
    let listed = api.ledger.list(query).await?;
    let queue = api.ledger.queue_stats(api.clock.now()).await?;
    let open: Vec<_> =
        queue.counts.iter().filter(|(_, count)| *count > 0).map(|(s, n)| (s.as_str(), *n)).collect();
    let rows: Vec<_> = listed.notifications.iter().map(NotificationView::from).collect();
    let statuses: Vec<_> = Status::ALL.iter().map(|status| status.as_str()).collect();
    let next = listed.next.map(|id| id.to_string());
    let context = context! {
        order => order, status => filter.status, statuses => statuses,
        rows => Value::from(Serde(rows)), open => Value::from(Serde(open)), next => next, sandbox => sandbox(&api), keyless => caller == Caller::Anybody,
    };
    Ok(page::render("overview", StatusCode::OK, context))
}

/// One notification with its timeline and its message.
pub async fn notification(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let record = match id.parse() {
        Ok(id) => api.ledger.find(id).await?,
        Err(_) => None,
    };
    let Some(record) = record else {
        return Ok(page::render(
            "missing",
            StatusCode::NOT_FOUND,
            context! { id => id, sandbox => sandbox(&api), keyless => caller == Caller::Anybody },
        ));
    };
    let subject = match original(&api, record.notification.id).await {
        Ok(message) => {
            MessageParser::default().parse(&message).and_then(|parsed| parsed.subject().map(str::to_owned))
        }
        Err(_) => None,
    };
    let view = NotificationView::from(&record);
    Ok(page::render(
        "notification",
        StatusCode::OK,
        context! { it => Value::from(Serde(view)), subject => subject, sandbox => sandbox(&api), keyless => caller == Caller::Anybody },
    ))
}

/// The HTML part of a notification's message, for the frame on its page.
pub async fn message_html(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, Problem> {
    let id = crate::api::v1::parse_id(&id)?;
    let message = original(&api, id).await?;
    let html = MessageParser::default()
        .parse(&message)
        .and_then(|parsed| parsed.body_html(0).map(std::borrow::Cow::into_owned));
    Ok(page::message(html.unwrap_or_else(|| "This message has no HTML part.".to_owned())))
}

/// What keeps messages from whom they are meant for, for the top of every page.
fn sandbox(api: &Api) -> Option<String> {
    api.types.current().sandbox().map(Sandbox::describe)
}
