//! The disk-full drill: the data directory lies on a small file system that fills up and gets room again.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use postrider_testkit::postfix::SmtpSink;

use super::posting::{acknowledgement, post_until_acknowledged};
use super::{Report, audit};
use crate::Failure;
use crate::http::Client;
use crate::order::Orders;
use crate::records;
use crate::server::Setup;

/// Size of the file system.
const SIZE_MIB: u32 = 48;
/// Orders posted before it fills up.
const ORDERS_BEFORE: u64 = 300;
/// Orders posted at most until the first refusal: a write-ahead log has some room of its own.
const ORDERS_UNTIL_REFUSED_MAX: u64 = 20_000;
/// Requests made while it is full.
const REFUSALS: u64 = 50;
/// Orders posted after there is room again.
const ORDERS_AFTER: u64 = 300;
const SETTLE_MAX: Duration = Duration::from_secs(120);
/// How soon after there is room an order must be taken.
const RECOVERY_MAX: Duration = Duration::from_secs(30);

/// A tmpfs, mounted as long as this lives. Needs the rights of root.
struct SmallFileSystem(PathBuf);

impl SmallFileSystem {
    fn mount(at: PathBuf) -> Result<Self, Failure> {
        fs::create_dir_all(&at)?;
        let size = format!("size={SIZE_MIB}m");
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at).status()?;
        if !status.success() {
            return Err(
                format!("cannot mount a tmpfs on {} ({status}); the drill needs root", at.display()).into()
            );
        }
        Ok(Self(at))
    }

    /// Writes a file until nothing more fits.
    fn fill(&self) -> Result<PathBuf, Failure> {
        let path = self.0.join("ballast");
        let mut file = File::create(&path)?;
        let mut block = vec![0x55; 64 * 1024];
        loop {
            match file.write(&block) {
                Ok(_) => {}
                // The last bytes, too.
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull && block.len() > 1 => {
                    block.truncate(block.len() / 2);
                }
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(path),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for SmallFileSystem {
    fn drop(&mut self) {
        // A mount that stays behind is visible and harmless.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Runs the drill in `directory`.
///
/// # Errors
/// If it cannot be carried out. What it finds, good or bad, is in the report.
pub fn run(binary: &Path, directory: &Path, seed: u64) -> Result<Report, Failure> {
    let sink = SmtpSink::start()?;
    let disk = SmallFileSystem::mount(directory.join("small"))?;
    // Its log lies on the same disk, as in /var on many a server: what cannot be logged must not cost an answer.
    let mut server = Setup::new(binary, &disk.0.join("data"), sink.addr())
        .set("RETRY__BASE_DELAY_MS", "200")
        .set("RETRY__MAX_DELAY_MS", "1000")
        .set("MAILER__UNKNOWN_WAIT_SECS", "1")
        .start()?;
    let mut client = server.client()?;
    let orders = Orders::new(seed);
    let mut next = 0..u64::MAX;
    let mut acknowledged = HashSet::new();
    for index in next.by_ref().take(usize::try_from(ORDERS_BEFORE)?) {
        acknowledged.insert(post_until_acknowledged(&mut client, &orders.event(index))?.id);
    }

    let ballast = disk.fill()?;
    let mut report = Report::default();
    let taken_while_full = post_until_refused(&mut client, orders, &mut next, &mut acknowledged)?;
    report.count("taken from the log's own room", taken_while_full);
    let (mut refused, mut without_retry_after) = (0, 0);
    for index in next.by_ref().take(usize::try_from(REFUSALS)?) {
        let answer = client.post("/v1/events", &orders.event(index))?;
        match acknowledgement(&answer) {
            // Some bytes may have become free meanwhile; what is acknowledged counts.
            Some(taken) => drop(acknowledged.insert(taken.id)),
            None => {
                refused += usize::from(answer.status == 503);
                without_retry_after += usize::from(answer.header("retry-after").is_none());
                report.demand(answer.status == 503, || format!("a full disk was answered {}", answer.status));
            }
        }
    }
    report.count("answered 503 while full", refused);
    report.demand(refused > 0, || "nothing was refused on a full disk".to_owned());
    report.demand(without_retry_after == 0, || format!("{without_retry_after} refusals have no Retry-After"));
    report.demand(server.is_running()?, || "the server ended on a full disk".to_owned());

    fs::remove_file(ballast)?;
    let recovery_ms = recover(&mut client, orders, &mut next, &mut acknowledged)?;
    report.count("ms from room to the first order taken", recovery_ms);
    for index in next.by_ref().take(usize::try_from(ORDERS_AFTER)?) {
        acknowledged.insert(post_until_acknowledged(&mut client, &orders.event(index))?.id);
    }
    records::wait_until_settled(&mut client, SETTLE_MAX)?;
    report.count("acknowledged", acknowledged.len());
    audit::account(&mut report, &mut client, &sink, &acknowledged)?;
    Ok(report)
}

fn post_until_refused(
    client: &mut Client,
    orders: Orders,
    next: &mut impl Iterator<Item = u64>,
    acknowledged: &mut HashSet<String>,
) -> Result<usize, Failure> {
    for (taken, index) in next.take(usize::try_from(ORDERS_UNTIL_REFUSED_MAX)?).enumerate() {
        let answer = client.post("/v1/events", &orders.event(index))?;
        match acknowledgement(&answer) {
            Some(acknowledgement) => drop(acknowledged.insert(acknowledgement.id)),
            None => return Ok(taken),
        }
    }
    Err(format!("{ORDERS_UNTIL_REFUSED_MAX} orders fitted on a full disk").into())
}

/// Posts orders until one is taken and says how many milliseconds that took.
fn recover(
    client: &mut Client,
    orders: Orders,
    next: &mut impl Iterator<Item = u64>,
    acknowledged: &mut HashSet<String>,
) -> Result<usize, Failure> {
    let started = Instant::now();
    for index in next {
        if let Some(taken) = acknowledgement(&client.post("/v1/events", &orders.event(index))?) {
            acknowledged.insert(taken.id);
            break;
        }
        if started.elapsed() > RECOVERY_MAX {
            return Err(
                format!("no order was taken within {RECOVERY_MAX:?} after there was room again").into()
            );
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(usize::try_from(started.elapsed().as_millis())?)
}
