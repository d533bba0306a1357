//! One run of each side.

use std::path::Path;
use std::time::Duration;

use postrider_testkit::postfix::Postfix;

use super::lookups::{self, Lookups};
use crate::Failure;
use crate::latency::Summary;
use crate::load;
use crate::order::Orders;
use crate::peer::{self, CountingSink};
use crate::process;
use crate::records;
use crate::server::Setup;

/// Kept-alive connections that post orders.
pub const CONNECTIONS: usize = 20;
/// How long after the last message the ledger may take to say so.
const SETTLE_MAX: Duration = Duration::from_secs(60);

/// What one run of Postrider came to.
#[derive(Clone, Debug)]
pub struct PostriderRun {
    /// From the first request to the last message at the sink.
    pub seconds: f64,
    /// Messages a second over that time.
    pub rate: f64,
    /// From request to acknowledgement.
    pub accept: Summary,
    /// CPU time of Postrider's own process per message, from the first request until the last is recorded as sent.
    pub cpu_ms_per_message: f64,
    /// The same of the sink and of the load generator together, which share the cores with it.
    pub harness_cpu_ms_per_message: f64,
    /// `VmHWM` in MiB.
    pub peak_resident_mib: u64,
    /// Bytes of one message as sent.
    pub message_bytes: usize,
    /// Lookups by order id, when there were any.
    pub lookups: Option<Lookups>,
}

/// Which orders to ask for while a run goes on.
#[derive(Clone, Copy, Debug)]
pub struct LookFor {
    /// Orders that were there before.
    pub past: Orders,
    /// How many.
    pub rows: u64,
}

/// Runs `count` orders through a server on `data_dir`, which may have a past.
///
/// # Errors
/// If the run cannot be made, or an order is refused.
pub fn postrider(
    binary: &Path,
    data_dir: &Path,
    settings: &[(String, String)],
    orders: Orders,
    count: u64,
    look_for: Option<LookFor>,
) -> Result<PostriderRun, Failure> {
    let mut sink = CountingSink::start()?;
    let setup = Setup::new(binary, data_dir, sink.addr());
    let setup = settings.iter().fold(setup, |setup, (name, value)| setup.set(name, value));
    let server = setup.start()?;
    let addr = server.addr()?;
    let requests = load::prepare(addr, (0..count).map(|index| orders.event(index)));
    let watch = sink.watch(count)?;
    let sink_pid = sink.pid();
    let harness_cpu_ms =
        || Ok::<_, Failure>(process::cpu_ms(sink_pid)? + process::cpu_ms(std::process::id())?);
    let cpu_before_ms = process::cpu_ms(server.pid())?;
    let harness_before_ms = harness_cpu_ms()?;
    let (load, lookups) = lookups::during(addr, look_for, || load::run(addr, &requests, CONNECTIONS))?;
    if load.refused > 0 {
        return Err(format!("{} orders refused: {}", load.refused, load.refusal.unwrap_or_default()).into());
    }
    let seconds = watch.wait()?.duration_since(load.started).as_secs_f64();
    let mut client = server.client()?;
    records::wait_until_settled(&mut client, SETTLE_MAX)?;
    let cpu_ms = process::cpu_ms(server.pid())? - cpu_before_ms;
    let harness_ms = harness_cpu_ms()? - harness_before_ms;
    let newest = client.get("/v1/notifications?limit=1")?.json();
    let id = newest["data"][0]["id"].as_str().unwrap_or_default();
    let message = client.get(&format!("/v1/notifications/{id}/message"))?;
    Ok(PostriderRun {
        seconds,
        rate: per_second(count, seconds),
        accept: load.latencies.summary(),
        cpu_ms_per_message: ratio(cpu_ms, count),
        harness_cpu_ms_per_message: ratio(harness_ms, count),
        peak_resident_mib: process::peak_resident_kib(server.pid())? / 1024,
        message_bytes: message.body.len(),
        lookups,
    })
}

/// What one run of Postfix came to.
#[derive(Clone, Copy, Debug)]
pub struct PostfixRun {
    /// Parallel SMTP sessions of the source.
    pub sessions: usize,
    /// From the start of the source to the last message at the sink.
    pub seconds: f64,
    /// Messages a second over that time.
    pub rate: f64,
}

/// Runs `count` messages of `message_bytes` from smtp-source(1) through a fresh Postfix, with the durability it has
/// by default, to a sink of the same kind.
///
/// # Errors
/// If Postfix or its tools are missing, or a message is refused.
pub fn postfix(count: u64, message_bytes: usize, sessions: usize) -> Result<PostfixRun, Failure> {
    let mut sink = CountingSink::start()?;
    let postfix = Postfix::start(sink.addr())?;
    let watch = sink.watch(count)?;
    let started = std::time::Instant::now();
    peer::send(postfix.addr(), count, message_bytes, sessions)?;
    let seconds = watch.wait()?.duration_since(started).as_secs_f64();
    Ok(PostfixRun { sessions, seconds, rate: per_second(count, seconds) })
}

/// The number of sessions with which Postfix is fastest, from short runs.
///
/// # Errors
/// Those of [`postfix`].
pub fn best_postfix_sessions(count: u64, message_bytes: usize) -> Result<PostfixRun, Failure> {
    const CANDIDATES: [usize; 5] = [4, 8, 16, 32, 64];
    let runs = CANDIDATES.into_iter().map(|sessions| postfix(count, message_bytes, sessions));
    let runs = runs.collect::<Result<Vec<_>, Failure>>()?;
    runs.into_iter()
        .max_by(|one, other| one.rate.total_cmp(&other.rate))
        .ok_or_else(|| "no run was made".into())
}

#[expect(clippy::cast_precision_loss, reason = "counts and milliseconds of a run are far below 2^52")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
fn per_second(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds
}
