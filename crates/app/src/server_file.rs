//! Where a running server says how to reach it, so that commands beside it find it whatever port it took.
//!
//! The file outlives a server that was killed, and its port may be another's by then. So it names the server by an id
//! drawn at its start, which the server repeats in every answer: only who says the same is the one.

use std::path::{Path, PathBuf};

use http::HeaderName;
use postrider_core::ports::clock::Random;
use serde::{Deserialize, Serialize};

/// The header by which a server says which one it is.
pub const INSTANCE_HEADER: HeaderName = HeaderName::from_static("postrider-instance");

/// The contents of `server.json` in the data directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerFile {
    /// Where the server listens: `http://127.0.0.1:8025`.
    pub url: String,
    /// Its process id, for people and supervisors. Never used to find the server: process ids come again.
    pub pid: u32,
    /// The name it gave itself at its start.
    pub instance: String,
}

/// A name no other start of a server has.
pub fn new_instance(random: &dyn Random) -> String {
    format!("{:016x}{:016x}", random.next_u64(), random.next_u64())
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("server.json")
}

/// Writes the file whole: a reader never sees half of it.
///
/// # Errors
/// The system's.
pub fn write(data_dir: &Path, url: &str, instance: &str) -> std::io::Result<()> {
    let file = ServerFile { url: url.to_owned(), pid: std::process::id(), instance: instance.to_owned() };
    let temporary = data_dir.join("server.json.new");
    std::fs::write(&temporary, serde_json::to_string(&file)?)?;
    std::fs::rename(temporary, path(data_dir))
}

/// Reads the file of the server that runs, or last ran, on this data directory.
pub fn read(data_dir: &Path) -> Option<ServerFile> {
    serde_json::from_slice(&std::fs::read(path(data_dir)).ok()?).ok()
}

/// Removes the file when the server `instance` stops, unless another has put its own there.
pub fn remove(data_dir: &Path, instance: &str) {
    if read(data_dir).is_some_and(|file| file.instance == instance) {
        // Left behind, it only makes the next command look in vain.
        let _ = std::fs::remove_file(path(data_dir));
    }
}
