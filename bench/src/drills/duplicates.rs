//! The duplicate storm: many orders at once, a third of them several times at the same moment.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use postrider_core::ports::clock::Random as _;
use postrider_testkit::postfix::SmtpSink;
use postrider_testkit::random::SeededRandom;

use super::posting::post_all;
use super::{Report, audit};
use crate::Failure;
use crate::order::Orders;
use crate::records;
use crate::server::Setup;

const ORDERS: u64 = 1_000;
const REPEATED: u64 = 300;
const CONNECTIONS: usize = 50;
const SETTLE_MAX: Duration = Duration::from_secs(60);

/// Runs the drill in `directory` with the orders of `seed`.
///
/// # Errors
/// If it cannot be carried out. What it finds, good or bad, is in the report.
pub fn run(binary: &Path, directory: &Path, seed: u64) -> Result<Report, Failure> {
    let sink = SmtpSink::start()?;
    let server = Setup::new(binary, &directory.join("data"), sink.addr()).start()?;
    let random = SeededRandom::new(seed);
    let orders = Orders::new(seed);

    // Every copy follows its order directly, so that the connections post them at the same moment.
    let mut indexes = Vec::new();
    for index in 0..ORDERS {
        let repetitions = if index < REPEATED { 2 + random.next_u64() % 4 } else { 0 };
        indexes.extend((0..=repetitions).map(|_| index));
    }
    let events: Vec<String> = indexes.iter().map(|index| orders.event(*index)).collect();
    let answers = post_all(server.addr()?, CONNECTIONS, &events)?;
    let mut client = server.client()?;
    records::wait_until_settled(&mut client, SETTLE_MAX)?;

    let mut ids: HashMap<u64, HashSet<&str>> = HashMap::new();
    let mut firsts: HashMap<u64, usize> = HashMap::new();
    for (index, answer) in indexes.iter().zip(&answers) {
        ids.entry(*index).or_default().insert(&answer.id);
        *firsts.entry(*index).or_default() += usize::from(!answer.duplicate);
    }
    let mut report = Report::default();
    report.counts.push(("seed", seed));
    report.counts.push(("orders", ORDERS));
    report.count("requests", events.len());
    report.count(
        "repetitions answered duplicate:true",
        answers.iter().filter(|answer| answer.duplicate).count(),
    );
    let several_ids = ids.values().filter(|ids| ids.len() != 1).count();
    let wrong_firsts = firsts.values().filter(|firsts| **firsts != 1).count();
    report.demand(several_ids == 0, || format!("{several_ids} orders were answered with more than one id"));
    report
        .demand(wrong_firsts == 0, || format!("{wrong_firsts} orders do not have exactly one first answer"));
    let acknowledged = answers.iter().map(|answer| answer.id.clone()).collect();
    audit::account(&mut report, &mut client, &sink, &acknowledged)?;
    report.demand(sink.total() as u64 == ORDERS, || format!("{} messages for {ORDERS} orders", sink.total()));
    Ok(report)
}
