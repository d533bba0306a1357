//! `GET /v1/stats`: how many notifications came, what became of them, and the rates that follow.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use postrider_core::domain::problem::FieldError;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::STATS_PERIODS_MAX;
use postrider_core::ports::stats::{PeriodCounts, PeriodLength, Stats, StatsQuery, StatusCounts};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::Problem;
use crate::extract::Query;
use crate::state::Api;

/// Periods of a window whose beginning nobody gave, this one included: thirty days, or a week of hours.
const DEFAULT_DAYS: u64 = 30;
const DEFAULT_HOURS: u64 = 7 * 24;

/// What became of the notifications that were accepted in a window.
#[derive(Serialize, ToSchema)]
#[schema(as = Stats)]
pub struct StatsView {
    /// The window's beginning; RFC 3339.
    since: String,
    /// Its end, which is not part of it.
    until: String,
    /// `hour` or `day`, in UTC.
    period: &'static str,
    /// The notification type that was asked for; null for all.
    #[serde(rename = "type")]
    notification_type: Option<String>,
    /// The whole window.
    totals: CountsView,
    /// Each period, oldest first, also those in which nothing was accepted.
    periods: Vec<PeriodView>,
}

/// One period.
#[derive(Serialize, ToSchema)]
#[schema(as = StatsPeriod)]
pub struct PeriodView {
    /// When it begins. The window may begin later than the first period and end before the last one does.
    start: String,
    #[serde(flatten)]
    counts: CountsView,
}

/// Notifications counted by when they were accepted and by what they are now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StatsCounts)]
pub struct CountsView {
    /// How many were accepted.
    accepted: u64,
    /// How many of them have which status now; every status is there.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    by_status: Map<String, Value>,
    /// How many were handed to the mailer: `sent`, `delivered`, `bounced` and `complained` together. What is `unknown`, or
    /// was refused by the mail service after all, is not among them.
    handed_on: u64,
    /// `delivered` and `complained` (nobody complains of what did not arrive) of `handedOn`; null if that is 0.
    delivery_rate: Option<f64>,
    /// `bounced` of `handedOn`; null if that is 0.
    bounce_rate: Option<f64>,
    /// `complained` of `handedOn`; null if that is 0.
    complaint_rate: Option<f64>,
}

impl From<&StatusCounts> for CountsView {
    fn from(counts: &StatusCounts) -> Self {
        let handed_on = counts.handed_on();
        let of = |status| counts.of(status);
        let complained = of(Status::Complained);
        Self {
            accepted: counts.total(),
            by_status: Status::ALL
                .into_iter()
                .map(|status| (status.as_str().to_owned(), Value::from(of(status))))
                .collect(),
            handed_on,
            delivery_rate: rate(of(Status::Delivered) + complained, handed_on),
            bounce_rate: rate(of(Status::Bounced), handed_on),
            complaint_rate: rate(complained, handed_on),
        }
    }
}

/// A share from 0 to 1 with six decimals.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn rate(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 1e6).round() / 1e6)
}

impl StatsView {
    fn new(query: StatsQuery, periods: &[PeriodCounts]) -> Self {
        let mut totals = StatusCounts::default();
        for period in periods {
            for status in Status::ALL {
                totals.add_many(status, period.counts.of(status));
            }
        }
        let view = |period: &PeriodCounts| PeriodView {
            start: period.start.to_string(),
            counts: (&period.counts).into(),
        };
        Self {
            since: query.since.to_string(),
            until: query.until.to_string(),
            period: query.period.as_str(),
            notification_type: query.notification_type,
            totals: (&totals).into(),
            periods: periods.iter().map(view).collect(),
        }
    }
}

/// Reads the parameters; a name that is not one is an error, because a filter that is ignored lies.
fn stats_query(pairs: Vec<(String, String)>, now: Timestamp) -> Result<StatsQuery, Problem> {
    let (mut since, mut until, mut period, mut notification_type) = (None, None, PeriodLength::Day, None);
    for (name, value) in pairs {
        let wrong = |error: &dyn std::fmt::Display| Problem::invalid_parameter(&name, error.to_string());
        match name.as_str() {
            "since" => since = Some(value.parse::<Timestamp>().map_err(|error| wrong(&error))?),
            "until" => until = Some(value.parse::<Timestamp>().map_err(|error| wrong(&error))?),
            "period" => {
                let known =
                    [PeriodLength::Hour, PeriodLength::Day].into_iter().find(|it| it.as_str() == value);
                period = known.ok_or_else(|| wrong(&"must be hour or day"))?;
            }
            "type" => notification_type = Some(value),
            _ => return Err(wrong(&"is not known here; it must be one of since, until, period, type")),
        }
    }
    let until = until.unwrap_or_else(|| now.plus_ms(1));
    let since = since.unwrap_or_else(|| default_since(until, period));
    if since >= until {
        return Err(Problem::invalid_parameter(
            "since",
            format!("must lie before the window's end, {until}"),
        ));
    }
    Ok(StatsQuery { since, until, period, notification_type })
}

/// The window's beginning where none is given: that of a period, so that none is cut.
fn default_since(until: Timestamp, period: PeriodLength) -> Timestamp {
    let periods = match period {
        PeriodLength::Hour => DEFAULT_HOURS,
        PeriodLength::Day => DEFAULT_DAYS,
    };
    let back = i64::try_from(periods - 1).unwrap_or(0) * period.ms();
    let last = Timestamp::from_millis(until.as_millis() - 1);
    Timestamp::from_millis(period.start_of(last).as_millis() - back)
}

/// 422: nothing was counted, because a part would look like the whole.
fn too_large(message: String) -> Problem {
    let problem = Problem::invalid("stats_window_too_large", vec![FieldError::new("/since", message)]);
    debug_assert_eq!(problem.status(), StatusCode::UNPROCESSABLE_ENTITY);
    problem
}

/// Counts notifications by the time they were accepted and by their status now, with the rates that follow.
///
/// A notification counts in the period in which it was accepted, whatever happened later; yesterday's numbers change when
/// a bounce comes today. All or nothing: a window that would be too costly is refused, with the way to narrow it.
#[utoipa::path(get, path = "/v1/stats", tag = "notifications",
    params(("since" = Option<String>, Query, description = "Accepted at or after this instant (RFC 3339). Thirty days ago, or a week with `period=hour`, if not given."),
           ("until" = Option<String>, Query, description = "Accepted before this instant (RFC 3339). Now if not given."),
           ("period" = Option<String>, Query, description = "`hour` or `day`, in UTC; `day` if not given."),
           ("type" = Option<String>, Query, description = "Of this notification type.")),
    responses((status = 200, description = "Counts and rates.", body = StatsView),
              (status = 400, description = "A parameter is wrong.", body = crate::ProblemBody),
              (status = 422, description = "`stats_window_too_large`: more than 400 periods, or more notifications than are looked at for one answer. Nothing was counted.", body = crate::ProblemBody)))]
pub async fn show(
    State(api): State<Api>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Json<StatsView>, Problem> {
    let query = stats_query(pairs, api.clock.now())?;
    let periods = query.periods();
    if periods > STATS_PERIODS_MAX {
        return Err(too_large(format!(
            "must be later: the window has {periods} periods of one {}, and an answer has at most {STATS_PERIODS_MAX}",
            query.period.as_str()
        )));
    }
    match api.ledger.stats(query.clone()).await? {
        Stats::Counted(periods) => Ok(Json(StatsView::new(query, &periods))),
        Stats::TooMany { most } => Err(too_large(format!(
            "must be later, or `until` earlier: more than {most} notifications were accepted in the window, and an answer \
             counts no more. Ask for shorter windows one after the other and add up their counts; the metrics of the \
             server, or in CloudWatch, count without end"
        ))),
    }
}
