//! `postrider erase`: forgets a person.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use super::Failure;
use crate::cli::GlobalOptions;
use crate::connection::{Connection, query_value};
use crate::runtime::Types;

/// How long a server's running attempts, and readers of its log, are waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks whether they are over.
const PAUSE: Duration = Duration::from_secs(1);

/// Whom to forget.
#[derive(Debug, Args)]
pub struct EraseOptions {
    /// The address, however it is spelt
    address: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What was erased so far, over all steps.
#[derive(Default)]
struct Sum {
    notifications: u64,
    canceled: u64,
    canceled_for_others: Vec<Value>,
    events: u64,
    captured: u64,
    suppressed: u64,
    in_flight: Vec<Value>,
    is_log_in_use: bool,
}

impl Sum {
    fn add(&mut self, answer: &Value) {
        let count = |name: &str| answer[name].as_u64().unwrap_or(0);
        self.notifications += count("notifications");
        self.canceled += count("canceled");
        self.canceled_for_others
            .extend(answer["canceledForOthers"].as_array().into_iter().flatten().cloned());
        self.events += count("events");
        self.captured += count("captured");
        // Entries of the list stay, and are counted anew each time.
        self.suppressed = count("suppressed");
        self.in_flight = answer["inFlight"].as_array().cloned().unwrap_or_default();
        self.is_log_in_use = answer["logInUse"] == true;
    }

    fn json(&self, is_done: bool) -> Value {
        json!({
            "done": is_done, "notifications": self.notifications, "canceled": self.canceled,
            "canceledForOthers": self.canceled_for_others, "events": self.events, "captured": self.captured,
            "suppressed": self.suppressed, "inFlight": self.in_flight, "logInUse": self.is_log_in_use,
        })
    }

    fn text(&self) -> String {
        let list = match self.suppressed {
            0 => "nothing about it on the suppression list".to_owned(),
            count => format!("{count} entries of the suppression list kept as keyed hashes"),
        };
        format!(
            "{} notifications and the data of {} events erased; {} could still have left and never will; {} captured \
             messages removed; {list}",
            self.notifications, self.events, self.canceled, self.captured
        )
    }
}

/// Erases everything about an address, step by step.
///
/// # Errors
/// If there is nobody to ask, a request is refused, or something is still being sent.
pub async fn run(global: &GlobalOptions, options: &EraseOptions) -> Result<(), Failure> {
    if !options.yes && std::io::stdin().is_terminal() && !confirmed(&options.address) {
        return Err(Failure::new("nothing was erased"));
    }
    let settings = global.settings()?;
    let connection = Connection::open(&settings, global.server.as_deref(), Types::Unused).await?;
    let mut sum = Sum::default();
    let result = erase(&connection, &options.address, &mut sum).await;
    let is_offline = connection.is_offline();
    connection.close().await;
    let is_done = result?;
    global.output().show(&sum.json(is_done), &sum.text());
    if is_done {
        return Ok(());
    }
    if sum.in_flight.is_empty() {
        return Err(Failure::new(
            "everything is erased, but the write-ahead log still has it, because somebody reads the ledger, such as a backup. \
             Run this again when that is over",
        ));
    }
    let ids: Vec<_> = sum.in_flight.iter().filter_map(Value::as_str).collect();
    let why = if is_offline {
        "A sender that is gone had them. Start the server, which looks after them, and run this again"
    } else {
        "They are being sent; run this again when that is over"
    };
    Err(Failure::new(format!("not everything is erased. Left: {}. {why}", ids.join(", "))))
}

/// Tells whether everything is erased; if not, a sender has the rest, or somebody reads the log.
async fn erase(connection: &Connection, address: &str, sum: &mut Sum) -> Result<bool, Failure> {
    let path = format!("/v1/recipients/{}", query_value(address));
    let begun = Instant::now();
    loop {
        let answer = connection.delete(&path).await?.success()?;
        sum.add(&answer);
        if answer["done"] == true {
            return Ok(true);
        }
        if !sum.in_flight.is_empty() || sum.is_log_in_use {
            // Without a server nobody ends an attempt; whoever reads the log is another process, and may end.
            let is_in_vain = connection.is_offline() && !sum.in_flight.is_empty();
            if is_in_vain || begun.elapsed() > PATIENCE {
                return Ok(false);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn confirmed(address: &str) -> bool {
    let _ = write!(
        std::io::stderr(),
        "Everything about {address} will be erased: messages, orders, names. What waits is not sent. This cannot be undone.\n\
         Type yes to go on: "
    );
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim() == "yes"
}
