//! `aws-functions`: measures the dispatch function next to the same written in Python. See `README.md`.

#![expect(clippy::print_stdout, reason = "a measurement tells what it measured")]

mod artifact;
mod contender;
mod report;
mod round;

use std::path::{Path, PathBuf};

use postrider_bench::Failure;
use postrider_bench::machine::Machine;

use contender::Contender;
use report::Measured;

const USAGE: &str = "usage: aws-functions --zip FUNCTION [--messages N] [--repeats N] [--results FOLDER]";

fn main() -> Result<(), Failure> {
    let (mut zip, mut messages, mut repeats) = (None, 300, 7);
    let mut results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match name.as_str() {
            "--zip" => zip = Some(PathBuf::from(value)),
            "--messages" => messages = value.parse()?,
            "--repeats" => repeats = value.parse()?,
            "--results" => results = PathBuf::from(value),
            _ => return Err(USAGE.into()),
        }
    }
    let zip = zip.ok_or(USAGE)?;
    // Where Lambda would unpack it.
    let root = tempfile::Builder::new().prefix("postrider-bench-").tempdir()?;
    let function = artifact::unpacked(&zip, root.path())?;
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("aws");
    let machine = Machine::look(&place);
    let contenders = [Contender::postrider(&function), Contender::python(&place)];
    let mut measured = Measured::default();
    for contender in &contenders {
        // Once without looking: files come from the disk, and Python compiles what it imports.
        round::run(contender, 10)?;
    }
    for repeat in 1..=repeats {
        for contender in &contenders {
            let run = round::run(contender, messages)?;
            println!("{repeat} of {repeats}, {}: {run:?}", contender.name());
            measured.runs_of(contender).push(run);
        }
    }
    measured.messages = messages;
    measured.postrider_zip_bytes = std::fs::metadata(&zip)?.len();
    measured.python_zip_bytes = artifact::of_peer(&place)?;
    let report = report::report(&machine, &measured);
    report.write(&results, "aws-functions")?;
    println!("{}", report.markdown);
    Ok(())
}
