//! `crash-drill`: kills the server at random moments and accounts for every order. See `README.md`.

#![expect(clippy::print_stdout, reason = "a drill tells what it found")]

use std::process::ExitCode;

use postrider_bench::drills::crash::{self, CrashDrill};
use postrider_bench::{Failure, machine, server};

fn main() -> Result<ExitCode, Failure> {
    let seed = match std::env::args().nth(1) {
        Some(text) => text.parse().map_err(|_| format!("the seed {text:?} is not a number"))?,
        None => machine::fresh_seed(),
    };
    println!("crash drill, seed {seed}");
    let drill = CrashDrill { binary: server::built_binary()?, orders: 5_000, kills: 20, clients: 16, seed };
    let directory = tempfile::tempdir()?;
    let report = crash::run(&drill, directory.path())?;
    print!("{}", report.to_text());
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
