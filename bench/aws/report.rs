//! What the measurement leaves behind.

use std::fmt::Write as _;

use postrider_bench::end_to_end::report::{Report, machine_json, median_of, rounded};
use postrider_bench::machine::Machine;
use serde_json::{Value, json};

use super::contender::Contender;
use super::round::Run;

/// What a function of ours should be, next to the peer: so many times sooner, and no more than such a part.
const SOONER_AIM: f64 = 10.0;
const MEMORY_AIM: f64 = 0.25;
const CPU_AIM: f64 = 0.2;
const ZIP_MIB_AIM: f64 = 4.0;

/// What was measured.
#[derive(Debug, Default)]
pub struct Measured {
    /// Orders of each run after the first.
    pub messages: u64,
    pub postrider: Vec<Run>,
    pub python: Vec<Run>,
    pub postrider_zip_bytes: u64,
    pub python_zip_bytes: u64,
}

impl Measured {
    /// The runs of one of them.
    pub fn runs_of(&mut self, contender: &Contender) -> &mut Vec<Run> {
        match contender {
            Contender::Postrider { .. } => &mut self.postrider,
            Contender::Python { .. } => &mut self.python,
        }
    }
}

/// Sums it up.
pub fn report(machine: &Machine, measured: &Measured) -> Report {
    let Measured { messages, postrider, python, .. } = measured;
    let both = |value: fn(&Run) -> f64| (median_of(postrider, value), median_of(python, value));
    let first = both(|run| run.first_response_ms);
    let start = both(|run| run.start_cpu_ms);
    let cpu = both(|run| run.cpu_ms_per_message);
    let whole = both(|run| run.cpu_ms_per_message_with_start);
    let memory = both(|run| run.peak_memory_mib);
    let zip = (mebibytes(measured.postrider_zip_bytes), mebibytes(measured.python_zip_bytes));
    let sooner = first.1 / first.0;
    let (memory_part, cpu_part) = (memory.0 / memory.1, cpu.0 / cpu.1);

    let mut markdown = format!(
        "# Functions: an order out of SQS, into DynamoDB and to SES\n\n{} on {} cores, {} MiB, Linux {}, {}; {}; load \
         average before {}. Medians of {} alternating runs against the emulator, each with a first order and {messages} \
         more in batches of ten. How it is measured: [README](../README.md).\n\n",
        machine.cpu,
        machine.cores,
        machine.memory_mib,
        machine.kernel,
        std::env::consts::ARCH,
        machine.date,
        machine.load_average,
        postrider.len(),
    );
    markdown
        .push_str("| | Postrider | Python and boto3 | ratio | aim |\n| --- | ---: | ---: | ---: | --- |\n");
    let rows = [
        (
            "first response after the start, ms",
            first,
            format!("{sooner:.1} times sooner"),
            format!("≥ {SOONER_AIM:.0} times"),
        ),
        ("peak memory, MiB", memory, format!("{memory_part:.3}"), format!("≤ {MEMORY_AIM}")),
        ("CPU a message, ms", cpu, format!("{cpu_part:.3}"), format!("≤ {CPU_AIM}")),
        ("CPU a message with the start in it, ms", whole, format!("{:.3}", whole.0 / whole.1), String::new()),
        ("CPU until the first response, ms", start, format!("{:.3}", start.0 / start.1), String::new()),
        ("artifact zipped, MiB", zip, String::new(), format!("≤ {ZIP_MIB_AIM:.0} MiB")),
    ];
    for (name, (ours, theirs), ratio, aim) in rows {
        let _ = writeln!(markdown, "| {name} | {ours:.2} | {theirs:.2} | {ratio} | {aim} |");
    }
    markdown.push_str(
        "\nThe Python artifact is its own code, Jinja2 and MarkupSafe; boto3, which Lambda's runtime brings, is not in it.\n\n",
    );
    markdown.push_str(&runs_table("Postrider", postrider));
    markdown.push_str(&runs_table("Python", python));
    let json = json!({
        "machine": machine_json(machine),
        "architecture": std::env::consts::ARCH,
        "messages": messages,
        "postrider": summary(first.0, memory.0, cpu.0, whole.0, start.0, measured.postrider_zip_bytes),
        "python": summary(first.1, memory.1, cpu.1, whole.1, start.1, measured.python_zip_bytes),
        "timesSooner": rounded(sooner),
        "memoryPart": rounded(memory_part),
        "cpuPart": rounded(cpu_part),
        "aims": {
            "timesSooner": SOONER_AIM,
            "memoryPart": MEMORY_AIM,
            "cpuPart": CPU_AIM,
            "zipMiB": ZIP_MIB_AIM,
            "met": sooner >= SOONER_AIM && memory_part <= MEMORY_AIM && cpu_part <= CPU_AIM && zip.0 <= ZIP_MIB_AIM,
        },
        "postriderRuns": postrider.iter().map(run_json).collect::<Vec<_>>(),
        "pythonRuns": python.iter().map(run_json).collect::<Vec<_>>(),
    });
    Report { json, markdown }
}

fn summary(first: f64, memory: f64, cpu: f64, whole: f64, start: f64, zip_bytes: u64) -> Value {
    json!({
        "firstResponseMs": rounded(first),
        "peakMemoryMiB": rounded(memory),
        "cpuMsPerMessage": rounded(cpu),
        "cpuMsPerMessageWithStart": rounded(whole),
        "startCpuMs": rounded(start),
        "zipBytes": zip_bytes,
    })
}

fn run_json(run: &Run) -> Value {
    json!({
        "firstResponseMs": rounded(run.first_response_ms),
        "peakMemoryMiB": rounded(run.peak_memory_mib),
        "cpuMsPerMessage": rounded(run.cpu_ms_per_message),
        "cpuMsPerMessageWithStart": rounded(run.cpu_ms_per_message_with_start),
        "startCpuMs": rounded(run.start_cpu_ms),
    })
}

fn runs_table(name: &str, runs: &[Run]) -> String {
    let mut table = format!(
        "| {name} | first response ms | peak MiB | CPU ms/message | start CPU ms |\n| --- | ---: | ---: | ---: | ---: |\n"
    );
    for (number, run) in (1..).zip(runs) {
        let _ = writeln!(
            table,
            "| run {number} | {:.1} | {:.1} | {:.2} | {:.0} |",
            run.first_response_ms, run.peak_memory_mib, run.cpu_ms_per_message, run.start_cpu_ms
        );
    }
    table.push('\n');
    table
}

#[expect(clippy::cast_precision_loss, reason = "the size of a small file")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}
