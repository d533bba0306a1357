//! The whole way at random: queues that deliver again and in any order, a table whose calls fail before and after their
//! effect, a mail service that throttles, breaks and answers nobody, functions that die wherever they wait. Whatever
//! happens, no order is lost, and no second copy leaves that the ledger does not call unknown.
//!
//! A seed makes a run; a failure names it. `POSTRIDER_SIMULATION_SEEDS=5000` runs more of them,
//! `POSTRIDER_SIMULATION_FIRST_SEED=1234` begins elsewhere.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod mail_service;
mod queue;
mod run;

use run::Run;

/// Seeds of one test run.
const SEEDS: u64 = 600;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

/// Each on a runtime of its own, whose time jumps to whatever is waited for.
fn runs(seeds: impl Iterator<Item = u64>) -> run::Tally {
    let mut tally = run::Tally::default();
    for seed in seeds {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        tally.add(&runtime.block_on(async { Run::new(seed).await.play().await }));
    }
    tally
}

#[test]
fn no_order_is_lost_and_no_copy_goes_unexplained_whatever_fails() {
    let first = number("POSTRIDER_SIMULATION_FIRST_SEED", 0);
    let seeds = number("POSTRIDER_SIMULATION_SEEDS", SEEDS);
    println!("seeds {first} to {}", first + seeds - 1);
    let tally = runs(first..first + seeds);
    println!("{tally:#?}");
    // A simulation in which nothing goes wrong shows nothing.
    assert!(tally.deaths > seeds && tally.second_copies > 0 && tally.lost_answers > 0, "{tally:#?}");
    assert!(tally.settled_by_report > 0 && tally.repeated_reports > 0, "{tally:#?}");
}
