//! `postrider send`: posts the events of a file.

use std::path::{Path, PathBuf};

use clap::Args;
use postrider_core::limits::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX};
use serde_json::Value;

use super::Failure;
use super::event_file::{EventFile, EventText};
use crate::cli::GlobalOptions;
use crate::connection::{Connection, problem_text, query_value};
use crate::output::Output;
use crate::runtime::Types;

/// Events that were not accepted and are named one by one.
const NAMED_FAILURES: usize = 20;

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
    let shown = options.file.display();
    // A file is read to its end before anything of it is sent: one that is wrong somewhere is not sent by halves. What
    // can be read only once is sent as it comes.
    let total = if options.file.is_file() { Some(count(&options.file)?) } else { None };
    let mut events = EventFile::open(&options.file)?;
    let first = events.next()?.ok_or_else(|| Failure::new(format!("{shown} holds no event")))?;
    let second = events.next()?;
    if options.idempotency_key.is_some() && second.is_some() {
        return Err(Failure::new("--idempotency-key is for a single event, and the file holds several"));
    }
    let settings = global.settings()?;
    let connection = Connection::open(&settings, global.server.as_deref(), Types::Needed).await?;
    let query =
        options.event_type.as_ref().map(|name| format!("?type={}", query_value(name))).unwrap_or_default();
    let (result, accepted) = match second {
        None => {
            let result = post_one(&connection, options, &query, first, global.output()).await;
            let accepted = usize::from(result.is_ok());
            (result, accepted)
        }
        Some(second) => {
            let mut posting = Posting::new(&connection, &query, total, global.output());
            let result = posting.post_all([first, second], events).await;
            (posting.conclude(result), posting.accepted)
        }
    };
    if accepted > 0 && connection.is_offline() {
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

fn count(path: &Path) -> Result<usize, Failure> {
    let mut events = EventFile::open(path)?;
    let mut count = 0;
    while events.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}

async fn post_one(
    connection: &Connection,
    options: &SendOptions,
    query: &str,
    event: EventText,
    output: Output,
) -> Result<(), Failure> {
    let key: Vec<_> = options.idempotency_key.iter().map(|key| ("idempotency-key", key.as_str())).collect();
    let body = connection.post(&format!("/v1/events{query}"), &key, event.json).await?.success()?;
    output.show(&body, &describe(&body));
    Ok(())
}

/// Events on their way to the server, batch by batch.
struct Posting<'a> {
    connection: &'a Connection,
    path: String,
    output: Output,
    /// How many there are, where that is known.
    total: Option<usize>,
    batch: Vec<EventText>,
    /// Bytes of the batch's body, without its last bracket.
    batch_bytes: usize,
    posted: usize,
    accepted: usize,
    duplicates: usize,
    failed: usize,
    /// The first few that failed, in words.
    failures: Vec<String>,
}

impl<'a> Posting<'a> {
    fn new(connection: &'a Connection, query: &str, total: Option<usize>, output: Output) -> Self {
        Self {
            connection,
            path: format!("/v1/events/batch{query}"),
            output,
            total,
            batch: Vec::with_capacity(BATCH_EVENTS_MAX),
            batch_bytes: 0,
            posted: 0,
            accepted: 0,
            duplicates: 0,
            failed: 0,
            failures: Vec::new(),
        }
    }

    async fn post_all(&mut self, first: [EventText; 2], mut others: EventFile) -> Result<(), Failure> {
        for event in first {
            self.add(event).await?;
        }
        while let Some(event) = others.next()? {
            self.add(event).await?;
        }
        self.post_batch().await
    }

    async fn add(&mut self, event: EventText) -> Result<(), Failure> {
        // A bracket or comma before each event, and a bracket at the end.
        let is_too_much = self.batch_bytes + event.json.len() + 2 > BATCH_BYTES_MAX;
        if self.batch.len() == BATCH_EVENTS_MAX || is_too_much {
            self.post_batch().await?;
        }
        self.batch_bytes += event.json.len() + 1;
        self.batch.push(event);
        Ok(())
    }

    async fn post_batch(&mut self) -> Result<(), Failure> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let mut body = String::with_capacity(self.batch_bytes + 1);
        for event in &self.batch {
            body.push(if body.is_empty() { '[' } else { ',' });
            body.push_str(&event.json);
        }
        body.push(']');
        let answer = self.connection.post(&self.path, &[], body).await?.success()?;
        let results = answer["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        if results.len() != self.batch.len() {
            return Err(Failure::new(format!(
                "the server answered {} events with {} results; is it a Postrider of another version?",
                self.batch.len(),
                results.len()
            )));
        }
        for (index, result) in results.iter().enumerate() {
            self.count(index, result);
        }
        self.print(results);
        self.posted += self.batch.len();
        self.batch.clear();
        self.batch_bytes = 0;
        let of = self.total.map(|total| format!("/{total}")).unwrap_or_default();
        self.output.progress(&format!("{}{of} events posted", self.posted));
        Ok(())
    }

    fn count(&mut self, index: usize, result: &Value) {
        if result["status"].as_u64() == Some(202) {
            self.accepted += 1;
            let notifications = result["notifications"].as_array().map(Vec::as_slice).unwrap_or_default();
            let is_duplicate =
                !notifications.is_empty() && notifications.iter().all(|n| n["duplicate"] == true);
            self.duplicates += usize::from(is_duplicate);
            return;
        }
        self.failed += 1;
        if self.failures.len() < NAMED_FAILURES {
            let number = self.posted + index + 1;
            self.failures.push(format!("event {number}: {}", problem_text(result)));
        }
    }

    /// Results are printed as they come: nobody knows how many there will be.
    fn print(&self, results: &[Value]) {
        if self.output.json {
            let begin = if self.posted == 0 { "{\"data\":[\n" } else { ",\n" };
            let lines: Vec<_> = results.iter().map(Value::to_string).collect();
            self.output.line(&format!("{begin}{}", lines.join(",\n")));
        }
    }

    /// Says what it came to, however it ended.
    fn conclude(&self, result: Result<(), Failure>) -> Result<(), Failure> {
        self.output.progress_done();
        let (accepted, duplicates, posted) = (self.accepted, self.duplicates, self.posted);
        let of = self.total.unwrap_or(posted);
        let text = format!("{accepted} of {of} events accepted, {duplicates} of them duplicates");
        if self.output.json {
            self.output.line(if posted == 0 { "{\"data\":[]}" } else { "]}" });
        } else {
            self.output.line(&text);
        }
        let mut parts = Vec::new();
        if let Err(failure) = result {
            let line = self.batch.first().and_then(|event| event.line);
            let line = line.map(|line| format!(" (line {line})")).unwrap_or_default();
            parts.push(format!(
                "{failure}\n{accepted} of the first {posted} events were accepted. Begin again at event {}{line}, or \
                 send everything again: what was accepted is recognised and not mailed twice",
                posted + 1
            ));
        }
        if self.failed > 0 {
            let named = self.failures.join("\n");
            parts.push(format!("{} of {posted} events were not accepted:\n{named}", self.failed));
            if self.failures.len() < self.failed {
                parts.push(format!("… and {} more", self.failed - self.failures.len()));
            }
        }
        if parts.is_empty() { Ok(()) } else { Err(Failure::new(parts.join("\n"))) }
    }
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
            notification["to"].as_str().unwrap_or("(erased)"),
            field("status")
        ));
    }
    text
}
