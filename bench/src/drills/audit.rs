//! The account after a drill: what was acknowledged, what the ledger says, what arrived.

use std::collections::{HashMap, HashSet};

use postrider_testkit::postfix::SmtpSink;

use super::Report;
use crate::Failure;
use crate::http::Client;
use crate::records;

/// Violations named one by one; more are only counted.
const EXAMPLES_MAX: usize = 5;

/// Compares the acknowledged notifications with the ledger and the sink.
///
/// Kept promises: every acknowledged notification is `sent` and arrived at least once; a notification arrived at most
/// once more than its timeline says `resent`; nothing arrived that the ledger does not know.
///
/// # Errors
/// If the server cannot be asked.
pub fn account(
    report: &mut Report,
    client: &mut Client,
    sink: &SmtpSink,
    acknowledged: &HashSet<String>,
) -> Result<(), Failure> {
    let arrived = sink.counts();
    let listed = records::list(client, "")?;
    let known: HashSet<&str> = listed.iter().map(|record| record.id.as_str()).collect();
    let statuses: HashMap<&str, &str> =
        listed.iter().map(|record| (record.id.as_str(), record.status.as_str())).collect();

    let lost: Vec<&String> =
        acknowledged.iter().filter(|id| !known.contains(id.as_str()) || !arrived.contains_key(*id)).collect();
    let not_sent: Vec<String> = acknowledged
        .iter()
        .filter_map(|id| {
            let status = statuses.get(id.as_str()).copied().unwrap_or("not in the ledger");
            (status != "sent").then(|| format!("{id} is {status}"))
        })
        .collect();
    let foreign: Vec<&String> = arrived.keys().filter(|id| !known.contains(id.as_str())).collect();

    let mut resent_by_ledger = 0;
    let mut unexplained = Vec::new();
    for record in &listed {
        let (_, timeline) = records::find(client, &record.id)?;
        let resent = timeline.iter().filter(|entry| entry.kind == "resent").count();
        resent_by_ledger += resent;
        let count = arrived.get(&record.id).copied().unwrap_or(0);
        if count > 1 + resent {
            unexplained
                .push(format!("{} arrived {count} times, resent {resent} times: {timeline:?}", record.id));
        }
    }
    report.count("notifications in the ledger", listed.len());
    report.count("messages at the sink", sink.total());
    report.count("duplicates at the sink", sink.total() - arrived.len());
    report.count("unknown and resent by the ledger", resent_by_ledger);
    report.count("acknowledged but not sent", not_sent.len());
    report.count("lost", lost.len());

    let some = |all: &[String]| all.iter().take(EXAMPLES_MAX).cloned().collect::<Vec<_>>().join("; ");
    report.demand(lost.is_empty(), || {
        format!("{} acknowledged never arrived, such as {:?}", lost.len(), lost[0])
    });
    report.demand(not_sent.is_empty(), || format!("acknowledged but not sent: {}", some(&not_sent)));
    report.demand(unexplained.is_empty(), || format!("duplicates nobody explains: {}", some(&unexplained)));
    report
        .demand(foreign.is_empty(), || format!("{} notifications arrived that nobody knows", foreign.len()));
    Ok(())
}
