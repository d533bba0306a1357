//! On what a measurement was made.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The machine and the moment, for a report.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The processor's own name.
    pub cpu: String,
    /// Processors this process may use.
    pub cores: usize,
    /// Kernel release.
    pub kernel: String,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Type of the file system the ledger and Postfix's queue lie on.
    pub file_system: String,
    /// Load average of the minute before: what else the machine was doing.
    pub load_average: String,
    /// Version of Postfix.
    pub postfix: String,
    /// The day, UTC, `YYYY-MM-DD`.
    pub date: String,
}

impl Machine {
    /// Looks around. What cannot be found out is called `unknown`.
    #[must_use]
    pub fn look(data_directory: &Path) -> Self {
        let unknown = || "unknown".to_owned();
        let field = |path: &str, name: &str| {
            let text = fs::read_to_string(path).ok()?;
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory_kib = field("/proc/meminfo", "MemTotal")
            .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
            .unwrap_or(0);
        Self {
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .map_or_else(|_| unknown(), |text| text.trim().to_owned()),
            memory_mib: memory_kib / 1024,
            file_system: output("stat", &["-f", "-c", "%T", &data_directory.to_string_lossy()]),
            load_average: fs::read_to_string("/proc/loadavg")
                .ok()
                .and_then(|text| Some(text.split_whitespace().next()?.to_owned()))
                .unwrap_or_else(unknown),
            postfix: output("/usr/sbin/postconf", &["-hd", "mail_version"]),
            date: output("date", &["-u", "+%F"]),
        }
    }
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text =
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    if text.is_empty() { "unknown".to_owned() } else { text }
}

/// A seed nobody chose, for a drill whose report shows it.
#[must_use]
pub fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    // The standard library seeds its hash maps from the system's random source.
    RandomState::new().hash_one(0_u8) % 1_000_000_000
}
