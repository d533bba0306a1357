//! `GET /v1/notifications`: where is the mail for order 1042?

use axum::Json;
use axum::extract::State;
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::status::Status;
use postrider_core::limits::PAGE_MAX;
use postrider_core::ports::ledger::{ListQuery, NotificationPage};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::NotificationView;
use super::{no_such_notification, parse_id};
use crate::Problem;
use crate::extract::{Path, Query};
use crate::state::Api;

const DEFAULT_LIMIT: usize = 20;

/// One page of notifications, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationList {
    /// The notifications. May be fewer than `limit` while `hasMore` is true.
    pub data: Vec<NotificationView>,
    /// Whether there is more to look at.
    pub has_more: bool,
    /// What to give as `after` for the next page.
    pub next: Option<String>,
}

impl From<NotificationPage> for NotificationList {
    fn from(page: NotificationPage) -> Self {
        Self {
            data: page.notifications.iter().map(NotificationView::from).collect(),
            has_more: page.next.is_some(),
            next: page.next.map(|id| id.to_string()),
        }
    }
}

/// Reads the listing's parameters; a name that is not one is an error, because a filter that is ignored lies.
pub fn list_query(pairs: Vec<(String, String)>) -> Result<ListQuery, Problem> {
    let mut query = ListQuery { limit: DEFAULT_LIMIT, ..ListQuery::default() };
    for (name, value) in pairs {
        let wrong = |error: &dyn std::fmt::Display| Problem::invalid_parameter(&name, error.to_string());
        match name.as_str() {
            "orderId" => query.order_id = Some(value),
            "to" => query.to = Some(EmailAddress::parse(&value).map_err(|error| wrong(&error))?),
            "type" => query.notification_type = Some(value),
            "status" => {
                for status in value.split(',') {
                    query.statuses.push(status.parse::<Status>().map_err(|error| wrong(&error))?);
                }
            }
            "since" => query.since = Some(value.parse().map_err(|error| wrong(&error))?),
            "until" => query.until = Some(value.parse().map_err(|error| wrong(&error))?),
            "after" => {
                let after = value.parse().map_err(|_| wrong(&"must be the `next` of a page before"))?;
                query.after = Some(after);
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=PAGE_MAX).contains(limit));
                query.limit =
                    limit.ok_or_else(|| wrong(&format!("must be a number from 1 to {PAGE_MAX}")))?;
            }
            _ => {
                let known = "must be one of orderId, to, type, status, since, until, limit, after";
                return Err(Problem::invalid_parameter(&name, format!("is not known here; it {known}")));
            }
        }
    }
    Ok(query)
}

/// Lists notifications, newest first.
#[utoipa::path(get, path = "/v1/notifications", tag = "notifications",
    params(("orderId" = Option<String>, Query, description = "About this order."),
           ("to" = Option<String>, Query, description = "To this address, however it is spelt."),
           ("type" = Option<String>, Query, description = "Of this notification type."),
           ("status" = Option<String>, Query, description = "In this status; several separated by commas."),
           ("since" = Option<String>, Query, description = "Accepted at or after this instant (RFC 3339)."),
           ("until" = Option<String>, Query, description = "Accepted before this instant (RFC 3339)."),
           ("limit" = Option<usize>, Query, description = "1 to 100, 20 if not given."),
           ("after" = Option<String>, Query, description = "The `next` of the page before.")),
    responses((status = 200, description = "One page.", body = NotificationList),
              (status = 400, description = "A parameter is wrong.", body = crate::ProblemBody)))]
pub async fn list(
    State(api): State<Api>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Json<NotificationList>, Problem> {
    let page = api.ledger.list(list_query(pairs)?).await?;
    Ok(Json(page.into()))
}

/// Shows one notification with its timeline.
#[utoipa::path(get, path = "/v1/notifications/{id}", tag = "notifications",
    params(("id" = String, Path, description = "`ntf_…`")),
    responses((status = 200, description = "The notification with its timeline.", body = NotificationView),
              (status = 404, description = "There is none.", body = crate::ProblemBody)))]
pub async fn show(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<NotificationView>, Problem> {
    let record = api.ledger.find(parse_id(&id)?).await?.ok_or_else(|| no_such_notification(&id))?;
    Ok(Json(NotificationView::from(&record)))
}
