//! SMTP replies (RFC 5321 §4.2), read from foreign bytes.

use memchr::memchr;
use postrider_core::domain::outcome::Words;
use postrider_core::limits::{SMTP_REPLY_BYTES_MAX, SMTP_REPLY_LINES_MAX};

/// An enhanced status code (RFC 3463), such as 5.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnhancedCode {
    /// 2 success, 4 persistent transient, 5 permanent.
    pub class: u8,
    /// What the status is about: 1 address, 2 mailbox, 3 mail system, 4 network, 5 protocol, 6 content, 7 policy.
    pub subject: u16,
    /// The condition itself.
    pub detail: u16,
}

/// One complete reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The three digits, 200 to 599.
    pub code: u16,
    /// The enhanced code of the first line, if it has one whose class agrees with `code`.
    pub enhanced: Option<EnhancedCode>,
    /// What follows the code on each line, lines joined by LF, as the server sent it.
    text: Vec<u8>,
}

/// Why bytes are not a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReply {
    /// A line does not begin with a reply code, or the lines of one reply disagree about it.
    #[error("the server's reply is not SMTP")]
    Malformed,
    /// More than [`SMTP_REPLY_BYTES_MAX`] bytes or [`SMTP_REPLY_LINES_MAX`] lines.
    #[error("the server's reply does not end within its bounds")]
    TooLong,
}

/// Reads the reply at the beginning of `bytes` and says how many bytes it takes up. `None` if more are needed.
///
/// Lines may end in LF alone: what a server says about a message is not worth losing over its line ends.
///
/// # Errors
/// [`InvalidReply`] if `bytes` cannot become a reply, whatever follows.
pub fn parse(bytes: &[u8]) -> Result<Option<(Reply, usize)>, InvalidReply> {
    let mut position = 0;
    let mut first: Option<Reply> = None;
    for _ in 0..SMTP_REPLY_LINES_MAX {
        let Some(length) = memchr(b'\n', &bytes[position..]) else {
            return if bytes.len() > SMTP_REPLY_BYTES_MAX { Err(InvalidReply::TooLong) } else { Ok(None) };
        };
        let line = &bytes[position..position + length];
        position += length + 1;
        if position > SMTP_REPLY_BYTES_MAX {
            return Err(InvalidReply::TooLong);
        }
        let (code, is_last, text) = parse_line(line.strip_suffix(b"\r").unwrap_or(line))?;
        let reply = match first.take() {
            None => Reply { code, enhanced: parse_enhanced(code, text), text: text.to_vec() },
            Some(mut reply) if reply.code == code => {
                reply.text.push(b'\n');
                reply.text.extend_from_slice(text);
                reply
            }
            Some(_) => return Err(InvalidReply::Malformed),
        };
        if is_last {
            return Ok(Some((reply, position)));
        }
        first = Some(reply);
    }
    Err(InvalidReply::TooLong)
}

/// One line without its end: the code, whether no line follows, and the text.
fn parse_line(line: &[u8]) -> Result<(u16, bool, &[u8]), InvalidReply> {
    let (digits, rest) = line.split_at_checked(3).ok_or(InvalidReply::Malformed)?;
    if !digits.iter().all(u8::is_ascii_digit) || !(b'2'..=b'5').contains(&digits[0]) {
        return Err(InvalidReply::Malformed);
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest.split_first() {
        None => Ok((code, true, rest)),
        Some((b' ', text)) => Ok((code, true, text)),
        Some((b'-', text)) => Ok((code, false, text)),
        Some(_) => Err(InvalidReply::Malformed),
    }
}

fn parse_enhanced(code: u16, text: &[u8]) -> Option<EnhancedCode> {
    let word = text.split(|byte| *byte == b' ').next()?;
    let mut numbers = word.split(|byte| *byte == b'.').map(parse_number);
    let (class, subject, detail) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let class = u8::try_from(class).ok()?;
    // A server whose two codes contradict each other is believed in the one every client understands.
    let is_whole = numbers.next().is_none() && u16::from(class) == code / 100;
    is_whole.then_some(EnhancedCode { class, subject, detail })
}

/// One to three digits.
fn parse_number(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || digits.len() > 3 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0')))
}

impl Reply {
    /// Whether the server did what was asked (2xx).
    #[must_use]
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// Whether the server waits for more (3xx): data after DATA, a response after AUTH.
    #[must_use]
    pub fn is_intermediate(&self) -> bool {
        self.code / 100 == 3
    }

    /// The text of each line, without its code.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.text.split(|byte| *byte == b'\n')
    }

    /// The server's words on one line, its codes once and in front: `550 5.1.1 No such user`.
    #[must_use]
    pub fn words(&self) -> Words {
        let enhanced = self.enhanced.map(|code| format!("{}.{}.{}", code.class, code.subject, code.detail));
        let mut words = self.code.to_string();
        for (index, line) in self.lines().enumerate() {
            let line = String::from_utf8_lossy(line);
            // Servers repeat the enhanced code on every line; once is enough for a reader.
            let text = match enhanced.as_deref() {
                Some(code) if index > 0 => line.strip_prefix(code).unwrap_or(&line),
                _ => &line,
            };
            words.push(' ');
            words.push_str(text);
        }
        Words::new(&words)
    }
}
