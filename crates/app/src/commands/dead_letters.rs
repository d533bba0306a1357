//! `postrider dead-letters`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Failure;
use crate::cli::GlobalOptions;
use crate::connection::{Connection, query_value};
use crate::output::Output;
use crate::runtime::Types;

/// Notifications one redrive request moves, so that progress shows.
const REDRIVE_STEP: usize = 500;
/// Ids that are shown to people.
const SHOWN_IDS: usize = 20;

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// List them, newest first, or count them by cause
    List {
        /// Only those with this cause
        #[arg(long)]
        cause: Option<String>,
        /// Count instead of listing
        #[arg(long, value_parser = ["cause"])]
        group_by: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Queue them again; each is still the only notification of its business key
    Redrive(RedriveOptions),
}

/// Which dead letters to redrive.
#[derive(Debug, Args)]
pub struct RedriveOptions {
    /// Those with this cause
    #[arg(long)]
    cause: Option<String>,
    /// This one; may be repeated
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with_all = ["cause", "ids"])]
    all: bool,
    /// How many at most
    #[arg(long)]
    limit: Option<usize>,
    /// Say which, change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Lists or redrives.
///
/// # Errors
/// If there is nobody to ask or a request is refused.
pub async fn run(global: &GlobalOptions, command: DeadLettersCommand) -> Result<(), Failure> {
    let settings = global.settings()?;
    let connection = Connection::open(&settings, global.server.as_deref(), Types::Unused).await?;
    let output = global.output();
    let result = match command {
        DeadLettersCommand::List { group_by: Some(_), .. } => groups(&connection, output).await,
        DeadLettersCommand::List { cause, limit, .. } => {
            list(&connection, cause.as_deref(), limit, output).await
        }
        DeadLettersCommand::Redrive(options) => redrive(&connection, &options, output).await,
    };
    connection.close().await;
    result
}

async fn groups(connection: &Connection, output: Output) -> Result<(), Failure> {
    let answer = connection.get("/v1/dead-letters?groupBy=cause").await?.success()?;
    let mut text = String::new();
    for group in answer["data"].as_array().into_iter().flatten() {
        let field = |name: &str| group[name].as_str().unwrap_or_default();
        let count = group["count"].as_u64().unwrap_or(0);
        text.push_str(&format!(
            "{count:>8}  {:<32} {} … {}\n",
            field("cause"),
            field("oldestAt"),
            field("newestAt")
        ));
    }
    output.show(&answer, if text.is_empty() { "no dead letters" } else { &text });
    Ok(())
}

async fn list(
    connection: &Connection,
    cause: Option<&str>,
    limit: usize,
    output: Output,
) -> Result<(), Failure> {
    let cause = cause.map(|cause| format!("&cause={}", query_value(cause))).unwrap_or_default();
    let (mut found, mut after) = (Vec::new(), String::new());
    while found.len() < limit {
        let page_limit = (limit - found.len()).min(100);
        let path = format!("/v1/dead-letters?limit={page_limit}{cause}{after}");
        let page = connection.get(&path).await?.success()?;
        found.extend(page["data"].as_array().into_iter().flatten().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let mut text = String::new();
    for letter in &found {
        let field = |name: &str| letter[name].as_str().unwrap_or_default();
        text.push_str(&format!(
            "{}  order {:<12} {:<8} {:<24} {}\n",
            field("id"),
            field("orderId"),
            field("status"),
            field("cause"),
            field("updatedAt")
        ));
    }
    output.show(&json!({ "data": found }), if text.is_empty() { "no dead letters" } else { &text });
    Ok(())
}

/// What a redrive has come to so far.
#[derive(Default)]
struct Tally {
    moved: usize,
    /// All of them for JSON, the first few for people.
    ids: Vec<Value>,
    skipped: Vec<Value>,
    has_more: bool,
}

async fn redrive(connection: &Connection, options: &RedriveOptions, output: Output) -> Result<(), Failure> {
    if options.cause.is_none() && options.ids.is_empty() && !options.all {
        return Err(Failure::new(
            "say which: --cause CAUSE, --id ID or --all (`dead-letters list --group-by cause` shows the causes)",
        ));
    }
    let mut tally = Tally::default();
    let result = if options.ids.is_empty() {
        redrive_all(connection, options, output, &mut tally).await
    } else {
        redrive_named(connection, options, output, &mut tally).await
    };
    output.progress_done();
    if let Err(failure) = result {
        return Err(Failure::new(match tally.moved {
            moved if moved > 0 && !options.dry_run => format!(
                "{failure}\n{moved} dead letters had been queued again before; run the same command again for the others"
            ),
            _ => failure.to_string(),
        }));
    }
    let what = if options.dry_run { "would be queued again" } else { "queued again" };
    let mut text = format!("{} dead letters {what}", tally.moved);
    for id in tally.ids.iter().take(SHOWN_IDS).filter_map(Value::as_str) {
        text.push_str(&format!("\n  {id}"));
    }
    if tally.moved > SHOWN_IDS {
        text.push_str(&format!("\n  … and {} more", tally.moved - SHOWN_IDS));
    }
    for entry in &tally.skipped {
        let status = entry["status"].as_str().unwrap_or("not there");
        text.push_str(&format!("\n  {} skipped: {status}", entry["id"].as_str().unwrap_or_default()));
    }
    if tally.has_more {
        text.push_str("\nmore match than --limit let through");
    }
    let redriven = if options.dry_run { 0 } else { tally.moved };
    let answer = json!({
        "dryRun": options.dry_run, "matched": tally.moved, "redriven": redriven, "ids": tally.ids,
        "skipped": tally.skipped, "hasMore": tally.has_more
    });
    output.show(&answer, &text);
    Ok(())
}

/// Whatever matches, step by step from the newest to the oldest, so that each is met once: what dies again meanwhile
/// is behind.
async fn redrive_all(
    connection: &Connection,
    options: &RedriveOptions,
    output: Output,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let limit = options.limit.unwrap_or(usize::MAX);
    let mut after = None;
    while tally.moved + tally.skipped.len() < limit {
        let step = (limit - tally.moved - tally.skipped.len()).min(REDRIVE_STEP);
        let mut body = json!({ "limit": step, "dryRun": options.dry_run });
        if let Some(cause) = &options.cause {
            body["cause"] = json!(cause);
        }
        if let Some(after) = &after {
            body["after"] = json!(after);
        }
        let answer = ask(connection, &body, output, tally).await?;
        after = answer["next"].as_str().map(str::to_owned);
        tally.has_more = after.is_some();
        if after.is_none() {
            break;
        }
    }
    Ok(())
}

/// Those named, in requests of a size that the server takes.
async fn redrive_named(
    connection: &Connection,
    options: &RedriveOptions,
    output: Output,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let limit = options.limit.unwrap_or(usize::MAX);
    for ids in options.ids.chunks(REDRIVE_STEP) {
        if tally.moved == limit {
            tally.has_more = true;
            break;
        }
        let step = (limit - tally.moved).min(REDRIVE_STEP);
        let mut body = json!({ "ids": ids, "limit": step, "dryRun": options.dry_run });
        if let Some(cause) = &options.cause {
            body["cause"] = json!(cause);
        }
        let answer = ask(connection, &body, output, tally).await?;
        tally.has_more |= answer["hasMore"] == true;
    }
    Ok(())
}

async fn ask(
    connection: &Connection,
    body: &Value,
    output: Output,
    tally: &mut Tally,
) -> Result<Value, Failure> {
    let mut answer = connection.post("/v1/dead-letters/redrive", &[], body.to_string()).await?.success()?;
    let list = |value: Value| if let Value::Array(items) = value { items } else { Vec::new() };
    let moved = list(answer["ids"].take());
    tally.moved += moved.len();
    let kept = if output.json { usize::MAX } else { SHOWN_IDS };
    let room = kept.saturating_sub(tally.ids.len());
    tally.ids.extend(moved.into_iter().take(room));
    tally.skipped.extend(list(answer["skipped"].take()));
    output.progress(&format!("{} dead letters", tally.moved));
    Ok(answer)
}
