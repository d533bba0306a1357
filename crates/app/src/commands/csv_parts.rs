//! Cuts a CSV file of any length into files that a server takes: at the ends of rows, each with the row of names.
//!
//! Only the ends of rows are looked for, by the rules of RFC 4180 as the server reads them; what a row says is the
//! server's to judge. Empty rows are left out.

use std::io::{BufRead, Read as _};

use postrider_core::limits::{BATCH_BYTES_MAX, SUPPRESSION_ROW_BYTES_MAX, SUPPRESSION_ROWS_MAX};

use super::Failure;

/// A file, part by part.
pub struct CsvParts {
    reader: Box<dyn BufRead + Send>,
    shown: String,
    /// Line feeds read so far.
    lines: u64,
    names: Option<Row>,
    /// A row that found no room in the part before.
    ahead: Option<Row>,
    rows_max: usize,
    bytes_max: usize,
}

/// One part: a CSV file of its own.
pub struct CsvPart {
    /// Its text, the row of names first.
    pub bytes: Vec<u8>,
    /// How many rows it has besides the row of names.
    pub rows: usize,
    /// For each row, the line on which it begins: here, and in the whole file.
    lines: Vec<(u64, u64)>,
}

struct Row {
    bytes: Vec<u8>,
    line: u64,
}

/// Where in a row its reader is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    CellStart,
    Plain,
    Quoted,
    /// Behind a quotation mark that ends the cell, unless another follows.
    MarkInQuoted,
}

impl Place {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Quoted, b'"') => Self::MarkInQuoted,
            (Self::Quoted, _) | (Self::CellStart | Self::MarkInQuoted, b'"') => Self::Quoted,
            (Self::CellStart | Self::Plain | Self::MarkInQuoted, b',') => Self::CellStart,
            (Self::CellStart | Self::Plain | Self::MarkInQuoted, _) => Self::Plain,
        }
    }
}

impl CsvPart {
    /// The line of the whole file that stands on `line` of this part.
    pub fn line_in_file(&self, line: u64) -> u64 {
        let behind = self.lines.partition_point(|(here, _)| *here <= line);
        match behind.checked_sub(1).and_then(|index| self.lines.get(index)) {
            Some((here, in_file)) => in_file + (line - here),
            None => line,
        }
    }
}

impl CsvParts {
    /// The parts of what `reader` brings, named `shown` in words to people.
    pub fn new(reader: Box<dyn BufRead + Send>, shown: String) -> Self {
        Self::bounded(reader, shown, SUPPRESSION_ROWS_MAX, BATCH_BYTES_MAX)
    }

    fn bounded(reader: Box<dyn BufRead + Send>, shown: String, rows_max: usize, bytes_max: usize) -> Self {
        Self { reader, shown, lines: 0, names: None, ahead: None, rows_max, bytes_max }
    }

    /// The next part; `None` at the end. The first is there even if the file has no row besides the names, so that the
    /// server says whether those are right.
    ///
    /// # Errors
    /// If the file cannot be read or a row is too long to be one.
    pub fn next(&mut self) -> Result<Option<CsvPart>, Failure> {
        let is_first = self.names.is_none();
        let names = match self.names.take() {
            Some(names) => names,
            None => self.row()?.unwrap_or(Row { bytes: Vec::new(), line: 1 }),
        };
        let mut part = CsvPart { bytes: names.bytes.clone(), rows: 0, lines: vec![(1, names.line)] };
        let mut line = 1 + line_feeds(&names.bytes);
        self.names = Some(names);
        while let Some(row) = self.ahead.take().map_or_else(|| self.row(), |row| Ok(Some(row)))? {
            if part.rows == self.rows_max || part.bytes.len() + row.bytes.len() > self.bytes_max {
                self.ahead = Some(row);
                break;
            }
            part.lines.push((line, row.line));
            part.rows += 1;
            line += line_feeds(&row.bytes);
            part.bytes.extend_from_slice(&row.bytes);
        }
        Ok((is_first || part.rows > 0).then_some(part))
    }

    /// The next row that is not empty, ended by a line feed.
    fn row(&mut self) -> Result<Option<Row>, Failure> {
        loop {
            let line = self.lines + 1;
            let Some(mut bytes) = self.read_row(line)? else { return Ok(None) };
            while bytes.last().is_some_and(|last| matches!(last, b'\n' | b'\r')) {
                bytes.pop();
            }
            if !bytes.is_empty() {
                bytes.push(b'\n');
                return Ok(Some(Row { bytes, line }));
            }
        }
    }

    fn read_row(&mut self, line: u64) -> Result<Option<Vec<u8>>, Failure> {
        let mut row = Vec::new();
        let mut place = Place::CellStart;
        loop {
            let begin = row.len();
            let room = SUPPRESSION_ROW_BYTES_MAX + 1 - begin;
            let read = (&mut self.reader).take(room as u64).read_until(b'\n', &mut row);
            let read =
                read.map_err(|error| Failure::new(format!("{} cannot be read: {error}", self.shown)))?;
            if row.len() > SUPPRESSION_ROW_BYTES_MAX {
                return Err(Failure::new(format!(
                    "{} cannot be imported: the row that begins on line {line} is longer than {} KiB. Is a quotation \
                     mark in it never closed?",
                    self.shown,
                    SUPPRESSION_ROW_BYTES_MAX / 1024
                )));
            }
            let last = row.last() == Some(&b'\n');
            self.lines += u64::from(last && read > 0);
            for byte in &row[begin..] {
                place = place.after(*byte);
            }
            if read == 0 {
                return Ok((!row.is_empty()).then_some(row));
            }
            if last && place != Place::Quoted {
                return Ok(Some(row));
            }
        }
    }
}

fn line_feeds(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn parts(text: &str, rows_max: usize, bytes_max: usize) -> Vec<CsvPart> {
        let reader = Box::new(Cursor::new(text.to_owned().into_bytes()));
        let mut parts = CsvParts::bounded(reader, "list.csv".to_owned(), rows_max, bytes_max);
        std::iter::from_fn(|| parts.next().unwrap()).collect()
    }

    fn texts(parts: &[CsvPart]) -> Vec<&str> {
        parts.iter().map(|part| std::str::from_utf8(&part.bytes).unwrap()).collect()
    }

    #[test]
    fn every_part_has_the_names_and_no_more_rows_than_it_may() {
        let parts = parts("address\na\nb\nc", 2, 1_000);
        assert_eq!(texts(&parts), ["address\na\nb\n", "address\nc\n"]);
        assert_eq!(parts[1].line_in_file(2), 4);
    }

    #[test]
    fn every_part_is_as_large_as_it_may_be() {
        let parts = parts("address\naaaa\nbbbb\ncccc\n", 100, 18);
        assert_eq!(texts(&parts), ["address\naaaa\nbbbb\n", "address\ncccc\n"]);
    }

    #[test]
    fn a_row_may_go_over_several_lines_and_its_marks_are_told_from_those_within_a_cell() {
        let text = "address,source\r\n\r\na,\"x\r\ny \"\"z\"\"\"\r\nO\"Brien@x,\r\nc,\n";
        let parts = parts(text, 1, 1_000);
        let expected = [
            "address,source\na,\"x\r\ny \"\"z\"\"\"\n",
            "address,source\nO\"Brien@x,\n",
            "address,source\nc,\n",
        ];
        assert_eq!(texts(&parts), expected);
        let lines: Vec<_> = parts.iter().map(|part| part.line_in_file(2)).collect();
        assert_eq!(lines, [3, 5, 6]);
        assert_eq!(parts[0].line_in_file(3), 4);
    }

    #[test]
    fn a_file_without_rows_is_one_part_and_an_empty_one_too() {
        assert_eq!(texts(&parts("address\n", 2, 100)), ["address\n"]);
        assert_eq!(texts(&parts("", 2, 100)), [""]);
    }

    #[test]
    fn a_mark_that_is_never_closed_is_found_before_it_swallows_the_file() {
        let text = format!("address\na@example.com\n\"b@example.com\n{}", "c@example.com\n".repeat(100_000));
        let mut parts = CsvParts::new(Box::new(Cursor::new(text.into_bytes())), "list.csv".to_owned());
        let words = parts.next().err().unwrap().to_string();
        assert!(words.contains("list.csv") && words.contains("line 3"), "{words}");
    }
}
