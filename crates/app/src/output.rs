//! What commands print: for people, or JSON with `--json`.

use std::io::{IsTerminal as _, Write as _};

use serde_json::Value;

/// Prints to standard output and reports progress on standard error.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Whether to print JSON.
    pub json: bool,
}

impl Output {
    /// Prints `value` as JSON if asked to, `text` otherwise.
    pub fn show(self, value: &Value, text: &str) {
        if self.json {
            self.line(&serde_json::to_string_pretty(value).unwrap_or_default());
        } else {
            self.line(text.trim_end());
        }
    }

    /// Prints one line.
    pub fn line(self, text: &str) {
        // A reader that went away, such as `head`, is no error of ours.
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    /// Shows how far a long job has come, where a person watches.
    pub fn progress(self, text: &str) {
        if std::io::stderr().is_terminal() {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K{text}");
        }
    }

    /// Ends the progress line.
    pub fn progress_done(self) {
        if std::io::stderr().is_terminal() {
            let _ = writeln!(std::io::stderr());
        }
    }
}
