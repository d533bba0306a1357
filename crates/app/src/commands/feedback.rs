//! `postrider feedback`: what came back by mail and lies in a mailbox.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use postrider_core::limits::IMPORT_FAILURES_TOLD_MAX;
use serde_json::{Value, json};

use super::Failure;
use super::mailbox::Mailbox;
use crate::cli::GlobalOptions;
use crate::connection::Connection;
use crate::output::Output;
use crate::runtime::Types;

/// Mails that could not be read and are named to people one by one.
const NAMED_FAILURES: usize = 20;
/// Kinds of mail: as the API names them, as JSON does here, and to people.
const KINDS: [(&str, &str, &str); 5] = [
    ("delivery_status", "deliveryStatus", "delivery status notifications"),
    ("bounce", "bounce", "bounces that follow no standard"),
    ("complaint", "complaint", "complaints"),
    ("auto_reply", "autoReply", "auto-replies"),
    ("other", "other", "other mails"),
];
/// What recording came to: as the API names it, and to people.
const RESULTS: [(&str, &str); 5] = [
    ("recorded", "recorded"),
    ("repeated", "known before"),
    ("orphan", "about nothing that was sent from here"),
    ("kept", "kept until their message is known"),
    ("dropped", "dropped, because enough like them are on the timeline"),
];

/// What to do with feedback.
#[derive(Debug, Subcommand)]
pub enum FeedbackCommand {
    /// Read bounces, complaints and answers out of a mailbox; nothing in it is changed
    Import {
        /// A mail, an mbox, a Maildir or a folder of .eml files; `-` reads a mail or an mbox from standard input
        mailbox: PathBuf,
    },
}

/// Takes feedback in.
///
/// # Errors
/// If the mailbox cannot be read, or there is nobody who takes it.
pub async fn run(global: &GlobalOptions, command: &FeedbackCommand) -> Result<(), Failure> {
    let FeedbackCommand::Import { mailbox } = command;
    let mut mails = Mailbox::open(mailbox)?;
    let settings = global.settings()?;
    let connection = Connection::open(&settings, global.server.as_deref(), Types::Unused).await?;
    let output = global.output();
    let mut tally = Tally::default();
    let result = import(&connection, &mut mails, output, &mut tally).await;
    connection.close().await;
    output.progress_done();
    output.show(&tally.json(), &tally.text(mailbox));
    tally.conclude(result)
}

async fn import(
    connection: &Connection,
    mails: &mut Mailbox,
    output: Output,
    tally: &mut Tally,
) -> Result<(), Failure> {
    while let Some(mail) = mails.next() {
        match mail {
            Ok(mail) => {
                let answer = connection.post_bytes("/v1/feedback/messages", "message/rfc822", mail).await?;
                tally.add(&answer.success()?);
                output.progress(&format!("{} mails read", tally.mails));
            }
            Err(failure) if mails.outlives_faults() => tally.unreadable(&failure),
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

/// What an import has come to so far.
#[derive(Default)]
struct Tally {
    mails: u64,
    kinds: BTreeMap<String, u64>,
    results: BTreeMap<String, u64>,
    suppressed: u64,
    failed: u64,
    failures: Vec<String>,
}

impl Tally {
    fn add(&mut self, answer: &Value) {
        self.mails += 1;
        *self.kinds.entry(answer["kind"].as_str().unwrap_or("other").to_owned()).or_default() += 1;
        for report in answer["reports"].as_array().into_iter().flatten() {
            let result = report["result"].as_str().unwrap_or_default().to_owned();
            *self.results.entry(result).or_default() += 1;
            self.suppressed += u64::from(report["suppressed"].is_string());
        }
    }

    fn unreadable(&mut self, failure: &Failure) {
        self.failed += 1;
        if self.failures.len() < IMPORT_FAILURES_TOLD_MAX {
            self.failures.push(failure.to_string());
        }
    }

    fn json(&self) -> Value {
        let count = |of: &BTreeMap<String, u64>, name: &str| of.get(name).copied().unwrap_or(0);
        let kinds = KINDS.map(|(name, key, _)| (key.to_owned(), json!(count(&self.kinds, name))));
        let results = RESULTS.map(|(name, _)| (name.to_owned(), json!(count(&self.results, name))));
        json!({
            "mails": self.mails, "kinds": Value::Object(kinds.into_iter().collect()),
            "reports": Value::Object(results.into_iter().collect()), "suppressed": self.suppressed,
            "failedCount": self.failed, "failed": self.failures
        })
    }

    fn text(&self, mailbox: &Path) -> String {
        let line = |count: Option<&u64>, words: &str| {
            count.map(|count| format!("{count:>8}  {words}\n")).unwrap_or_default()
        };
        let kinds: String = KINDS.iter().map(|(name, _, words)| line(self.kinds.get(*name), words)).collect();
        let results: String =
            RESULTS.iter().map(|(name, words)| line(self.results.get(*name), words)).collect();
        let reports: u64 = self.results.values().sum();
        format!(
            "{} mails read in {}\n{kinds}{reports} reports\n{results}{} of them put their recipient on the suppression list\n",
            self.mails,
            if mailbox.as_os_str() == "-" { "standard input".into() } else { mailbox.display().to_string() },
            self.suppressed
        )
    }

    fn conclude(&self, result: Result<(), Failure>) -> Result<(), Failure> {
        let mut words = Vec::new();
        if let Err(failure) = result {
            words.push(format!(
                "{failure}\n{} mails were taken in before. Import the whole mailbox again: what is recorded is \
                 recognised and counts once",
                self.mails
            ));
        }
        if self.failed > 0 {
            words.push(format!("{} mails could not be read:", self.failed));
            words.extend(self.failures.iter().take(NAMED_FAILURES).map(|failure| format!("  {failure}")));
            if let Some(more) = self.failed.checked_sub(NAMED_FAILURES as u64).filter(|more| *more > 0) {
                words.push(format!("  … and {more} more"));
            }
        }
        if words.is_empty() { Ok(()) } else { Err(Failure::new(words.join("\n"))) }
    }
}
