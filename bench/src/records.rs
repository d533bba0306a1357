//! What the server says became of its notifications, read over its API.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Failure;
use crate::http::Client;

/// Pages read in one listing: more than any drill has notifications for.
const PAGES_MAX: usize = 100_000;
/// Statuses in which something is still going to happen by itself.
const UNSETTLED: [&str; 4] = ["queued", "sending", "deferred", "unknown"];

/// One notification as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: String,
    /// Its order.
    pub order_id: String,
    /// Its status.
    pub status: String,
    /// Why it is where it is, if it is not well.
    pub cause: Option<String>,
}

impl Record {
    fn from_json(value: &Value) -> Self {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        Self {
            id: text("id"),
            order_id: text("orderId"),
            status: text("status"),
            cause: value["cause"].as_str().map(str::to_owned),
        }
    }
}

/// One entry of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What happened: `accepted`, `sent`, `unknown`, …
    pub kind: String,
    /// The stable cause, where something went wrong.
    pub cause: Option<String>,
    /// The server's words.
    pub response: Option<String>,
}

/// Every notification that the filter (a query string such as `status=sent`, or nothing) lets through.
///
/// # Errors
/// If the server does not answer with pages.
pub fn list(client: &mut Client, filter: &str) -> Result<Vec<Record>, Failure> {
    let mut records = Vec::new();
    let mut after = String::new();
    for _ in 0..PAGES_MAX {
        let answer = client.get(&format!("/v1/notifications?limit=100&{filter}{after}"))?;
        if answer.status != 200 {
            return Err(format!("a listing was answered {}", answer.status).into());
        }
        let page = answer.json();
        records.extend(page["data"].as_array().into_iter().flatten().map(Record::from_json));
        match page["next"].as_str() {
            Some(next) if page["hasMore"] == true => after = format!("&after={next}"),
            _ => return Ok(records),
        }
    }
    Err("the listing does not end".into())
}

/// The notification's record and its timeline.
///
/// # Errors
/// If the server does not know it.
pub fn find(client: &mut Client, id: &str) -> Result<(Record, Vec<Entry>), Failure> {
    let answer = client.get(&format!("/v1/notifications/{id}"))?;
    if answer.status != 200 {
        return Err(format!("notification {id} was answered {}", answer.status).into());
    }
    let value = answer.json();
    let entries = value["timeline"].as_array().into_iter().flatten().map(|entry| Entry {
        kind: entry["type"].as_str().unwrap_or_default().to_owned(),
        cause: entry["cause"].as_str().map(str::to_owned),
        response: entry["response"].as_str().map(str::to_owned),
    });
    Ok((Record::from_json(&value), entries.collect()))
}

/// Waits until nothing is going to happen by itself any more, as `/metrics` tells.
///
/// # Errors
/// If that takes longer than `timeout`, with what is left.
pub fn wait_until_settled(client: &mut Client, timeout: Duration) -> Result<(), Failure> {
    let deadline = Instant::now() + timeout;
    loop {
        let metrics = client.get("/metrics")?;
        let text = String::from_utf8_lossy(&metrics.body);
        let left: Vec<String> = UNSETTLED
            .iter()
            .map(|status| format!("postrider_notifications{{status=\"{status}\"}}"))
            .filter_map(|name| text.lines().find(|line| line.starts_with(&name)))
            .map(str::to_owned)
            .collect();
        if left.len() != UNSETTLED.len() {
            return Err("the metrics do not say how many notifications wait".into());
        }
        if left.iter().all(|line| line.ends_with(" 0")) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(format!("not settled within {timeout:?}: {left:?}").into());
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until one notification has `status`.
///
/// # Errors
/// If that takes longer than `timeout`, with its record and timeline.
pub fn wait_for_status(
    client: &mut Client,
    id: &str,
    status: &str,
    timeout: Duration,
) -> Result<Vec<Entry>, Failure> {
    let deadline = Instant::now() + timeout;
    loop {
        let (record, timeline) = find(client, id)?;
        if record.status == status {
            return Ok(timeline);
        }
        if Instant::now() >= deadline {
            return Err(format!("not {status} within {timeout:?}: {record:?} {timeline:?}").into());
        }
        thread::sleep(Duration::from_millis(10));
    }
}
