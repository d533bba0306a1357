//! Where a running server says how to reach it, so that commands beside it find it whatever port it took.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The contents of `server.json` in the data directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerFile {
    /// Where the server listens: `http://127.0.0.1:8025`.
    pub url: String,
    /// Its process id.
    pub pid: u32,
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("server.json")
}

/// Writes the file whole: a reader never sees half of it.
///
/// # Errors
/// The system's.
pub fn write(data_dir: &Path, url: &str) -> std::io::Result<()> {
    let file = ServerFile { url: url.to_owned(), pid: std::process::id() };
    let temporary = data_dir.join("server.json.new");
    std::fs::write(&temporary, serde_json::to_string(&file)?)?;
    std::fs::rename(temporary, path(data_dir))
}

/// Reads the file of the server that runs, or last ran, on this data directory.
pub fn read(data_dir: &Path) -> Option<ServerFile> {
    serde_json::from_slice(&std::fs::read(path(data_dir)).ok()?).ok()
}

/// Removes the file when the server stops.
pub fn remove(data_dir: &Path) {
    // Left behind, it only makes the next command look in vain.
    let _ = std::fs::remove_file(path(data_dir));
}
