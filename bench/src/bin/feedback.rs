//! `feedback`: measures how fast SES events become durable, next to a plain SQLite program. See `README.md`.

#![expect(clippy::print_stdout, reason = "a measurement tells what it measured")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use postrider_bench::feedback::report::{Measured, report};
use postrider_bench::feedback::{events, intake, peer};
use postrider_bench::machine::Machine;
use postrider_bench::order::Orders;
use postrider_bench::{Failure, seed};
use postrider_core::domain::suppression::{Secret, SoftBounceRule};
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::SQS_RECEIVERS_MAX;
use postrider_core::ports::feedback::RecipientRules;
use postrider_core::ports::ledger::Ledger;
use postrider_sqlite::SqliteLedger;
use tokio::runtime::{Builder, Runtime};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: feedback [--events N] [--repeats N]";
/// `feedback.sqs_receivers`, unless configured otherwise.
const RECEIVERS_DEFAULT: usize = 2;
const PEER_TIME: Duration = Duration::from_secs(5);

fn main() -> Result<(), Failure> {
    let (mut count, mut repeats) = (100_000, 3);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match name.as_str() {
            "--events" => count = value.parse()?,
            "--repeats" => repeats = value.parse()?,
            _ => return Err(USAGE.into()),
        }
    }
    let directory = tempfile::Builder::new().prefix("postrider-bench-").tempdir()?;
    let machine = Machine::look(directory.path());
    // As many threads as `serve` has.
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut measured = Measured::default();
    for repeat in 0..repeats {
        let place = directory.path().join(repeat.to_string());
        std::fs::create_dir(&place)?;
        let sent = one_round(&runtime, &place, repeat, count, &mut measured)?;
        println!("round {} of {repeats}: {sent} notifications", repeat + 1);
        std::fs::remove_dir_all(&place)?;
    }
    let report = report(&machine, &measured);
    report.write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("results"), "feedback")?;
    println!("{}", report.markdown);
    Ok(())
}

/// Postrider with many receivers, the peer, Postrider with few, on new ledgers each.
fn one_round(
    runtime: &Runtime,
    place: &Path,
    round: u64,
    count: u64,
    measured: &mut Measured,
) -> Result<usize, Failure> {
    let mut known = 0;
    for receivers in [SQS_RECEIVERS_MAX, RECEIVERS_DEFAULT] {
        let ledger = open(&place.join(format!("ledger-{receivers}.sqlite")))?;
        runtime.block_on(seed::fill(&*ledger, Orders::new(round + 1), count, now()?))?;
        let sent = runtime.block_on(events::sent(&*ledger))?;
        let texts = events::texts(&sent)?;
        let bodies: Vec<String> =
            texts.iter().enumerate().map(|(index, text)| events::enveloped(index, text)).collect();
        measured.events = texts.len();
        let mean = |texts: &[String]| texts.iter().map(String::len).sum::<usize>() / texts.len().max(1);
        measured.bytes = (mean(&texts), mean(&bodies));
        let run = runtime.block_on(intake::run(Arc::clone(&ledger), bodies.clone(), receivers, now()?))?;
        println!("postrider, {receivers} receivers: {:.0} events/s", run.rate);
        drop(ledger);
        if receivers == SQS_RECEIVERS_MAX {
            measured.most.push(run);
            let run = peer::run(&place.join("peer.sqlite"), &sent, &bodies, PEER_TIME)?;
            println!("plain SQLite: {:.0} events/s", run.rate);
            measured.peer.push(run);
        } else {
            measured.default.push(run);
        }
        known = sent.len();
    }
    Ok(known)
}

fn open(path: &Path) -> Result<Arc<dyn Ledger>, Failure> {
    let rules = RecipientRules { secret: Secret::new([7; 32]), soft_bounces: SoftBounceRule::default() };
    Ok(Arc::new(SqliteLedger::open(path, rules)?))
}

#[expect(clippy::disallowed_methods, reason = "a measurement happens at the real time")]
fn now() -> Result<Timestamp, Failure> {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(Timestamp::from_millis(i64::try_from(since_epoch.as_millis())?))
}
