//! `postrider doctor`: looks at the installation as somebody who asks why no mail is going out.
//!
//! Nothing is changed but a file that is made in the data directory and taken away again, nothing is sent, and nobody is
//! asked but whom the configuration names.

mod keys;
mod mail;
mod place;
mod waiting;

use std::sync::Arc;

use postrider_core::ports::clock::Clock;
use postrider_environment::config::Settings;
use postrider_environment::system::SystemClock;
use serde_json::{Value, json};

use super::Failure;
use crate::cli::GlobalOptions;

/// How one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    /// Mail goes out, but somebody should know.
    Warning,
    /// In the way of mail, or soon.
    Failed,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug)]
pub(super) struct Exam {
    name: &'static str,
    verdict: Verdict,
    /// What was found, and what it means.
    found: String,
    /// What to do about it.
    cure: Option<String>,
}

/// What was looked at so far.
#[derive(Default)]
pub(super) struct Exams(Vec<Exam>);

impl Exams {
    pub(super) fn ok(&mut self, name: &'static str, found: impl Into<String>) {
        self.0.push(Exam { name, verdict: Verdict::Ok, found: found.into(), cure: None });
    }

    pub(super) fn warning(&mut self, name: &'static str, found: impl Into<String>, cure: impl Into<String>) {
        self.0.push(Exam { name, verdict: Verdict::Warning, found: found.into(), cure: Some(cure.into()) });
    }

    pub(super) fn failed(&mut self, name: &'static str, found: impl Into<String>, cure: impl Into<String>) {
        self.0.push(Exam { name, verdict: Verdict::Failed, found: found.into(), cure: Some(cure.into()) });
    }

    /// Records `result` as found, or as the failure it is.
    pub(super) fn judge(
        &mut self,
        name: &'static str,
        result: Result<impl Into<String>, impl Into<String>>,
        cure: &str,
    ) {
        match result {
            Ok(found) => self.ok(name, found),
            Err(found) => self.failed(name, found, cure),
        }
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.0.iter().filter(|exam| exam.verdict == verdict).count()
    }

    fn json(&self) -> Value {
        let exams: Vec<Value> = self
            .0
            .iter()
            .map(|exam| {
                json!({
                    "name": exam.name, "verdict": exam.verdict.name(), "found": exam.found, "cure": exam.cure
                })
            })
            .collect();
        json!({ "ok": self.count(Verdict::Failed) == 0, "checks": exams })
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for exam in &self.0 {
            // Causes may have several lines; each check begins its own.
            let found = exam.found.trim_end().replace('\n', "\n                          ");
            text.push_str(&format!("{:<8} {:<16} {found}\n", exam.verdict.name(), exam.name));
            if let Some(cure) = &exam.cure {
                text.push_str(&format!("                          → {cure}\n"));
            }
        }
        text
    }
}

/// Looks at everything and says what it means.
///
/// # Errors
/// How much is in the way of mail; what, is printed.
pub async fn run(global: &GlobalOptions) -> Result<(), Failure> {
    let mut exams = Exams::default();
    match global.settings() {
        Ok(settings) => {
            exams.ok("configuration", "readable, and every setting is known");
            examine(&settings, &mut exams).await;
        }
        Err(failure) => exams.failed(
            "configuration",
            failure.to_string(),
            "nothing starts before that is right; docs/configuration.md lists every setting",
        ),
    }
    global.output().show(&exams.json(), &exams.text());
    match exams.count(Verdict::Failed) {
        0 => Ok(()),
        1 => Err(Failure::new("1 check failed")),
        count => Err(Failure::new(format!("{count} checks failed"))),
    }
}

async fn examine(settings: &Settings, exams: &mut Exams) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    place::clock(clock.now(), exams);
    place::data_dir(settings, exams);
    place::room(settings, exams);
    let secret = place::secret(settings, &clock, exams).await;
    waiting::server(settings, exams).await;
    waiting::ledger(settings, secret, clock.now(), exams).await;
    mail::types(settings, exams);
    mail::sender(settings, exams);
    mail::dkim(settings, exams);
    mail::mailer(settings, &clock, exams).await;
}
