//! What a measurement leaves behind: a file for programs and a file for people.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::full_ledger::Comparison;
use super::runs::{CONNECTIONS, PostfixRun, PostriderRun};
use crate::Failure;
use crate::latency::{Summary, median};
use crate::machine::Machine;

/// A report in both forms.
#[derive(Clone, Debug)]
pub struct Report {
    /// For programs.
    pub json: Value,
    /// For people.
    pub markdown: String,
}

impl Report {
    /// Writes `NAME.json` and `NAME.md` into `directory`.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write(&self, directory: &Path, name: &str) -> Result<(), Failure> {
        fs::create_dir_all(directory)?;
        fs::write(directory.join(format!("{name}.json")), format!("{:#}\n", self.json))?;
        fs::write(directory.join(format!("{name}.md")), &self.markdown)?;
        Ok(())
    }
}

/// Postrider against Postfix.
#[must_use]
pub fn against_postfix(
    machine: &Machine,
    messages: u64,
    settings: &[(String, String)],
    postrider: &[PostriderRun],
    postfix: &[PostfixRun],
) -> Report {
    let postrider_rate = median_of(postrider, |run| run.rate);
    let postfix_rate = median_of(postfix, |run| run.rate);
    let ratio = postrider_rate / postfix_rate;
    let mut markdown =
        heading("End to end: orders over HTTP, messages over SMTP", machine, messages, settings);
    let _ = writeln!(
        markdown,
        "**{ratio:.1} times Postfix**: {postrider_rate:.0} messages/s against {postfix_rate:.0} (medians of {} \
         alternating runs).\n",
        postrider.len()
    );
    markdown.push_str("Postrider accepts, stores, renders and delivers; Postfix accepts, stores and relays messages of the same size.\n\n");
    markdown.push_str(&postrider_table("Postrider", postrider));
    markdown.push_str("| Postfix | sessions | seconds | messages/s |\n| --- | ---: | ---: | ---: |\n");
    for (number, run) in postfix.iter().enumerate() {
        let _ = writeln!(
            markdown,
            "| run {} | {} | {:.2} | {:.0} |",
            number + 1,
            run.sessions,
            run.seconds,
            run.rate
        );
    }
    let json = json!({
        "machine": machine_json(machine),
        "messages": messages,
        "connections": CONNECTIONS,
        "settings": settings_json(settings),
        "ratioToPostfix": rounded(ratio),
        "postriderMessagesPerSecond": rounded(postrider_rate),
        "postfixMessagesPerSecond": rounded(postfix_rate),
        "acceptP99Ms": rounded(median_of(postrider, |run| run.accept.p99_ms)),
        "cpuMsPerMessage": rounded(median_of(postrider, |run| run.cpu_ms_per_message)),
        "postrider": postrider.iter().map(postrider_json).collect::<Vec<_>>(),
        "postfix": postfix
            .iter()
            .map(|run| json!({ "sessions": run.sessions, "seconds": rounded(run.seconds), "messagesPerSecond": rounded(run.rate) }))
            .collect::<Vec<_>>(),
    });
    Report { json, markdown }
}

/// A full ledger against an empty one.
#[must_use]
pub fn full_against_empty(
    machine: &Machine,
    messages: u64,
    rows: u64,
    settings: &[(String, String)],
    comparison: &Comparison,
) -> Report {
    let few = median_of(&comparison.few, |run| run.rate);
    let many = median_of(&comparison.many, |run| run.rate);
    let lookups = |pick: fn(&super::lookups::Lookups) -> Summary| {
        median_of(&comparison.many, |run| run.lookups.as_ref().map_or(0.0, |lookups| pick(lookups).p99_ms))
    };
    let (during, after) = (lookups(|lookups| lookups.during), lookups(|lookups| lookups.after));
    let ratio = many / few;
    let mut markdown = heading("A ledger with a long past", machine, messages, settings);
    let _ = writeln!(
        markdown,
        "On a ledger with {rows} notifications: **{ratio:.2} of the empty ledger's rate**, {many:.0} messages/s \
         against {few:.0} (medians of {} alternating runs).\n\n`GET /v1/notifications?orderId=` there: p99 \
         {during:.2} ms while orders come in, {after:.2} ms afterwards.\n",
        comparison.many.len()
    );
    markdown.push_str(&postrider_table("empty ledger", &comparison.few));
    markdown.push_str(&postrider_table("full ledger", &comparison.many));
    let json = json!({
        "machine": machine_json(machine),
        "messages": messages,
        "rows": rows,
        "settings": settings_json(settings),
        "ratioToEmpty": rounded(ratio),
        "seedSeconds": rounded(comparison.seed_seconds),
        "lookupDuringP99Ms": rounded(during),
        "lookupAfterP99Ms": rounded(after),
        "empty": comparison.few.iter().map(postrider_json).collect::<Vec<_>>(),
        "full": comparison.many.iter().map(postrider_json).collect::<Vec<_>>(),
    });
    Report { json, markdown }
}

fn heading(title: &str, machine: &Machine, messages: u64, settings: &[(String, String)]) -> String {
    let settings: Vec<String> = settings.iter().map(|(name, value)| format!("`{name}={value}`")).collect();
    let settings = if settings.is_empty() { "defaults".to_owned() } else { settings.join(", ") };
    format!(
        "# {title}\n\n{} on {} cores, {} MiB, Linux {}, {}; Postfix {}; {}; load average before {}. {messages} orders over {CONNECTIONS} \
         connections; settings: {settings}. Load generator, sink and server share the cores. How it is measured: \
         [README](../README.md).\n\n",
        machine.cpu,
        machine.cores,
        machine.memory_mib,
        machine.kernel,
        machine.file_system,
        machine.postfix,
        machine.date,
        machine.load_average
    )
}

fn postrider_table(name: &str, runs: &[PostriderRun]) -> String {
    let mut table = format!(
        "| {name} | seconds | messages/s | accept p50 ms | p99 ms | max ms | CPU ms/message | of sink and generator | peak MiB | message bytes |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
    );
    for (number, run) in runs.iter().enumerate() {
        let accept = run.accept;
        let _ = writeln!(
            table,
            "| run {} | {:.2} | {:.0} | {:.2} | {:.2} | {:.2} | {:.3} | {:.3} | {} | {} |",
            number + 1,
            run.seconds,
            run.rate,
            accept.p50_ms,
            accept.p99_ms,
            accept.max_ms,
            run.cpu_ms_per_message,
            run.harness_cpu_ms_per_message,
            run.peak_resident_mib,
            run.message_bytes
        );
    }
    table.push('\n');
    table
}

fn postrider_json(run: &PostriderRun) -> Value {
    json!({
        "seconds": rounded(run.seconds),
        "messagesPerSecond": rounded(run.rate),
        "accept": summary_json(run.accept),
        "cpuMsPerMessage": rounded(run.cpu_ms_per_message),
        "harnessCpuMsPerMessage": rounded(run.harness_cpu_ms_per_message),
        "peakResidentMib": run.peak_resident_mib,
        "messageBytes": run.message_bytes,
        "lookups": run.lookups.map(|lookups| {
            json!({ "during": summary_json(lookups.during), "after": summary_json(lookups.after) })
        }),
    })
}

pub(crate) fn summary_json(summary: Summary) -> Value {
    json!({
        "count": summary.count,
        "p50Ms": rounded(summary.p50_ms),
        "p99Ms": rounded(summary.p99_ms),
        "maxMs": rounded(summary.max_ms),
    })
}

/// The machine, for programs.
#[must_use]
pub fn machine_json(machine: &Machine) -> Value {
    json!({
        "cpu": machine.cpu,
        "cores": machine.cores,
        "memoryMib": machine.memory_mib,
        "kernel": machine.kernel,
        "fileSystem": machine.file_system,
        "postfix": machine.postfix,
        "date": machine.date,
        "loadAverageBefore": machine.load_average,
    })
}

fn settings_json(settings: &[(String, String)]) -> Value {
    settings.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
}

/// The median of one number of each run.
pub fn median_of<T>(runs: &[T], pick: impl Fn(&T) -> f64) -> f64 {
    median(&runs.iter().map(pick).collect::<Vec<_>>())
}

/// Three decimals are more than any of these times is worth.
#[must_use]
pub fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
