//! `postrider send`: posts the events of a file.

use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use postrider_core::domain::document::{InvalidDocument, parse_json};
use postrider_core::limits::BATCH_EVENTS_MAX;
use serde_json::Value;

use super::Failure;
use crate::cli::GlobalOptions;
use crate::connection::{Connection, problem_text, query_value};
use crate::output::Output;

/// Bytes of a file of events.
const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// What to send.
#[derive(Debug, Args)]
pub struct SendOptions {
    /// A file with one event, an array of events, or one event a line; `-` reads standard input
    file: PathBuf,
    /// The type of bare orders
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Idempotency-Key of a single event
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

/// Posts the events and says what became of each.
///
/// # Errors
/// If any of them was not accepted.
pub async fn run(global: &GlobalOptions, options: &SendOptions) -> Result<(), Failure> {
    let events = read_events(options)?;
    let settings = global.settings()?;
    let connection = Connection::open(&settings, global.server.as_deref()).await?;
    let output = global.output();
    let result = post_all(&connection, options, events, output).await;
    if result.is_ok() && connection.is_offline() {
        eprint_note(
            "no server runs here: the events are in the ledger and will be sent by the next `postrider serve`",
        );
    }
    connection.close().await;
    result
}

fn eprint_note(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "postrider: {text}");
}

fn read_events(options: &SendOptions) -> Result<Vec<Value>, Failure> {
    let shown = options.file.display();
    let unreadable = |error: std::io::Error| Failure::new(format!("{shown} cannot be read: {error}"));
    let mut text = String::new();
    if options.file.as_os_str() == "-" {
        std::io::stdin().take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
    } else {
        let file = std::fs::File::open(&options.file).map_err(unreadable)?;
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
    }
    let events = parse_events(&text).map_err(|message| Failure::new(format!("{shown} {message}")))?;
    if events.is_empty() {
        return Err(Failure::new(format!("{shown} holds no event")));
    }
    if options.idempotency_key.is_some() && events.len() > 1 {
        return Err(Failure::new("--idempotency-key is for a single event, and the file holds several"));
    }
    Ok(events)
}

/// One event, an array of events, or one event a line; read as strictly as the server would, so that nothing is
/// repaired on the way.
fn parse_events(text: &str) -> Result<Vec<Value>, String> {
    let whole = match parse_json(text.as_bytes()) {
        Ok(Value::Array(events)) => return Ok(events),
        Ok(event) => return Ok(vec![event]),
        Err(error) => error,
    };
    let lines: Vec<_> = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).collect();
    let begins_like_an_event = |(_, line): &(usize, &str)| line.trim_start().starts_with('{');
    if lines.len() < 2 || !lines.iter().all(begins_like_an_event) {
        return Err(format!("cannot be sent: {}", explain(&whole)));
    }
    let parse = |(index, line): (usize, &str)| {
        parse_json(line.as_bytes())
            .map_err(|error| format!("cannot be sent: line {}: {}", index + 1, explain(&error)))
    };
    lines.into_iter().map(parse).collect()
}

fn explain(error: &InvalidDocument) -> String {
    match error {
        InvalidDocument::Syntax(_) => error.to_string(),
        InvalidDocument::Values(fields) => fields
            .iter()
            .map(|field| format!("{} {}", field.pointer, field.message))
            .collect::<Vec<_>>()
            .join("; "),
    }
}

async fn post_all(
    connection: &Connection,
    options: &SendOptions,
    events: Vec<Value>,
    output: Output,
) -> Result<(), Failure> {
    let query =
        options.event_type.as_ref().map(|name| format!("?type={}", query_value(name))).unwrap_or_default();
    if let [event] = events.as_slice() {
        let key: Vec<_> =
            options.idempotency_key.iter().map(|key| ("idempotency-key", key.as_str())).collect();
        let answer = connection.post(&format!("/v1/events{query}"), &key, event.to_string()).await?;
        let body = answer.success()?;
        output.show(&body, &describe(&body));
        return Ok(());
    }
    let total = events.len();
    let (mut accepted, mut duplicates, mut results, mut failures) = (0usize, 0usize, Vec::new(), Vec::new());
    for (chunk_index, chunk) in events.chunks(BATCH_EVENTS_MAX).enumerate() {
        let path = format!("/v1/events/batch{query}");
        let answer = connection.post(&path, &[], Value::from(chunk.to_vec()).to_string()).await?.success()?;
        for (index, item) in answer["data"].as_array().into_iter().flatten().enumerate() {
            if item["status"].as_u64() == Some(202) {
                accepted += 1;
                let notifications = item["notifications"].as_array().into_iter().flatten();
                duplicates += usize::from(
                    notifications.clone().count() > 0
                        && notifications.clone().all(|n| n["duplicate"] == true),
                );
            } else {
                failures.push(format!(
                    "event {}: {}",
                    chunk_index * BATCH_EVENTS_MAX + index + 1,
                    problem_text(item)
                ));
            }
            if output.json {
                results.push(item.clone());
            }
        }
        output.progress(&format!(
            "{}/{total} events posted",
            (chunk_index * BATCH_EVENTS_MAX + chunk.len()).min(total)
        ));
    }
    output.progress_done();
    let text = format!("{accepted} of {total} events accepted, {duplicates} of them duplicates");
    output.show(&serde_json::json!({ "data": results }), &text);
    if failures.is_empty() {
        return Ok(());
    }
    let shown = failures.len().min(20);
    let mut message =
        format!("{} of {total} events were not accepted:\n{}", failures.len(), failures[..shown].join("\n"));
    if shown < failures.len() {
        message.push_str(&format!("\n… and {} more", failures.len() - shown));
    }
    Err(Failure::new(message))
}

fn describe(accepted: &Value) -> String {
    let mut text = String::new();
    for notification in accepted["notifications"].as_array().into_iter().flatten() {
        let field = |name: &str| notification[name].as_str().unwrap_or_default().to_owned();
        let again =
            if notification["duplicate"] == true { " (a duplicate: nothing new is sent)" } else { "" };
        text.push_str(&format!(
            "{}  {} to {}: {}{again}\n",
            field("id"),
            field("type"),
            field("to"),
            field("status")
        ));
    }
    text
}
