//! The part of a bounce that the mail system wrote, and who failed in it.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::bounce::{BounceClass, classify};
use postrider_core::limits::MAIL_REPORTS_MAX;

use super::super::codes::Codes;
use super::super::entity::start_of;

/// Bytes a mail system needs for its explanations.
const ZONE_BYTES: usize = 32 * 1024;
/// How the line begins behind which the message follows that came back, without dashes and in lower case.
const COPIES: [&str; 21] = [
    "below this line is a copy",
    "this is a copy of",
    "original message",
    "the header of the original",
    "headers of the original",
    "header of the original",
    "message header follows",
    "message headers follow",
    "message text follows",
    "unsent message",
    "enclosed is a copy",
    "a copy of the original",
    "copy of the original",
    "returned message",
    "the original message headers",
    "return-path:",
    "received:",
    "message-id:",
    "mime-version:",
    "邮件原文",
    "原邮件",
];
/// How a line begins that names a recipient.
const LABELS: [&str; 8] = [
    "to:",
    "recipient:",
    "recipient address:",
    "final recipient:",
    "rcpt to:",
    "address:",
    "e-mail:",
    "failed recipient:",
];

/// The lines a mail system wrote.
#[derive(Debug)]
pub(in crate::bounce) struct Zone<'a> {
    text: &'a str,
    heads: Vec<Head>,
}

/// A line that names a recipient, and where its reason begins.
#[derive(Debug)]
struct Head {
    recipient: EmailAddress,
    line_start: usize,
    reason_start: usize,
}

impl<'a> Zone<'a> {
    /// What of `text` stands before the message that came back.
    pub fn new(text: &'a str) -> Self {
        let text = start_of(text, ZONE_BYTES);
        let mut zone = Self { text, heads: Vec::new() };
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            if begins_copy(line) {
                zone.text = &text[..start];
                break;
            }
            if zone.heads.len() < MAIL_REPORTS_MAX
                && let Some((recipient, length)) = head(line)
            {
                zone.heads.push(Head { recipient, line_start: start, reason_start: start + length });
            }
            start += line.len();
        }
        zone
    }

    /// What the mail system wrote.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Who failed: those at the beginning of lines. If there are none and the header names none either, the first
    /// address in a sentence.
    pub fn recipients(&self, known: &[EmailAddress]) -> Vec<EmailAddress> {
        let mut recipients: Vec<EmailAddress> = Vec::new();
        for head in &self.heads {
            if !recipients.contains(&head.recipient) {
                recipients.push(head.recipient.clone());
            }
        }
        if recipients.is_empty() && known.is_empty() {
            recipients.extend(self.text.lines().find_map(in_sentence));
        }
        recipients
    }

    /// Why a recipient failed: what is said of it, else everything behind the last recipient, else everything.
    pub fn reason(&self, recipient: &EmailAddress) -> String {
        let behind = || {
            let behind = &self.text[self.heads.last().map_or(0, |head| head.reason_start)..];
            says_why(behind).then(|| behind.to_owned())
        };
        self.said_of(recipient).or_else(behind).unwrap_or_else(|| self.text.to_owned())
    }

    /// What is said of this recipient: the paragraph that its line begins, else all up to the next recipient, else the
    /// lines that mention it. `None` if none of them says why.
    pub fn said_of(&self, recipient: &EmailAddress) -> Option<String> {
        for (index, head) in self.heads.iter().enumerate().filter(|(_, head)| head.recipient == *recipient) {
            let end = self.heads[index + 1..]
                .iter()
                .find(|next| next.recipient != *recipient)
                .map_or(self.text.len(), |next| next.line_start);
            let block = &self.text[head.reason_start..end];
            if let Some(text) = [first_paragraph(block), block].into_iter().find(|text| says_why(text)) {
                return Some(text.to_owned());
            }
        }
        let address = recipient.as_str().to_lowercase();
        let mentions = |line: &&str| line.to_lowercase().contains(&address);
        let lines = self.text.lines().filter(mentions).collect::<Vec<_>>().join("\n");
        says_why(&lines).then_some(lines)
    }
}

fn says_why(text: &str) -> bool {
    Codes::find(text).at.is_some() || classify(None, None, text) != BounceClass::Undetermined
}

fn begins_copy(line: &str) -> bool {
    let line = line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '*' | '=' | '_'));
    let line = start_of(line, 64).to_lowercase();
    COPIES.iter().any(|copy| line.starts_with(copy)) && !line.starts_with("original message details")
}

/// The recipient a line begins with, and how many bytes of the line that takes.
fn head(line: &str) -> Option<(EmailAddress, usize)> {
    let mut rest = line.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '*' | '•' | '>'));
    let label = LABELS.iter().find(|label| {
        rest.as_bytes().get(..label.len()).is_some_and(|start| start.eq_ignore_ascii_case(label.as_bytes()))
    });
    if let Some(label) = label {
        rest = rest[label.len()..].trim_start();
    }
    rest = rest.trim_start_matches(['<', '"', '\'', '(']);
    let end = rest.find(|c: char| c.is_whitespace() || ">\"':;,)(<".contains(c)).unwrap_or(rest.len());
    let recipient = EmailAddress::parse(rest[..end].trim_end_matches('.')).ok()?;
    let after = rest[end..].trim_start_matches(['>', '"', '\'', ')']);
    let ends_head = after.trim().is_empty()
        || after.starts_with([':', ';'])
        || [" on ", "...", " (", " - ", " ["].iter().any(|next| after.starts_with(next));
    ends_head.then(|| (recipient, line.len() - after.len()))
}

/// The first address a line mentions.
fn in_sentence(line: &str) -> Option<EmailAddress> {
    let is_end = |c: char| c.is_whitespace() || "<>\"'(),;:[]".contains(c);
    let is_system = |address: &EmailAddress| {
        ["postmaster", "mailer-daemon", "abuse", "support"]
            .contains(&address.local_part().to_lowercase().as_str())
    };
    line.split(is_end)
        .filter(|word| word.contains('@'))
        .filter_map(|word| EmailAddress::parse(word.trim_matches('.')).ok())
        .find(|address| !is_system(address))
}

/// Up to the first empty line behind some words.
fn first_paragraph(text: &str) -> &str {
    let mut end = 0;
    let mut first = true;
    for line in text.split_inclusive('\n') {
        // What stands beside the recipient is only a line's rest.
        if line.trim().is_empty() && !first {
            break;
        }
        first = false;
        end += line.len();
    }
    &text[..end]
}
