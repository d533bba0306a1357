//! The same work on a ledger with a long past, compared with an empty one.

use std::path::Path;

use postrider_core::domain::suppression::{Secret, SoftBounceRule};
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::feedback::RecipientRules;
use postrider_core::ports::ledger::Ledger;
use postrider_sqlite::SqliteLedger;

use super::runs::{self, LookFor, PostriderRun};
use crate::Failure;
use crate::order::Orders;
use crate::seed;

/// The rows the empty ledger of the comparison has: something to look for.
const FEW: u64 = 1_000;
const PAST_SEED: u64 = 1;

/// Alternating runs on both ledgers.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// On a ledger with a thousand rows.
    pub few: Vec<PostriderRun>,
    /// On the ledger with the long past, which grows with every run.
    pub many: Vec<PostriderRun>,
    /// How long it took to give it its past, in seconds.
    pub seed_seconds: f64,
}

/// Seeds a ledger with `rows` sent notifications in `directory` and compares.
///
/// # Errors
/// If seeding fails or a run cannot be made.
pub fn compare(
    binary: &Path,
    directory: &Path,
    settings: &[(String, String)],
    rows: u64,
    count: u64,
    repeats: u64,
) -> Result<Comparison, Failure> {
    let past = Orders::new(PAST_SEED);
    let many_dir = directory.join("many");
    let started = std::time::Instant::now();
    seed_ledger(&many_dir, past, rows)?;
    let seed_seconds = started.elapsed().as_secs_f64();
    let mut comparison = Comparison { few: Vec::new(), many: Vec::new(), seed_seconds };
    for repeat in 0..repeats {
        let orders = Orders::new(PAST_SEED + 1 + repeat);
        let few_dir = directory.join(format!("few-{repeat}"));
        seed_ledger(&few_dir, past, FEW)?;
        let look_for = |rows| Some(LookFor { past, rows });
        comparison.few.push(runs::postrider(binary, &few_dir, settings, orders, count, look_for(FEW))?);
        comparison.many.push(runs::postrider(binary, &many_dir, settings, orders, count, look_for(rows))?);
    }
    Ok(comparison)
}

fn seed_ledger(data_dir: &Path, past: Orders, rows: u64) -> Result<(), Failure> {
    std::fs::create_dir_all(data_dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // The server that opens this ledger afterwards finds the secret it was made with beside it.
    std::fs::write(data_dir.join("secret.key"), "07".repeat(32))?;
    let rules = RecipientRules { secret: Secret::new([7; 32]), soft_bounces: SoftBounceRule::default() };
    let ledger = SqliteLedger::open(data_dir.join("ledger.sqlite"), rules)?;
    runtime.block_on(seed::fill(&ledger as &dyn Ledger, past, rows, now()?))
}

#[expect(clippy::disallowed_methods, reason = "a measurement happens at the real time")]
fn now() -> Result<Timestamp, Failure> {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(Timestamp::from_millis(i64::try_from(since_epoch.as_millis())?))
}
