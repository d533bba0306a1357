//! The drills of `postrider-bench`, small enough for every test run.

use std::path::Path;

use postrider_bench::drills::Report;
use postrider_bench::drills::crash::{self, CrashDrill};
use postrider_bench::drills::duplicates;

const BINARY: &str = env!("CARGO_BIN_EXE_postrider");

fn assert_every_promise_kept(report: &Report) {
    assert!(report.violations.is_empty(), "{}", report.to_text());
}

#[test]
fn three_kills_lose_nothing_and_duplicate_nothing_unexplained() {
    let directory = tempfile::tempdir().unwrap();
    let seed = postrider_bench::machine::fresh_seed();
    let drill = CrashDrill { binary: BINARY.into(), orders: 500, kills: 3, clients: 8, seed };
    assert_every_promise_kept(&crash::run(&drill, directory.path()).unwrap());
}

#[test]
fn a_storm_of_duplicates_sends_each_order_once() {
    let directory = tempfile::tempdir().unwrap();
    let seed = postrider_bench::machine::fresh_seed();
    assert_every_promise_kept(&duplicates::run(Path::new(BINARY), directory.path(), seed).unwrap());
}
