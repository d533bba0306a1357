//! `postrider suppressions`: whom not to write to any more.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use postrider_aws::ses::suppressed::Mirrored;
use postrider_core::limits::IMPORT_FAILURES_TOLD_MAX;
use postrider_environment::config::Settings;
use serde_json::{Value, json};

use super::Failure;
use super::csv_parts::{CsvPart, CsvParts};
use super::suppressions_export::export;
use crate::cli::GlobalOptions;
use crate::connection::{Connection, query_value};
use crate::mirror::OpenMirror;
use crate::output::Output;
use crate::runtime::Types;

/// Rows that could not be imported and are named to people one by one.
const NAMED_FAILURES: usize = 20;
/// Entries the server tells on one page.
const PAGE: usize = 100;

/// What to do with the suppression list.
#[derive(Debug, Subcommand)]
pub enum SuppressionsCommand {
    /// List it, newest first
    List {
        /// Only entries with this reason: `hard_bounce`, `complaint`, `soft_bounces`, `unsubscribed` or `manual`
        #[arg(long)]
        reason: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Put an address on it
    Add(AddOptions),
    /// Take an address off it
    Remove {
        /// The address, however it is spelt
        address: String,
    },
    /// Put every row of a CSV file on it
    Import {
        /// A file with a column `address`; `-` reads standard input
        file: PathBuf,
    },
    /// Bring it in step with that of the SES account, once; a server that runs does so by itself
    Mirror,
    /// Write all of it as CSV, safe to open in a spreadsheet
    Export {
        /// A new file, for its owner alone; standard output if not given
        file: Option<PathBuf>,
    },
}

/// An entry.
#[derive(Debug, Args)]
pub struct AddOptions {
    /// The address, however it is spelt
    address: String,
    /// Why: `hard_bounce`, `complaint`, `soft_bounces`, `unsubscribed` or `manual` [default: manual]
    #[arg(long)]
    reason: Option<String>,
    /// For this category of notification types only [default: all]
    #[arg(long)]
    category: Option<String>,
    /// Until when, such as 2027-01-01T00:00:00Z [default: for good]
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
}

/// Lists or changes the suppression list.
///
/// # Errors
/// If there is nobody to ask or a request is refused.
pub async fn run(global: &GlobalOptions, command: SuppressionsCommand) -> Result<(), Failure> {
    let settings = global.settings()?;
    let connection = Connection::open(&settings, global.server.as_deref(), Types::Unused).await?;
    let output = global.output();
    let result = match command {
        SuppressionsCommand::List { reason, limit } => {
            list(&connection, reason.as_deref(), limit, output).await
        }
        SuppressionsCommand::Add(options) => add(&connection, &options, output).await,
        SuppressionsCommand::Remove { address } => remove(&connection, &address, output).await,
        SuppressionsCommand::Import { file } => import(&connection, &file, output).await,
        SuppressionsCommand::Mirror => mirror(&settings, &connection, output).await,
        SuppressionsCommand::Export { file } => export(&connection, file.as_deref(), output).await,
    };
    connection.close().await;
    result
}

async fn mirror(settings: &Settings, connection: &Connection, output: Output) -> Result<(), Failure> {
    let Connection::Ledger(parts) = connection else {
        return Err(Failure::new(
            "a server has the ledger and keeps the lists in step by itself, where suppression.ses_mirror says so",
        ));
    };
    let Some(mirror) = OpenMirror::open(settings, &parts.api).await else {
        return Err(Failure::new("suppression.ses_mirror is off; set it to `to`, `from` or `both`"));
    };
    let Mirrored { given, taken, skipped } = mirror.pass().await.map_err(|error| Failure::because(&error))?;
    let json = json!({ "given": given, "taken": taken, "skipped": skipped });
    let text = format!("{given} entries put on the account's list, {taken} taken from it, {skipped} skipped");
    output.show(&json, &text);
    Ok(())
}

async fn list(
    connection: &Connection,
    reason: Option<&str>,
    limit: usize,
    output: Output,
) -> Result<(), Failure> {
    let reason = reason.map(|reason| format!("&reason={}", query_value(reason))).unwrap_or_default();
    let (mut found, mut after) = (Vec::new(), String::new());
    while found.len() < limit {
        let page_limit = (limit - found.len()).min(PAGE);
        let path = format!("/v1/suppressions?limit={page_limit}{reason}{after}");
        let page = connection.get(&path).await?.success()?;
        found.extend(page["data"].as_array().into_iter().flatten().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let text: String = found.iter().map(|entry| describe(entry) + "\n").collect();
    let text = if text.is_empty() { "nobody is on the suppression list" } else { &text };
    output.show(&json!({ "data": found }), text);
    Ok(())
}

fn describe(entry: &Value) -> String {
    let field = |name: &str, otherwise: &'static str| entry[name].as_str().unwrap_or(otherwise).to_owned();
    format!(
        "{}  {:<12} {:<8} {}  {}, {}",
        field("since", ""),
        field("reason", ""),
        field("source", ""),
        field("address", "(erased)"),
        entry["category"].as_str().map_or("all mail".to_owned(), |category| format!("{category} mail")),
        entry["expiresAt"].as_str().map_or("for good".to_owned(), |at| format!("until {at}")),
    )
}

async fn add(connection: &Connection, options: &AddOptions, output: Output) -> Result<(), Failure> {
    let mut body = json!({});
    let fields =
        [("reason", &options.reason), ("category", &options.category), ("expiresAt", &options.expires_at)];
    for (name, value) in fields {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    let entry = connection.put(&path_of(&options.address), body.to_string()).await?.success()?;
    output.show(&entry, &describe(&entry));
    Ok(())
}

async fn remove(connection: &Connection, address: &str, output: Output) -> Result<(), Failure> {
    connection.delete(&path_of(address)).await?.success()?;
    let text = format!(
        "{address} is off the suppression list; what was suppressed meanwhile is not sent by itself: `retry` it"
    );
    output.show(&json!({ "address": address, "removed": true }), &text);
    Ok(())
}

fn path_of(address: &str) -> String {
    format!("/v1/suppressions/{}", query_value(address))
}

/// What an import has come to so far.
#[derive(Default)]
struct Tally {
    imported: u64,
    failed: u64,
    /// The first of them.
    failures: Vec<Value>,
    /// The last line of what the server has dealt with.
    done_rows: u64,
}

async fn import(connection: &Connection, file: &Path, output: Output) -> Result<(), Failure> {
    let mut parts = CsvParts::new(open(file)?, file.display().to_string());
    let mut tally = Tally::default();
    let result = import_parts(connection, &mut parts, output, &mut tally).await;
    output.progress_done();
    let Tally { imported, failed, failures, done_rows } = tally;
    let answer = json!({ "imported": imported, "failedCount": failed, "failed": failures });
    output.show(&answer, &format!("{imported} of {done_rows} rows are on the suppression list now"));
    let mut words = Vec::new();
    if let Err(failure) = result {
        words.push(format!(
            "{failure}\nThe first {done_rows} rows were dealt with. Import the whole file again once that is mended: \
             what is on the list already stays as it is"
        ));
    }
    if failed > 0 {
        words.push(format!("{failed} rows were not imported:"));
        for row in failures.iter().take(NAMED_FAILURES) {
            words.push(format!("  line {}: {}", row["line"], row["message"].as_str().unwrap_or_default()));
        }
        if let Some(more) = failed.checked_sub(NAMED_FAILURES as u64).filter(|more| *more > 0) {
            words.push(format!("  … and {more} more"));
        }
    }
    if words.is_empty() { Ok(()) } else { Err(Failure::new(words.join("\n"))) }
}

async fn import_parts(
    connection: &Connection,
    parts: &mut CsvParts,
    output: Output,
    tally: &mut Tally,
) -> Result<(), Failure> {
    while let Some(mut part) = parts.next()? {
        let bytes = std::mem::take(&mut part.bytes);
        let answer = connection.post_bytes("/v1/suppressions", "text/csv", bytes).await?.success()?;
        tally.add(&answer, &part);
        output.progress(&format!("{} rows", tally.done_rows));
    }
    Ok(())
}

impl Tally {
    fn add(&mut self, answer: &Value, part: &CsvPart) {
        self.imported += answer["imported"].as_u64().unwrap_or(0);
        self.done_rows += part.rows as u64;
        for row in answer["failed"].as_array().into_iter().flatten() {
            self.failed += 1;
            if self.failures.len() < IMPORT_FAILURES_TOLD_MAX {
                let line = part.line_in_file(row["line"].as_u64().unwrap_or(0));
                self.failures.push(json!({ "line": line, "message": row["message"] }));
            }
        }
    }
}

fn open(path: &Path) -> Result<Box<dyn BufRead + Send>, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(BufReader::new(file))),
        Err(error) => Err(Failure::new(format!("{} cannot be read: {error}", path.display()))),
    }
}
