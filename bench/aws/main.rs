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

const USAGE: &str = "usage: aws-functions --function BOOTSTRAP [--messages N] [--repeats N]";

fn main() -> Result<(), Failure> {
    let (mut function, mut messages, mut repeats) = (None, 300, 7);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match name.as_str() {
            "--function" => function = Some(PathBuf::from(value)),
            "--messages" => messages = value.parse()?,
            "--repeats" => repeats = value.parse()?,
            _ => return Err(USAGE.into()),
        }
    }
    let function = function.ok_or(USAGE)?;
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
    measured.postrider_zip_bytes = artifact::of_program(&function)?;
    measured.python_zip_bytes = artifact::of_peer(&place)?;
    let report = report::report(&machine, &measured);
    report.write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("results"), "aws-functions")?;
    println!("{}", report.markdown);
    Ok(())
}
