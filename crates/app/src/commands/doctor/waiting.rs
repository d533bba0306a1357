//! Who works on what waits: the server that runs, the ledger, its queue and its dead letters.

use std::sync::Arc;

use http::{Request, header};
use http_body_util::Full;
use postrider_core::domain::status::Status;
use postrider_core::domain::suppression::Secret;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::clock::Random;
use postrider_core::ports::feedback::RecipientRules;
use postrider_core::ports::ledger::{DeadLetterGroup, QueueStats};
use postrider_environment::config::{LedgerSettings, Settings};
use postrider_environment::system::SystemRandom;
use postrider_sqlite::{Contents, Glance, OpenError, Reservation, glance};
use serde_json::Value;

use super::Exams;
use super::keys::keys;
use crate::client;
use crate::commands::Failure;
use crate::ledger::OpenLedger;
use crate::server_file::{self, reachable};

/// What is due for longer does not go out.
const OVERDUE_MS: u64 = 5 * 60 * 1000;
/// A clock is not set back by less.
const CLOCK_SLACK_MS: u64 = 60 * 1000;
/// Causes that are told.
const CAUSES_TOLD: usize = 5;

/// The server on this data directory, or at the configured address.
pub(super) async fn server(settings: &Settings, exams: &mut Exams) {
    let file = server_file::read(&settings.data_dir);
    let at_file = file.as_ref().and_then(|file| Some((file.url.strip_prefix("http://")?, &file.instance)));
    let authority = match at_file {
        Some((authority, instance)) if client::instance_at(authority).await.as_ref() == Some(instance) => {
            Some(authority.to_owned())
        }
        _ if matches!(settings.ledger, LedgerSettings::DynamoDb(_)) => {
            let listen = reachable(settings.listen).to_string();
            client::instance_at(&listen).await.map(|_| listen)
        }
        _ => None,
    };
    let Some(authority) = authority else { return no_server(settings, exams) };
    let request = Request::get("/readyz").header(header::HOST, &authority).body(Full::default());
    let Ok(request) = request else { return };
    let answer = match client::exchange(&authority, request).await {
        Ok(answer) => answer,
        Err(failure) => {
            return exams.failed("server", failure.to_string(), "look at its log; restart it if it hangs");
        }
    };
    let said: Value = serde_json::from_slice(&answer.bytes).unwrap_or_default();
    let part = |name: &str| said[name].as_str().unwrap_or("no word").to_owned();
    for name in ["ledger", "workers"] {
        if part(name) != "ok" {
            exams.failed(
                "server",
                format!("http://{authority} runs and is not ready: {name}: {}", part(name)),
                "docs/runbook.md, \"Mail does not go out\"",
            );
        }
    }
    if part("route") != "ok" {
        exams.failed(
            "route",
            format!("the server has paused the way to the mail server for {}; messages wait", part("route")),
            "see the check of the mailer below; sending goes on by itself once the server can be reached",
        );
    }
    if let Some(cause) = said["fallback"].as_str() {
        exams.warning(
            "fallback",
            format!("messages go by the fallback, because SES takes nothing for {cause}"),
            "docs/ses.md says what ends it",
        );
    }
    if said["ready"] == true && part("route") == "ok" {
        exams.ok("server", format!("http://{authority} runs and is ready to accept and to send"));
    }
}

fn no_server(settings: &Settings, exams: &mut Exams) {
    if matches!(settings.ledger, LedgerSettings::Sqlite)
        && Reservation::lock_path(&settings.ledger_path).exists()
        && let Err(OpenError::AlreadyOpen { holder, .. }) = Reservation::take(&settings.ledger_path)
    {
        return exams.failed(
            "server",
            format!("process {holder} has the ledger open and does not answer: it starts, stops or hangs"),
            "try again in a moment; if it stays so, look at its log and restart it",
        );
    }
    exams.warning(
        "server",
        "no server runs on this data directory: nothing is accepted and nothing is sent",
        "postrider serve",
    );
}

pub(super) async fn ledger(settings: &Settings, secret: Option<Secret>, now: Timestamp, exams: &mut Exams) {
    match &settings.ledger {
        LedgerSettings::Sqlite if !settings.ledger_path.exists() => {
            exams.ok("ledger", "there is none yet; the first start makes one");
            keys(settings, &[], exams);
        }
        LedgerSettings::Sqlite => {
            let Some(secret) = secret else { return };
            let rules = RecipientRules { secret, soft_bounces: settings.soft_bounces };
            let (path, from) = (settings.ledger_path.clone(), settings.sender.from.clone());
            let looking = tokio::task::spawn_blocking(move || glance(&path, &rules, &from, now));
            match looking.await {
                Ok(Ok(found)) => of_file(settings, &found, now, exams),
                Ok(Err(error)) => exams.failed(
                    "ledger",
                    Failure::because(&error).to_string(),
                    "`postrider verify` looks closer; docs/runbook.md, \"The server does not start\"",
                ),
                Err(defect) => exams.failed("ledger", format!("the look broke off: {defect}"), "report this"),
            }
        }
        LedgerSettings::DynamoDb(_) => table(settings, secret, now, exams).await,
    }
}

fn of_file(settings: &Settings, found: &Glance, now: Timestamp, exams: &mut Exams) {
    let path = settings.ledger_path.display();
    let Some(Contents { stats, dead_letters, suppressions, keys: api_keys, probed_at }) = &found.contents
    else {
        return exams
            .ok("ledger", format!("{path} is of schema version {}, which `serve` brings up", found.schema));
    };
    exams.ok("ledger", format!("{path} opens, and the secret is its own"));
    if let Some(probed_at) = probed_at.filter(|at| at.ms_since(now) > CLOCK_SLACK_MS) {
        exams.failed(
            "clock",
            format!("a server has worked on this ledger at {probed_at}, which is still to come"),
            "set the clock right: what is due waits until it has caught up",
        );
    }
    if *suppressions > 0 {
        exams.warning(
            "suppressed-sender",
            "sender.from is itself on the suppression list: mail to it, such as a test, is not sent",
            "`postrider suppressions list` says why; `suppressions remove` takes it off",
        );
    }
    keys(settings, api_keys, exams);
    queue(stats, dead_letters, now, exams);
}

async fn table(settings: &Settings, secret: Option<Secret>, now: Timestamp, exams: &mut Exams) {
    const CURE: &str = "see the table's name, region, credentials and policy (docs/dynamodb.md)";
    let Some(secret) = secret else {
        return exams.warning("ledger", "not looked at, for lack of a secret", "see the check of the secret");
    };
    let rules = RecipientRules { secret, soft_bounces: settings.soft_bounces };
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let opened = match OpenLedger::open(settings, rules, &random).await {
        Ok(opened) => opened,
        Err(error) => return exams.failed("ledger", Failure::because(&error).to_string(), CURE),
    };
    let ledger = opened.ledger();
    match (ledger.queue_stats(now).await, ledger.dead_letter_groups().await, ledger.keys().await) {
        (Ok(stats), Ok(groups), Ok(api_keys)) => {
            exams.ok("ledger", format!("{} opens", crate::ledger::describe(settings)));
            keys(settings, &api_keys, exams);
            queue(&stats, &groups, now, exams);
        }
        (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => {
            exams.failed("ledger", Failure::because(&error).to_string(), CURE);
        }
    }
}

fn queue(stats: &QueueStats, groups: &[DeadLetterGroup], now: Timestamp, exams: &mut Exams) {
    let count = |status: Status| {
        stats.counts.iter().filter(|(of, _)| *of == status).map(|(_, count)| *count).sum::<u64>()
    };
    let waiting = count(Status::Queued) + count(Status::Deferred);
    let under_way = count(Status::Sending) + count(Status::Unknown);
    let overdue_ms = stats.oldest_due_at.map_or(0, |due| now.ms_since(due));
    let told = format!("{waiting} wait, {under_way} are under way or unknown");
    if overdue_ms > OVERDUE_MS {
        let minutes = overdue_ms / 60_000;
        exams.failed(
            "queue",
            format!("{told}; the oldest has been due for {minutes} minutes"),
            "is a server running, and does the mailer work? `postrider status ORDER` shows what the mail server said",
        );
    } else {
        exams.ok("queue", format!("{told}; nothing is overdue"));
    }
    let given_up: u64 = groups.iter().map(|group| group.count).sum();
    if given_up == 0 {
        return exams.ok("dead-letters", "none: nothing waits for a person");
    }
    let causes: Vec<String> =
        groups.iter().take(CAUSES_TOLD).map(|group| format!("{} {}", group.count, group.cause)).collect();
    let more = if groups.len() > CAUSES_TOLD { ", …" } else { "" };
    exams.warning(
        "dead-letters",
        format!("{given_up} are not sent before a person decides: {}{more}", causes.join(", ")),
        "docs/runbook.md lists causes; `postrider dead-letters redrive --cause CAUSE --dry-run`, then without",
    );
}
