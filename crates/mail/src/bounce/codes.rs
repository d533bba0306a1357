//! Reply codes and enhanced status codes in text that people were meant to read.

use postrider_core::domain::bounce::EnhancedStatus;

/// What a text says in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Codes {
    /// The SMTP reply code.
    pub code: Option<u16>,
    /// The enhanced status code.
    pub status: Option<EnhancedStatus>,
    /// Where the first of them begins.
    pub at: Option<usize>,
}

impl Codes {
    /// The first refusal in `text`: `550 5.1.1 …`, `550-5.1.1`, `(#5.1.1)`, `said: 421 …`.
    pub fn find(text: &str) -> Self {
        let mut codes = Self::default();
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if !bytes[at].is_ascii_digit() {
                at += 1;
                continue;
            }
            let end =
                at + bytes[at..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
            let before = text[..at].chars().next_back();
            let stands_alone = before
                .is_none_or(|before| !(before.is_alphanumeric() || matches!(before, '.' | '@')))
                && bytes.get(end).is_none_or(|after| !(after.is_ascii_alphabetic() || *after == b'@'));
            if stands_alone {
                codes.take(text, at, end);
            }
            at = end;
            if codes.code.is_some() && codes.status.is_some() {
                break;
            }
        }
        codes
    }

    fn take(&mut self, text: &str, at: usize, end: usize) {
        let number = text[at..end].trim_end_matches('.');
        if let Some(status) = enhanced(number).filter(|_| self.status.is_none()) {
            self.status = Some(status);
        } else if self.code.is_none()
            && self.status.is_none()
            && number.len() == 3
            && begins_reply(&text[..at])
            && let Some(code) = number.parse().ok().filter(|code| (400..600).contains(code))
        {
            self.code = Some(code);
        } else {
            return;
        }
        self.at = self.at.or(Some(at));
    }
}

/// An enhanced status code that reports a failure, and not the version of a program: RFC 3463 has eight subjects.
fn enhanced(number: &str) -> Option<EnhancedStatus> {
    number.parse().ok().filter(|status: &EnhancedStatus| status.class != 2 && status.subject <= 7)
}

/// Whether a reply can begin behind `before`: at the beginning of a line, behind punctuation, behind a word such as
/// `error`. `after 550 seconds` is none.
fn begins_reply(before: &str) -> bool {
    let before = before.trim_end_matches([' ', '\t']);
    let Some(last) = before.chars().next_back() else { return true };
    if "\n\r:;,'\"(<>#[=-".contains(last) {
        return true;
    }
    let is_letter = |c: &char| c.is_ascii_alphabetic();
    let letters: String = before.chars().rev().take(10).take_while(is_letter).collect();
    let word: String = letters.chars().rev().collect::<String>().to_ascii_lowercase();
    ["error", "code", "said", "status", "reply", "response", "returned", "smtp", "with", "was"]
        .contains(&word.as_str())
}
