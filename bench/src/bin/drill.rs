//! `drill disk-full | memory [QUEUED] | duplicates`: one way of being hurt each. See `README.md`.

#![expect(clippy::print_stdout, reason = "a drill tells what it found")]

use std::path::Path;
use std::process::ExitCode;

use postrider_bench::drills::{disk_full, duplicates, memory};
use postrider_bench::{Failure, machine, server};

const USAGE: &str = "usage: drill disk-full | memory [QUEUED] | duplicates";
const QUEUED_DEFAULT: u64 = 200_000;

fn main() -> Result<ExitCode, Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let binary = server::built_binary()?;
    let directory = tempfile::tempdir()?;
    let seed = machine::fresh_seed();
    let shipped_type = Path::new(env!("CARGO_MANIFEST_DIR")).join("../notifications/order_confirmation");
    let report = match arguments.as_slice() {
        ["disk-full"] => disk_full::run(&binary, directory.path(), seed)?,
        ["duplicates"] => duplicates::run(&binary, directory.path(), seed)?,
        ["memory"] => memory::run(&binary, directory.path(), &shipped_type, QUEUED_DEFAULT, seed)?,
        ["memory", queued] => memory::run(&binary, directory.path(), &shipped_type, queued.parse()?, seed)?,
        _ => return Err(USAGE.into()),
    };
    print!("{}", report.to_text());
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
