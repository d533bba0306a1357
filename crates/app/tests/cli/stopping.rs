//! SIGTERM: over within ten seconds, whatever hangs.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;

use crate::common::{Serving, postrider};

/// What the contract promises.
const LONGEST_STOP: Duration = Duration::from_secs(10);

#[test]
fn a_log_that_nobody_reads_does_not_keep_the_server_from_stopping() {
    let directory = TempDir::new().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    // Fills what the system keeps for a pipe: whoever logs now waits for ever. Ends when nobody can read any more.
    let mut filler = writer.try_clone().unwrap();
    std::thread::spawn(move || while filler.write_all(&[b'x'; 4096]).is_ok() {});
    let mut command = postrider(directory.path(), &["serve", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(writer).spawn().unwrap();
    let mut greeting = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut greeting).unwrap();
    let mut server = Serving(child);
    let (_, took) = server.terminate();
    assert!(took < LONGEST_STOP, "{took:?}");
    drop(reader);
}
