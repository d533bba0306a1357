//! What the measurement leaves behind.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::events::MIX_WORDS;
use super::intake::IntakeRun;
use super::peer::PeerRun;
use crate::end_to_end::report::{Report, machine_json, median_of, rounded, summary_json};
use crate::machine::Machine;

/// What was measured.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Events of each run.
    pub events: usize,
    /// Bytes of an event and of the same in SNS's envelope, on average.
    pub bytes: (usize, usize),
    /// With as many receivers as can be configured.
    pub most: Vec<IntakeRun>,
    /// With as many as there are unless configured otherwise.
    pub default: Vec<IntakeRun>,
    /// The peer.
    pub peer: Vec<PeerRun>,
}

/// Sums it up.
#[must_use]
pub fn report(machine: &Machine, measured: &Measured) -> Report {
    let Measured { events, bytes, most, default, peer } = measured;
    let (rate, peer_rate) = (median_of(most, |run| run.rate), median_of(peer, |run| run.rate));
    let default_rate = median_of(default, |run| run.rate);
    // What a disk shared with others takes for a commit changes from minute to minute: only neighbours are compared.
    let ratios: Vec<f64> = most.iter().zip(peer).map(|(run, peer)| run.rate / peer.rate).collect();
    let ratio = median_of(&ratios, |ratio| *ratio);
    let (lowest, highest) = range(&ratios);
    let rates: Vec<f64> = most.iter().map(|run| run.rate).collect();
    let (slowest, fastest) = range(&rates);
    let p99 = median_of(most, |run| run.recorded.p99_ms);
    let cpu = median_of(most, |run| run.cpu_ms_per_event);
    let mut markdown = format!(
        "# Feedback: SES events out of a queue, into the ledger\n\n{} on {} cores, {} MiB, Linux {}, {}; {}; load average \
         before {}. {events} events about as many notifications, {MIX_WORDS}; {} bytes each, {} in SNS's envelope. How \
         it is measured: [README](../README.md).\n\n",
        machine.cpu,
        machine.cores,
        machine.memory_mib,
        machine.kernel,
        machine.file_system,
        machine.date,
        machine.load_average,
        bytes.0,
        bytes.1
    );
    let _ = writeln!(
        markdown,
        "**{rate:.0} events/s recorded durably** ({slowest:.0} to {fastest:.0}), p99 {p99:.1} ms from message to disk, \
         {cpu:.3} CPU ms an event; **{ratio:.1} times** ({lowest:.1} to {highest:.1}) a plain SQLite program that commits \
         each event by itself ({peer_rate:.0} events/s). With two receivers: {default_rate:.0} events/s. \
         Medians of {} alternating runs; ratios are of runs next to each other, and where they differ much, something \
         else kept the disk busy.\n",
        most.len()
    );
    markdown.push_str(
        "| Postrider | receivers | seconds | events/s | p50 ms | p99 ms | max ms | CPU ms/event |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for runs in [most, default] {
        for (number, run) in (1..).zip(runs) {
            let _ = writeln!(
                markdown,
                "| run {number} | {} | {:.2} | {:.0} | {:.2} | {:.2} | {:.2} | {:.3} |",
                run.receivers,
                run.seconds,
                run.rate,
                run.recorded.p50_ms,
                run.recorded.p99_ms,
                run.recorded.max_ms,
                run.cpu_ms_per_event
            );
        }
    }
    markdown.push_str(
        "\n| plain SQLite | events | seconds | events/s | CPU ms/event |\n| --- | ---: | ---: | ---: | ---: |\n",
    );
    for (number, run) in (1..).zip(peer) {
        let _ = writeln!(
            markdown,
            "| run {number} | {} | {:.2} | {:.0} | {:.3} |",
            run.events, run.seconds, run.rate, run.cpu_ms_per_event
        );
    }
    let json = json!({
        "machine": machine_json(machine),
        "events": events,
        "mix": MIX_WORDS,
        "eventBytes": bytes.0,
        "messageBytes": bytes.1,
        "eventsPerSecond": rounded(rate),
        "defaultEventsPerSecond": rounded(default_rate),
        "peerEventsPerSecond": rounded(peer_rate),
        "ratioToPeer": rounded(ratio),
        "ratioToPeerLowest": rounded(lowest),
        "ratioToPeerHighest": rounded(highest),
        "recordedP99Ms": rounded(p99),
        "cpuMsPerEvent": rounded(cpu),
        "most": most.iter().map(intake_json).collect::<Vec<_>>(),
        "default": default.iter().map(intake_json).collect::<Vec<_>>(),
        "peer": peer
            .iter()
            .map(|run| json!({
                "events": run.events,
                "seconds": rounded(run.seconds),
                "eventsPerSecond": rounded(run.rate),
                "cpuMsPerEvent": rounded(run.cpu_ms_per_event),
            }))
            .collect::<Vec<_>>(),
    });
    Report { json, markdown }
}

/// The least and the greatest; both 0 of nothing.
fn range(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().min_by(f64::total_cmp).unwrap_or(0.0);
    (least, values.iter().copied().max_by(f64::total_cmp).unwrap_or(0.0))
}

fn intake_json(run: &IntakeRun) -> Value {
    json!({
        "receivers": run.receivers,
        "seconds": rounded(run.seconds),
        "eventsPerSecond": rounded(run.rate),
        "recorded": summary_json(run.recorded),
        "cpuMsPerEvent": rounded(run.cpu_ms_per_event),
    })
}
