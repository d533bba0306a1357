//! The events of a file, read as strictly as the server would, so that nothing is repaired on the way.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use postrider_core::domain::document::{InvalidDocument, parse_json};
use postrider_core::limits::{BATCH_BYTES_MAX, SEND_DOCUMENT_BYTES_MAX};
use serde_json::Value;

use super::Failure;

/// Bytes of one event: with the brackets around it, it must fit a batch.
const EVENT_BYTES_MAX: usize = BATCH_BYTES_MAX - 2;

/// One event, an array of events, or one event a line, one after the other.
pub struct EventFile {
    shown: String,
    form: Form,
}

enum Form {
    /// One document: its events, all read.
    Document(std::vec::IntoIter<Value>),
    /// One event a line; only one of them is held at a time.
    Lines(Lines),
}

struct Lines {
    reader: Box<dyn BufRead>,
    /// Lines that were read to see what the file is.
    ahead: std::vec::IntoIter<Vec<u8>>,
    /// Of the line read last, counted from one.
    number: usize,
}

/// One event as it will be posted.
pub struct EventText {
    /// Its JSON, without spaces.
    pub json: String,
    /// Where it is in the file, if it has a line of its own.
    pub line: Option<usize>,
}

impl EventFile {
    /// Opens the file, or standard input for `-`, and looks at what is in it.
    ///
    /// # Errors
    /// If it cannot be read, or is one document that is wrong or too large.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let reader: Box<dyn BufRead> = if path.as_os_str() == "-" {
            Box::new(BufReader::new(std::io::stdin()))
        } else {
            let file = File::open(path).map_err(|error| unreadable(&path.display().to_string(), &error))?;
            Box::new(BufReader::new(file))
        };
        Self::read(reader, path.display().to_string())
    }

    fn read(mut reader: Box<dyn BufRead>, shown: String) -> Result<Self, Failure> {
        let mut ahead: Vec<Vec<u8>> = Vec::new();
        let (mut blank_lines, mut bytes) = (0, 0);
        // The first two lines that say something tell lines of events from one document: in a document no `{` follows a `}`.
        while ahead.len() - blank_lines < 2 {
            let line = read_line(&mut *reader).map_err(|error| unreadable(&shown, &error))?;
            let Some(line) = line else { break };
            blank_lines += usize::from(line.trim_ascii().is_empty());
            bytes += line.len();
            ahead.push(line);
            if bytes > EVENT_BYTES_MAX {
                break;
            }
        }
        let mut telling = ahead.iter().map(|line| line.trim_ascii()).filter(|line| !line.is_empty());
        let is_lines = telling.next().is_some_and(|first| first.starts_with(b"{") && first.ends_with(b"}"))
            && telling.next().is_none_or(|second| second.starts_with(b"{"));
        if is_lines {
            let lines = Lines { reader, ahead: ahead.into_iter(), number: 0 };
            return Ok(Self { shown, form: Form::Lines(lines) });
        }
        let mut document = ahead.concat();
        let room = (SEND_DOCUMENT_BYTES_MAX + 1).saturating_sub(document.len());
        reader.take(room as u64).read_to_end(&mut document).map_err(|error| unreadable(&shown, &error))?;
        if document.len() > SEND_DOCUMENT_BYTES_MAX {
            return Err(Failure::new(format!(
                "{shown} is one JSON document of more than {} MiB; nothing was sent. Write one event a line \
                 (`jq -c '.[]'`), of which there may be any number",
                SEND_DOCUMENT_BYTES_MAX / (1024 * 1024)
            )));
        }
        match parse_json(&document) {
            Ok(Value::Array(events)) => Ok(Self { shown, form: Form::Document(events.into_iter()) }),
            Ok(event) => Ok(Self { shown, form: Form::Document(vec![event].into_iter()) }),
            Err(error) => Err(Failure::new(format!("{shown} cannot be sent: {}", explain(&error)))),
        }
    }

    /// The next event; `None` at the end.
    ///
    /// # Errors
    /// If it cannot be read, is not JSON, or is larger than any request.
    pub fn next(&mut self) -> Result<Option<EventText>, Failure> {
        let next = match &mut self.form {
            Form::Document(events) => Ok(events.next().map(|event| (event, None))),
            Form::Lines(lines) => lines.next(),
        };
        let wrong = |words: String| Failure::new(format!("{} cannot be sent: {words}", self.shown));
        let Some((event, line)) = next.map_err(wrong)? else { return Ok(None) };
        let json = event.to_string();
        if json.len() > EVENT_BYTES_MAX {
            let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            return Err(wrong(format!("{place}{}", too_large())));
        }
        Ok(Some(EventText { json, line }))
    }
}

impl Lines {
    fn next(&mut self) -> Result<Option<(Value, Option<usize>)>, String> {
        loop {
            let line = match self.ahead.next() {
                Some(line) => Some(line),
                None => read_line(&mut *self.reader).map_err(|error| error.to_string())?,
            };
            let Some(line) = line else { return Ok(None) };
            self.number += 1;
            let at = |words: &str| format!("line {}: {words}", self.number);
            if line.len() > EVENT_BYTES_MAX {
                return Err(at(&too_large()));
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            let event = parse_json(&line).map_err(|error| at(&explain(&error)))?;
            return Ok(Some((event, Some(self.number))));
        }
    }
}

/// The next line with its end; at most one byte more than an event may have. `None` at the end.
fn read_line(reader: &mut dyn BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    reader.take(EVENT_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line)?;
    Ok((!line.is_empty()).then_some(line))
}

fn unreadable(shown: &str, error: &std::io::Error) -> Failure {
    Failure::new(format!("{shown} cannot be read: {error}"))
}

fn too_large() -> String {
    format!("the event is larger than {} MiB, more than any server takes", BATCH_BYTES_MAX / (1024 * 1024))
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
