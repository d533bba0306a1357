//! The command line.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use postrider_core::limits::STOP_REMAINDER_MS_MAX;

use crate::commands::{self, Failure};
use crate::output::Output;
use postrider_environment::config::{RawSettings, Settings};

/// The e-mails of a shop's orders: nothing lost, nothing sent twice, and anyone can tell what became of each.
#[derive(Debug, Parser)]
#[command(name = "postrider", version, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    global: GlobalOptions,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub struct GlobalOptions {
    /// Configuration file (TOML)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the ledger and the outbox live [default: postrider-data]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address and port of the API [default: 127.0.0.1:8025]
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// URL of the server to talk to, if not the one on this data directory
    #[arg(long, global = true, value_name = "URL")]
    pub server: Option<String>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write an annotated configuration and a copy of the notification types
    Init {
        /// A new or empty folder
        dir: PathBuf,
    },
    /// Run the server: API, ledger, sending, dashboard
    Serve,
    /// Post events from a file
    Send(commands::send::SendOptions),
    /// Tell what became of an order's e-mails
    Status {
        /// The order
        order_id: String,
    },
    /// Notification types: which event calls for which e-mail
    #[command(subcommand)]
    Types(commands::types::TypesCommand),
    /// What will not be tried again until you say so
    #[command(subcommand)]
    DeadLetters(commands::dead_letters::DeadLettersCommand),
    /// Whom not to write to any more
    #[command(subcommand)]
    Suppressions(commands::suppressions::SuppressionsCommand),
    /// Forget a person: messages, orders, names; the suppression list goes on stopping mail
    Erase(commands::erase::EraseOptions),
    /// What came back by mail: bounces, complaints, answers
    #[command(subcommand)]
    Feedback(commands::feedback::FeedbackCommand),
    /// API keys: who may ask the server, and for what
    #[command(subcommand)]
    Keys(commands::keys::KeysCommand),
    /// Copy ledger and secret into one file, while the server runs or not
    Backup(commands::backup::BackupOptions),
    /// Put a backup into a new data directory
    Restore(commands::restore::RestoreOptions),
    /// Look through the ledger, or a backup, for damage
    Verify(commands::verify::VerifyOptions),
    /// Say what is in the way of mail, and what to do about it
    Doctor,
    /// What this month's e-mails cost at Amazon
    Cost {
        #[command(subcommand)]
        command: Option<commands::cost::CostCommand>,
    },
    /// The configuration
    #[command(subcommand)]
    Config(commands::config::ConfigCommand),
    /// Print the API's description
    #[command(hide = true)]
    Openapi,
}

impl GlobalOptions {
    /// The settings from file, environment and command line; the last wins.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn settings(&self) -> Result<Settings, Failure> {
        let mut raw = RawSettings::default();
        let wrong = |error: postrider_environment::config::ConfigError| Failure::because(&error);
        if let Some(file) = &self.config {
            raw.read_file(file).map_err(wrong)?;
        }
        // A variable that is not Unicode cannot be one of ours: our names and values are text.
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        raw.read_environment(std::env::vars_os().filter_map(text)).map_err(wrong)?;
        if let Some(data_dir) = &self.data_dir {
            let value = data_dir.to_str().ok_or_else(|| Failure::new("--data-dir must be Unicode text"))?;
            raw.set("server.data_dir", value.into(), "--data-dir").map_err(wrong)?;
        }
        if let Some(listen) = &self.listen {
            raw.set("server.listen", listen.clone().into(), "--listen").map_err(wrong)?;
        }
        Settings::check(&raw).map_err(wrong)
    }

    /// Where and how to print.
    #[must_use]
    pub fn output(&self) -> Output {
        Output { json: self.json }
    }
}

/// Runs one command line. Exit codes: 0 done, 1 failed with the cause on standard error, 2 usage.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors and go to standard output; clap knows which is which.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Failure::new(format!("the asynchronous runtime cannot start: {error}"))),
    };
    let result = runtime.block_on(dispatch(cli));
    // Dropping the runtime would wait for every thread that still works for nobody, such as one on a disk that hangs.
    runtime.shutdown_timeout(Duration::from_millis(STOP_REMAINDER_MS_MAX));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure),
    }
}

fn fail(failure: &Failure) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "postrider: {failure}");
    ExitCode::from(1)
}

async fn dispatch(cli: Cli) -> Result<(), Failure> {
    let global = cli.global;
    match cli.command {
        Command::Init { dir } => commands::init::run(&dir, global.output()),
        Command::Serve => commands::serve::run(&global.settings()?).await,
        Command::Send(options) => commands::send::run(&global, &options).await,
        Command::Status { order_id } => commands::status::run(&global, &order_id).await,
        Command::Types(command) => commands::types::run(&global, command),
        Command::DeadLetters(command) => commands::dead_letters::run(&global, command).await,
        Command::Suppressions(command) => commands::suppressions::run(&global, command).await,
        Command::Erase(options) => commands::erase::run(&global, &options).await,
        Command::Feedback(command) => commands::feedback::run(&global, &command).await,
        Command::Keys(command) => commands::keys::run(&global, command).await,
        Command::Backup(options) => commands::backup::run(&global, &options).await,
        Command::Restore(options) => commands::restore::run(&global, &options).await,
        Command::Verify(options) => commands::verify::run(&global, &options).await,
        Command::Doctor => commands::doctor::run(&global).await,
        Command::Cost { command } => commands::cost::run(&global, command.as_ref()).await,
        Command::Config(command) => commands::config::run(&global, &command),
        Command::Openapi => {
            global.output().line(&postrider_http::openapi::description());
            Ok(())
        }
    }
}
