//! The suppression list as CSV (RFC 4180), safe to open in a spreadsheet.
//!
//! A cell that begins like a formula is written with an apostrophe before it, which spreadsheets take for "this is text"
//! and reading takes off again. Addresses may begin with `+` or `=`.

use csv::{ReaderBuilder, StringRecord, Trim, WriterBuilder};
use postrider_core::domain::suppression::Suppression;
use postrider_core::limits::SUPPRESSION_ROWS_MAX;

use super::suppressions::PutSuppression;

const COLUMNS: [&str; 6] = ["address", "reason", "source", "category", "since", "expires_at"];

/// One row that can be read.
#[derive(Debug)]
pub struct Row {
    /// Its line, from 1.
    pub line: u64,
    /// Whom it is about.
    pub address: String,
    /// The rest.
    pub put: PutSuppression,
}

/// One row that cannot.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidRow {
    /// Its line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub message: String,
}

/// Writes entries, with the row of names before the first. Erased ones have no address and are left out: nobody could
/// read them back.
pub fn write(entries: &[Suppression], with_names: bool) -> Vec<u8> {
    let mut writer = WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    if with_names {
        // Writing to memory does not fail.
        let _ = writer.write_record(COLUMNS);
    }
    for entry in entries {
        let Some(address) = &entry.address else { continue };
        let since = entry.since.to_string();
        let expires_at = entry.expires_at.map(|at| at.to_string()).unwrap_or_default();
        let category = entry.category.as_deref().unwrap_or_default();
        let cells = [address.as_str(), entry.reason.as_str(), &entry.source, category, &since, &expires_at];
        let _ = writer.write_record(cells.map(disarm));
    }
    writer.into_inner().unwrap_or_default()
}

/// Reads rows by the names in the first.
///
/// # Errors
/// If there is no row of names, none of them is `address`, one is not known, or there are too many rows.
pub fn read(bytes: &[u8]) -> Result<Vec<Result<Row, InvalidRow>>, String> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().trim(Trim::All).flexible(true).from_reader(bytes);
    let names = reader.headers().map_err(|_| "must be CSV in UTF-8".to_owned())?.clone();
    let mut places = [None; COLUMNS.len()];
    for (index, name) in names.iter().enumerate() {
        let Some(column) = COLUMNS.iter().position(|known| known.eq_ignore_ascii_case(name)) else {
            return Err(format!("has a column {name:?}; the columns are {}", COLUMNS.join(", ")));
        };
        places[column] = Some(index);
    }
    if places[0].is_none() {
        return Err("must name its columns in the first row, `address` among them".to_owned());
    }
    let mut rows = Vec::new();
    for record in reader.into_records() {
        if rows.len() == SUPPRESSION_ROWS_MAX {
            return Err(format!("has more than {SUPPRESSION_ROWS_MAX} rows; send it in parts"));
        }
        rows.push(match record {
            Ok(record) => Ok(row(&record, places)),
            Err(error) => Err(InvalidRow {
                line: error.position().map_or(0, csv::Position::line),
                message: "cannot be read: it must be CSV in UTF-8".to_owned(),
            }),
        });
    }
    Ok(rows)
}

fn row(record: &StringRecord, places: [Option<usize>; COLUMNS.len()]) -> Row {
    let cell = |column: usize| {
        let text = places[column].and_then(|index| record.get(index)).map(rearm);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    Row {
        line: record.position().map_or(0, csv::Position::line),
        address: cell(0).unwrap_or_default(),
        put: PutSuppression {
            reason: cell(1),
            source: cell(2),
            category: cell(3),
            since: cell(4),
            expires_at: cell(5),
        },
    }
}

fn is_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

fn disarm(cell: &str) -> String {
    if is_formula(cell) || cell.starts_with('\'') { format!("'{cell}") } else { cell.to_owned() }
}

fn rearm(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_formula(rest) || rest.starts_with('\'') => rest,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use postrider_core::domain::address::EmailAddress;
    use postrider_core::domain::suppression::{RecipientKey, Suppression, SuppressionReason};
    use postrider_core::domain::time::Timestamp;

    use super::{read, write};

    fn entry(address: &str) -> Suppression {
        Suppression {
            recipient: RecipientKey::from_bytes([0; 16]),
            address: EmailAddress::parse(address).ok(),
            category: None,
            reason: SuppressionReason::Manual,
            source: "=1+1".to_owned(),
            since: Timestamp::EPOCH,
            expires_at: None,
        }
    }

    #[test]
    fn no_cell_is_a_formula_and_reading_gives_back_what_was_written() {
        let addresses =
            ["=cmd@example.com", "+a@example.com", "-b@example.com", "'=c@example.com", "d@example.com"];
        let file = write(&addresses.map(entry), true);
        let text = String::from_utf8(file.clone()).unwrap();
        for cell in text.lines().flat_map(|line| line.split(',')) {
            assert!(!cell.trim_matches('"').starts_with(['=', '+', '-', '@']), "{cell}");
        }
        let rows: Vec<_> = read(&file).unwrap().into_iter().map(Result::unwrap).collect();
        let read: Vec<_> = rows.iter().map(|row| row.address.as_str()).collect();
        assert_eq!(read, addresses);
        assert_eq!(rows[0].put.source.as_deref(), Some("=1+1"));
        assert_eq!(rows[0].put.expires_at, None);
    }

    #[test]
    fn columns_are_found_by_name_and_rows_tell_their_line() {
        let rows =
            read(b"\xef\xbb\xbfReason, Address\nmanual, a@example.com\n complaint ,b@example.com\n").unwrap();
        let rows: Vec<_> = rows.into_iter().map(Result::unwrap).collect();
        assert_eq!((rows[1].line, rows[1].address.as_str()), (3, "b@example.com"));
        assert_eq!(rows[1].put.reason.as_deref(), Some("complaint"));
    }

    #[test]
    fn a_file_without_addresses_or_with_unknown_columns_is_refused() {
        assert!(read(b"reason\nmanual\n").is_err());
        assert!(read(b"").is_err());
        assert!(read(b"address,adress\n").unwrap_err().contains("adress"));
    }

    #[test]
    fn a_row_that_is_not_utf_8_does_not_spoil_the_others() {
        let rows = read(b"address\na@example.com\n\xff\xfe@example.com\nb@example.com\n").unwrap();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[1].as_ref().unwrap_err().line, 3);
        assert_eq!(rows[2].as_ref().unwrap().address, "b@example.com");
    }
}
