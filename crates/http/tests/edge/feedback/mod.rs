//! Whatever the order in which reports come, and however often: the end is the same, and every number is right.

mod counts;
mod orders;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use postrider_core::ports::clock::Random as _;
use postrider_core::ports::ledger::Ledger;
use postrider_http::metrics::Metrics;
use postrider_http::state::Api;
use postrider_sqlite::SqliteLedger;
use postrider_testkit::contract::scene::{Scene, recipient_rules, sure};
use postrider_testkit::random::SeededRandom;
use tempfile::TempDir;

use crate::ses_examples::Sending;
use crate::world::World;

/// What all APIs here share; loading the types is the most of it.
static SHARED: LazyLock<Api> = LazyLock::new(|| World::new().api);

/// An API over `ledger` with counters of its own.
fn api(ledger: &Arc<dyn Ledger>) -> Api {
    Api { ledger: Arc::clone(ledger), metrics: Arc::new(Metrics::default()), ..SHARED.clone() }
}

fn shuffle<T>(items: &mut [T], random: &SeededRandom) {
    for last in (1..items.len()).rev() {
        let chosen = usize::try_from(random.next_u64() % (last as u64 + 1)).unwrap();
        items.swap(last, chosen);
    }
}

/// An embedded ledger, and the directory it lies in.
fn embedded() -> (TempDir, Arc<dyn Ledger>) {
    let directory = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(directory.path().join("ledger.db"), recipient_rules()).unwrap();
    (directory, Arc::new(ledger))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counters {
    deliveries: u64,
    bounces: u64,
    soft_bounces: u64,
    complaints: u64,
    send_failures: u64,
    orphans: u64,
    repeated: u64,
    suppressions_added: u64,
    unknown_settled: u64,
}

impl Counters {
    fn of(metrics: &Metrics) -> Self {
        Self {
            deliveries: metrics.deliveries.get(),
            bounces: metrics.bounces.get(),
            soft_bounces: metrics.soft_bounces.get(),
            complaints: metrics.complaints.get(),
            send_failures: metrics.send_failures.get(),
            orphans: metrics.feedback_orphans.get(),
            repeated: metrics.feedback_repeated.get(),
            suppressions_added: metrics.suppressions_added.get(),
            unknown_settled: metrics.unknown_settled.get(),
        }
    }
}

/// What remains of a notification and its reports.
#[derive(Clone, Debug, PartialEq, Eq)]
struct End {
    status: &'static str,
    cause: Option<String>,
    suppressed: Vec<&'static str>,
    /// Kind and name of every entry that is a report, and how many others there are.
    reports: BTreeSet<(&'static str, [u8; 16])>,
    others: usize,
}

impl End {
    async fn of(ledger: &dyn Ledger, scene: &Scene, sent: &Sending) -> Self {
        let record = sure(ledger.find(sent.id()).await).unwrap();
        let timeline = record.timeline();
        let named = timeline.iter().filter_map(|entry| {
            let report = entry.report?;
            Some((entry.kind.as_str(), report.fingerprint.to_bytes()))
        });
        let reports: BTreeSet<_> = named.clone().collect();
        assert_eq!(reports.len(), named.count(), "a report is on the timeline twice");
        let to = sent.claim.notification.to.clone();
        let suppressions = sure(ledger.suppressions_of(to, scene.now()).await);
        Self {
            status: record.notification.lifecycle.status.as_str(),
            cause: record.notification.lifecycle.cause.as_ref().map(ToString::to_string),
            suppressed: suppressions.iter().map(|entry| entry.reason.as_str()).collect(),
            others: timeline.len() - reports.len(),
            reports,
        }
    }
}
