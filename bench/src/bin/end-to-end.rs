//! `end-to-end`: measures Postrider from order to message, next to Postfix or on a full ledger. See `README.md`.

#![expect(clippy::print_stdout, reason = "a measurement tells what it measured")]

use std::path::Path;

use postrider_bench::end_to_end::{full_ledger, report, runs};
use postrider_bench::machine::Machine;
use postrider_bench::order::Orders;
use postrider_bench::{Failure, server};

const USAGE: &str = "usage: end-to-end [--orders N] [--repeats N] [--rows N] [--set SECTION__KEY=VALUE]…";
/// Messages of each short run that looks for Postfix's best number of sessions.
const TUNING_MESSAGES: u64 = 3_000;

struct Options {
    orders: u64,
    repeats: u64,
    rows: Option<u64>,
    settings: Vec<(String, String)>,
}

fn options() -> Result<Options, Failure> {
    let mut options = Options { orders: 20_000, repeats: 3, rows: None, settings: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match name.as_str() {
            "--orders" => options.orders = value.parse()?,
            "--repeats" => options.repeats = value.parse()?,
            "--rows" => options.rows = Some(value.parse()?),
            "--set" => {
                let (name, value) = value.split_once('=').ok_or(USAGE)?;
                options.settings.push((name.to_owned(), value.to_owned()));
            }
            _ => return Err(USAGE.into()),
        }
    }
    Ok(options)
}

fn main() -> Result<(), Failure> {
    let options = options()?;
    let binary = server::built_binary()?;
    let directory = tempfile::Builder::new().prefix("postrider-bench-").tempdir()?;
    let machine = Machine::look(directory.path());
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    let (report, name) = match options.rows {
        Some(rows) => {
            let (count, repeats) = (options.orders, options.repeats);
            let comparison =
                full_ledger::compare(&binary, directory.path(), &options.settings, rows, count, repeats)?;
            let report = report::full_against_empty(&machine, count, rows, &options.settings, &comparison);
            (report, "full-ledger")
        }
        None => (against_postfix(&options, &binary, directory.path(), &machine)?, "end-to-end"),
    };
    report.write(&results, name)?;
    println!("{}", report.markdown);
    Ok(())
}

fn against_postfix(
    options: &Options,
    binary: &Path,
    directory: &Path,
    machine: &Machine,
) -> Result<report::Report, Failure> {
    let (mut postrider, mut postfix) = (Vec::new(), Vec::new());
    let mut sessions = None;
    for repeat in 0..options.repeats {
        let orders = Orders::new(repeat + 1);
        let data_dir = directory.join(format!("data-{repeat}"));
        let run = runs::postrider(binary, &data_dir, &options.settings, orders, options.orders, None)?;
        println!("postrider run {}: {:.0} messages/s", repeat + 1, run.rate);
        let bytes = run.message_bytes;
        postrider.push(run);
        let sessions = match sessions {
            Some(sessions) => sessions,
            None => {
                let best = runs::best_postfix_sessions(TUNING_MESSAGES, bytes)?.sessions;
                *sessions.insert(best)
            }
        };
        let run = runs::postfix(options.orders, bytes, sessions)?;
        println!("postfix run {}: {:.0} messages/s", repeat + 1, run.rate);
        postfix.push(run);
    }
    Ok(report::against_postfix(machine, options.orders, &options.settings, &postrider, &postfix))
}
