//! The crash drill: SIGKILL at random moments while orders come in and messages go out.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use postrider_core::ports::clock::Random as _;
use postrider_testkit::postfix::{SmtpSink, reserved_addr};
use postrider_testkit::random::SeededRandom;

use super::posting::post_until_acknowledged;
use super::{Report, audit};
use crate::Failure;
use crate::http::Client;
use crate::order::Orders;
use crate::records;
use crate::server::{Server, Setup};

/// How long a round may wait for the moment it has chosen before it kills anyway.
const ROUND_MAX: Duration = Duration::from_secs(20);
/// How long the last restart may take to bring everything to an end.
const SETTLE_MAX: Duration = Duration::from_secs(180);
/// How long a kill during the start waits at most, in microseconds.
const START_KILL_US_MAX: u64 = 60_000;

/// What to do.
#[derive(Clone, Debug)]
pub struct CrashDrill {
    /// The program.
    pub binary: PathBuf,
    /// How many different orders are posted.
    pub orders: u64,
    /// How often the server is killed.
    pub kills: u32,
    /// How many clients post at once.
    pub clients: usize,
    /// What the moments and the orders are drawn from.
    pub seed: u64,
}

/// What the clients and the killer know of each other.
struct Progress {
    /// Orders the clients may post by now. Given out in rounds, so that every kill meets traffic.
    released: AtomicU64,
    next: AtomicU64,
    acknowledged: Mutex<HashSet<String>>,
    failed: AtomicBool,
}

impl Progress {
    fn acknowledged(&self) -> usize {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Runs the drill in `directory`.
///
/// # Errors
/// If it cannot be carried out. What it finds, good or bad, is in the report.
pub fn run(drill: &CrashDrill, directory: &Path) -> Result<Report, Failure> {
    let sink = SmtpSink::start()?;
    let setup = Setup {
        listen: reserved_addr()?,
        ..Setup::new(&drill.binary, &directory.join("data"), sink.addr())
            .set("MAILER__ON_UNKNOWN", "resend")
            .set("MAILER__UNKNOWN_WAIT_SECS", "1")
            .set("MAILER__SMTP__CONNECTIONS", "8")
            .set("RETRY__BASE_DELAY_MS", "200")
            .set("RETRY__MAX_DELAY_MS", "1000")
    };
    let progress = Progress {
        released: AtomicU64::new(0),
        next: AtomicU64::new(0),
        acknowledged: Mutex::new(HashSet::new()),
        failed: AtomicBool::new(false),
    };
    let orders = Orders::new(drill.seed);
    let (server, kills) = thread::scope(|scope| {
        let clients: Vec<_> = (0..drill.clients)
            .map(|_| scope.spawn(|| post_orders(drill, &setup, orders, &progress)))
            .collect();
        let killed = kill_in_rounds(drill, &setup, &sink, &progress);
        if killed.is_err() {
            progress.failed.store(true, Ordering::SeqCst);
        }
        for client in clients {
            client.join().unwrap_or_else(|_| Err("a posting client panicked".into()))?;
        }
        killed
    })?;
    let mut client = server.client()?;
    records::wait_until_settled(&mut client, SETTLE_MAX)?;

    let acknowledged = progress.acknowledged.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut report = Report::default();
    report.counts.push(("seed", drill.seed));
    report.counts.push(("orders", drill.orders));
    report.count("acknowledged", acknowledged.len());
    report.counts.push(("kills", u64::from(kills)));
    // Every order is posted until it is acknowledged, so each must have exactly one notification in the end.
    report.demand(acknowledged.len() as u64 == drill.orders, || {
        format!("{} orders have {} notifications", drill.orders, acknowledged.len())
    });
    audit::account(&mut report, &mut client, &sink, &acknowledged)?;
    Ok(report)
}

fn post_orders(
    drill: &CrashDrill,
    setup: &Setup,
    orders: Orders,
    progress: &Progress,
) -> Result<(), Failure> {
    let mut client = Client::new(setup.listen);
    loop {
        let index = progress.next.fetch_add(1, Ordering::SeqCst);
        if index >= drill.orders {
            return Ok(());
        }
        while index >= progress.released.load(Ordering::SeqCst) {
            if progress.failed.load(Ordering::SeqCst) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(1));
        }
        let acknowledged = post_until_acknowledged(&mut client, &orders.event(index))?;
        progress.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).insert(acknowledged.id);
    }
}

/// Starts and kills in turn; returns the last server, which lives, and how many were killed.
fn kill_in_rounds(
    drill: &CrashDrill,
    setup: &Setup,
    sink: &SmtpSink,
    progress: &Progress,
) -> Result<(Server, u32), Failure> {
    let random = SeededRandom::new(drill.seed);
    let mut kills = 0;
    while kills < drill.kills {
        let round = u64::from(kills) + 1;
        let target = drill.orders * round / (u64::from(drill.kills) + 1);
        let before = progress.released.swap(target, Ordering::SeqCst);
        let of_round = |random: u64| usize::try_from(random % (target - before).max(1)).unwrap_or(0);
        let mut server = setup.spawn()?;
        match random.next_u64() % 10 {
            // While it starts, which is while it recovers.
            0 => thread::sleep(Duration::from_micros(random.next_u64() % START_KILL_US_MAX)),
            // While messages go out.
            1..=3 => {
                server.wait_until_ready()?;
                let goal = sink.total() + of_round(random.next_u64());
                let _ = sink.wait_for_total(goal, Duration::from_millis(500));
            }
            // While orders come in.
            _ => {
                server.wait_until_ready()?;
                let goal = progress.acknowledged() + of_round(random.next_u64());
                let deadline = Instant::now() + ROUND_MAX;
                let last_moment = usize::try_from(target).unwrap_or(usize::MAX);
                while progress.acknowledged() < goal.min(last_moment) && Instant::now() < deadline {
                    thread::sleep(Duration::from_micros(100));
                }
                thread::sleep(Duration::from_micros(random.next_u64() % 2_000));
            }
        }
        if !server.is_running()? {
            return Err(format!("postrider ended by itself; its log ends:\n{}", server.log_tail()).into());
        }
        server.kill()?;
        kills += 1;
    }
    let server = setup.start()?;
    progress.released.store(drill.orders, Ordering::SeqCst);
    Ok((server, kills))
}
