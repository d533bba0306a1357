//! Where a running server says how to reach it, so that commands beside it find it whatever port it took.
//!
//! The file outlives a server that was killed, and its port may be another's by then. So it names the server by an id
//! drawn at its start, which the server repeats in every answer: only who says the same is the one.
//!
//! It also has the token that commands show to the server. It is for the owner alone: whoever may read it may open the
//! ledger as well. It is good for this one run, so that one that was left behind opens nothing.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use http::HeaderName;
use postrider_core::ports::clock::Random;
use postrider_http::access::RUN_TOKEN_PREFIX;
use serde::{Deserialize, Serialize};

/// The header by which a server says which one it is.
pub const INSTANCE_HEADER: HeaderName = HeaderName::from_static("postrider-instance");

/// The contents of `server.json` in the data directory.
#[derive(Clone, Serialize, Deserialize)]
pub struct ServerFile {
    /// Where the server listens: `http://127.0.0.1:8025`.
    pub url: String,
    /// Its process id, for people and supervisors. Never used to find the server: process ids come again.
    pub pid: u32,
    /// The name it gave itself at its start.
    pub instance: String,
    /// What a command shows instead of a key. Older servers had none.
    #[serde(default)]
    pub token: String,
}

impl ServerFile {
    /// What is to be said of a server at `url` that starts now: with a name that no other start has, and a token that
    /// nobody can guess.
    #[must_use]
    pub fn new(url: String, random: &dyn Random) -> Self {
        let instance = format!("{:032x}", random.next_u128());
        let token = format!("{RUN_TOKEN_PREFIX}{:032x}{:032x}", random.next_u128(), random.next_u128());
        Self { url, pid: std::process::id(), instance, token }
    }

    /// Writes the file whole, for its owner alone: a reader never sees half of it.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&self, data_dir: &Path) -> std::io::Result<()> {
        let temporary = data_dir.join("server.json.new");
        // One that was left behind may be readable for others.
        match std::fs::remove_file(&temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        std::fs::rename(temporary, path(data_dir))
    }
}

/// Where commands on this machine reach what listens on `address`.
#[must_use]
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(loopback, address.port())
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("server.json")
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
