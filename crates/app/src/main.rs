//! `postrider`: order events in, e-mails out.

use std::process::ExitCode;

fn main() -> ExitCode {
    postrider_app::cli::run(std::env::args_os())
}
