//! The memory drill: a mail server that stays away while a long queue builds up, and what happens when it comes back.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use postrider_testkit::postfix::{SmtpSink, reserved_addr};

use super::Report;
use crate::Failure;
use crate::load;
use crate::order::Orders;
use crate::process;
use crate::records;
use crate::server::{Server, Setup};

/// Notifications of high priority; they are accepted last and must leave first.
const URGENT: u64 = 1_000;
/// What the server may have resident at its peak, in MiB.
const RESIDENT_MIB_MAX: u64 = 150;
const CONNECTIONS: usize = 20;
/// Messages of low priority that may precede one of high priority: what was claimed before the server was back.
const AHEAD_MAX: usize = 512;
const DRAIN_MAX: Duration = Duration::from_secs(600);

/// Runs the drill in `directory` with `queued` notifications of the types made from `shipped_type`.
///
/// # Errors
/// If it cannot be carried out. What it finds, good or bad, is in the report.
pub fn run(
    binary: &Path,
    directory: &Path,
    shipped_type: &Path,
    queued: u64,
    seed: u64,
) -> Result<Report, Failure> {
    let mail_server = reserved_addr()?;
    let types = directory.join("types");
    copy_directory(&shipped_type.with_file_name("_layout"), &types.join("_layout"))?;
    derive_type(shipped_type, &types.join("order_bulk"), "order.bulk", "low")?;
    derive_type(shipped_type, &types.join("order_urgent"), "order.urgent", "high")?;
    let server = Setup::new(binary, &directory.join("data"), mail_server)
        .set("TYPES__DIRECTORY", &types.to_string_lossy())
        .set("MAILER__SMTP__CONNECTIONS", "8")
        .set("RETRY__BASE_DELAY_MS", "1000")
        .set("RETRY__MAX_DELAY_MS", "2000")
        .set("RETRY__MAX_ATTEMPTS", "100")
        .start()?;

    let mut report = Report::default();
    report.counts.push(("seed", seed));
    let bulk = Orders::new(seed).with_event_type("order.bulk");
    let urgent = Orders::new(seed.wrapping_add(1)).with_event_type("order.urgent");
    post(&server, &mut report, bulk, queued.saturating_sub(URGENT))?;
    post(&server, &mut report, urgent, URGENT)?;
    let peak_queued_mib = process::peak_resident_kib(server.pid())? / 1024;
    report.counts.push(("queued", queued));
    report.counts.push(("peak resident MiB with the queue full", peak_queued_mib));

    let sink = SmtpSink::start_on(mail_server)?;
    let back = Instant::now();
    let expected = usize::try_from(queued)?;
    let arrived = sink.wait_for_total(expected, DRAIN_MAX);
    report.count("seconds to drain", usize::try_from(back.elapsed().as_secs())?);
    records::wait_until_settled(&mut server.client()?, DRAIN_MAX)?;
    let peak_mib = process::peak_resident_kib(server.pid())? / 1024;
    report.counts.push(("peak resident MiB in the end", peak_mib));
    report.count("messages at the sink", sink.total());
    report.demand(arrived == expected, || format!("{arrived} of {expected} arrived within {DRAIN_MAX:?}"));
    let different = sink.counts().len();
    report.demand(sink.total() == different, || format!("{} duplicates", sink.total() - different));
    report.demand(peak_mib <= RESIDENT_MIB_MAX, || {
        format!("{peak_mib} MiB resident, {RESIDENT_MIB_MAX} allowed")
    });

    let urgent: HashSet<String> = (0..URGENT).map(|index| urgent.recipient(index)).collect();
    let last_urgent = sink.arrivals().iter().rposition(|arrival| urgent.contains(&arrival.recipient));
    let ahead = last_urgent.map_or(expected, |position| (position + 1).saturating_sub(urgent.len()));
    report.count("low priority ahead of the last high one", ahead);
    report.demand(ahead <= AHEAD_MAX, || format!("{ahead} of low priority went ahead, {AHEAD_MAX} allowed"));
    Ok(report)
}

fn post(server: &Server, report: &mut Report, orders: Orders, count: u64) -> Result<(), Failure> {
    /// Requests held in this process at once.
    const CHUNK: u64 = 10_000;
    let addr = server.addr()?;
    for start in (0..count).step_by(usize::try_from(CHUNK)?) {
        let indexes = start..count.min(start + CHUNK);
        let requests = load::prepare(addr, indexes.map(|index| orders.event(index)));
        let run = load::run(addr, &requests, CONNECTIONS)?;
        report.demand(run.refused == 0, || {
            format!("{} orders refused, such as {}", run.refused, run.refusal.unwrap_or_default())
        });
    }
    Ok(())
}

/// Copies a notification type and gives the copy another event and priority.
fn derive_type(original: &Path, copy: &Path, event_type: &str, priority: &str) -> Result<(), Failure> {
    copy_directory(original, copy)?;
    let file = copy.join("type.toml");
    let settings: Vec<String> = fs::read_to_string(&file)?
        .lines()
        .map(|line| match line.split_once('=').map(|(name, _)| name.trim()) {
            Some("events") => format!("events = [\"{event_type}\"]"),
            Some("priority") => format!("priority = \"{priority}\""),
            _ => line.to_owned(),
        })
        .collect();
    let text = settings.join("\n");
    if !text.contains(event_type) || !text.contains(&format!("\"{priority}\"")) {
        return Err(format!("{} names no events or no priority", original.join("type.toml").display()).into());
    }
    fs::write(file, text)?;
    Ok(())
}

fn copy_directory(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target: PathBuf = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_directory(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
