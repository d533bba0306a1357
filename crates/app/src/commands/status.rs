//! `postrider status`: where is the mail for order 1042?

use serde_json::{Value, json};

use super::Failure;
use crate::cli::GlobalOptions;
use crate::connection::{Connection, query_value};
use crate::runtime::Types;

/// Shows every notification of an order with its timeline.
///
/// # Errors
/// If there is none, or nobody to ask.
pub async fn run(global: &GlobalOptions, order_id: &str) -> Result<(), Failure> {
    let settings = global.settings()?;
    let connection = Connection::open(&settings, global.server.as_deref(), Types::Unused).await?;
    let result = collect(&connection, order_id).await;
    connection.close().await;
    let notifications = result?;
    if notifications.is_empty() {
        return Err(Failure::new(format!(
            "there is no notification about order {order_id}: no event with this orderId was accepted here"
        )));
    }
    let text: String = notifications.iter().map(describe).collect();
    global.output().show(&json!({ "orderId": order_id, "notifications": notifications }), &text);
    Ok(())
}

async fn collect(connection: &Connection, order_id: &str) -> Result<Vec<Value>, Failure> {
    let mut notifications = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/v1/notifications?orderId={}&limit=100{after}", query_value(order_id));
        let page = connection.get(&path).await?.success()?;
        for item in page["data"].as_array().into_iter().flatten() {
            let id = item["id"].as_str().unwrap_or_default();
            notifications.push(connection.get(&format!("/v1/notifications/{id}")).await?.success()?);
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(notifications),
        }
    }
}

fn describe(notification: &Value) -> String {
    let field = |name: &str| notification[name].as_str().unwrap_or_default();
    let to = notification["to"].as_str().unwrap_or("(erased)");
    let mut text = format!("{}  {} to {to}: {}", field("id"), field("type"), field("status"));
    if let Some(cause) = notification["cause"].as_str() {
        text.push_str(&format!(" ({cause})"));
    }
    if let Some(next) = notification["nextAttemptAt"].as_str() {
        text.push_str(&format!(", next attempt {next}"));
    }
    text.push('\n');
    for entry in notification["timeline"].as_array().into_iter().flatten() {
        let field = |name: &str| entry[name].as_str().unwrap_or_default();
        text.push_str(&format!("  {}  {:<9}", field("at"), field("type")));
        if let Some(attempt) = entry["attempt"].as_u64() {
            text.push_str(&format!(" attempt {attempt}"));
        }
        for name in ["cause", "response"] {
            if !field(name).is_empty() {
                text.push_str(&format!("  {}", field(name)));
            }
        }
        text.push('\n');
    }
    text
}
