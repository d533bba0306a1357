//! `postrider dead-letters`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Failure;
use crate::cli::GlobalOptions;
use crate::connection::{Connection, query_value};
use crate::output::Output;

/// Notifications one redrive request moves, so that progress shows.
const REDRIVE_STEP: usize = 500;

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
    let connection = Connection::open(&settings, global.server.as_deref()).await?;
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

async fn redrive(connection: &Connection, options: &RedriveOptions, output: Output) -> Result<(), Failure> {
    if options.cause.is_none() && options.ids.is_empty() && !options.all {
        return Err(Failure::new(
            "say which: --cause CAUSE, --id ID or --all (`dead-letters list --group-by cause` shows the causes)",
        ));
    }
    let mut left = options.limit.unwrap_or(usize::MAX);
    let (mut ids, mut skipped) = (Vec::<Value>::new(), Vec::<Value>::new());
    while left > 0 {
        let mut body = json!({ "limit": left.min(REDRIVE_STEP), "dryRun": options.dry_run });
        if let Some(cause) = &options.cause {
            body["cause"] = json!(cause);
        }
        if !options.ids.is_empty() {
            body["ids"] = json!(options.ids);
        }
        let answer = connection.post("/v1/dead-letters/redrive", &[], body.to_string()).await?.success()?;
        let moved: Vec<Value> = answer["ids"].as_array().cloned().unwrap_or_default();
        skipped.extend(answer["skipped"].as_array().cloned().unwrap_or_default());
        left = left.saturating_sub(moved.len());
        let nothing_moved = moved.is_empty();
        ids.extend(moved);
        output.progress(&format!("{} redriven", ids.len()));
        // A dry run changes nothing, so asking again would find the same; one step shows what there is.
        if nothing_moved || options.dry_run || !options.ids.is_empty() || answer["hasMore"] != true {
            break;
        }
    }
    output.progress_done();
    let what = if options.dry_run { "would be queued again" } else { "queued again" };
    let mut text = format!("{} dead letters {what}", ids.len());
    for id in ids.iter().take(20).filter_map(Value::as_str) {
        text.push_str(&format!("\n  {id}"));
    }
    for entry in &skipped {
        let status = entry["status"].as_str().unwrap_or("not there");
        text.push_str(&format!("\n  {} skipped: {status}", entry["id"].as_str().unwrap_or_default()));
    }
    let redriven = if options.dry_run { 0 } else { ids.len() };
    let answer = json!({
        "dryRun": options.dry_run, "matched": ids.len(), "redriven": redriven, "ids": ids, "skipped": skipped
    });
    output.show(&answer, &text);
    Ok(())
}
