//! `postrider suppressions export`: the whole list, as it comes.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Failure;
use crate::connection::{Answer, Connection};
use crate::output::Output;

const CSV: &str = "/v1/suppressions?format=csv";

/// Writes the list to `file`, or to standard output: as CSV, or there as JSON where that is asked for.
///
/// # Errors
/// If the list cannot be had or written to its end. A file is there only when all of it is.
pub async fn export(connection: &Connection, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    match file {
        Some(file) => to_file(connection, file, output).await,
        None if output.json => as_json(connection, output).await,
        None => {
            let mut rows = Rows::default();
            let result = pour(connection, &mut std::io::stdout(), &mut rows, "standard output").await;
            result.map_err(|failure| not_whole(&failure, rows.entries()))
        }
    }
}

async fn to_file(connection: &Connection, path: &Path, output: Output) -> Result<(), Failure> {
    let shown = path.display();
    if path.exists() {
        return Err(Failure::new(format!("{shown} is there already and was left as it is; name a new file")));
    }
    let part = beside(path);
    let failed = |error: std::io::Error| Failure::new(format!("{shown} cannot be written: {error}"));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part).map_err(failed)?;
    let mut rows = Rows::default();
    let mut result = pour(connection, &mut file, &mut rows, &shown.to_string()).await;
    if result.is_ok() {
        result = file.sync_all().and_then(|()| fs::rename(&part, path)).map_err(failed);
    }
    let entries = rows.entries();
    if let Err(failure) = result {
        let _ = fs::remove_file(&part);
        return Err(Failure::new(format!("{failure}\n{shown} was not written")));
    }
    let text = format!("{entries} entries are in {shown}");
    output.show(&json!({ "file": shown.to_string(), "entries": entries }), &text);
    Ok(())
}

/// Where the file grows until it is whole.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

async fn pour(
    connection: &Connection,
    to: &mut (impl Write + Send),
    rows: &mut Rows,
    shown: &str,
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("{shown} cannot be written: {error}"));
    let mut sink = |bytes: &[u8]| {
        rows.0 += bytes.iter().filter(|byte| **byte == b'\n').count();
        to.write_all(bytes).map_err(failed)
    };
    connection.download(CSV, &mut sink).await?;
    to.flush().map_err(failed)
}

/// Line feeds so far. Cells have none: addresses and labels hold no control characters.
#[derive(Default)]
struct Rows(usize);

impl Rows {
    /// Without the row of names.
    fn entries(&self) -> usize {
        self.0.saturating_sub(1)
    }
}

/// Page by page, so that the list's length is nobody's memory.
async fn as_json(connection: &Connection, output: Output) -> Result<(), Failure> {
    let (mut told, mut after) = (0, String::new());
    loop {
        let answer = connection.get(&format!("/v1/suppressions?limit=100{after}")).await;
        let page = answer.and_then(Answer::success).map_err(|failure| not_whole(&failure, told))?;
        let entries: Vec<_> = page["data"].as_array().into_iter().flatten().map(Value::to_string).collect();
        if told == 0 && after.is_empty() {
            output.line("{\"data\":[");
        }
        if !entries.is_empty() {
            let separator = if told == 0 { "" } else { "," };
            output.line(&format!("{separator}{}", entries.join(",\n")));
            told += entries.len();
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => {
                output.line("]}");
                return Ok(());
            }
        }
    }
}

fn not_whole(failure: &Failure, entries: usize) -> Failure {
    if entries == 0 {
        return Failure::new(failure.to_string());
    }
    Failure::new(format!(
        "{failure}\nWhat was printed, {entries} entries, is not the whole list; export it again"
    ))
}
