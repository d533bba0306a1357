//! The program of a function while it runs, and what it uses.

use std::fs;
use std::io;
use std::process::{Child, Command, ExitStatus};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::output::Output;

/// Linux counts processor time for user space in hundredths of a second on every architecture (proc(5)).
const TICKS_PER_SECOND: u32 = 100;

/// What a program has used since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// From when it was started to its first answer; zero before that.
    pub first_response: Duration,
    /// The most memory it ever had at once, in bytes.
    pub peak_memory_bytes: u64,
    /// Processor time, to a hundredth of a second.
    pub cpu: Duration,
}

/// A running program. Killed on drop.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    pub started: Instant,
    pub first_response: Option<Duration>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    pub fn start(command: &mut Command, output: &Output) -> io::Result<Self> {
        let started = Instant::now();
        let mut child = command.spawn()?;
        let streams = (child.stdout.take(), child.stderr.take());
        let readers = streams.0.map(|stream| output.read(stream)).into_iter();
        let readers = readers.chain(streams.1.map(|stream| output.read(stream))).collect();
        Ok(Self { child, started, first_response: None, readers })
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// What it has used. Nothing is known of one that has ended.
    pub fn usage(&self) -> Usage {
        let directory = format!("/proc/{}", self.child.id());
        let status = fs::read_to_string(format!("{directory}/status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB"));
        let peak_kilobytes: u64 = peak.and_then(|number| number.trim().parse().ok()).unwrap_or_default();
        let stat = fs::read_to_string(format!("{directory}/stat")).unwrap_or_default();
        // The name, in parentheses, may have spaces; after it the 12th and 13th field are user and system time.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: u32 = fields.iter().skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
        Usage {
            first_response: self.first_response.unwrap_or_default(),
            peak_memory_bytes: peak_kilobytes * 1024,
            cpu: Duration::from_secs(1) * ticks / TICKS_PER_SECOND,
        }
    }

    /// Ends it at once, and waits until everything it wrote has been read.
    pub fn kill(&mut self) {
        // One that has ended already cannot be killed, which is what was wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
