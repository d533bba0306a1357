//! A message as it crosses the wire in DATA (RFC 5321 §2.3.8, §4.5.2).

use memchr::memchr2;

/// What the envelope says about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentFacts {
    /// Octets of the message with canonical line ends, before dot-stuffing: what SIZE (RFC 1870) counts.
    pub size: usize,
    /// Whether a byte is outside ASCII (RFC 6152).
    pub has_8bit: bool,
}

/// What ends the message: a dot alone on its line.
const TERMINATOR: &[u8] = b".\r\n";

/// Appends `message` to `wire` with every line end made CRLF, every leading dot doubled, and the final dot.
///
/// A bare CR or LF is taken for the line end its writer meant. Left alone it would let two servers disagree about
/// where the message ends (SMTP smuggling).
pub fn encode(message: &[u8], wire: &mut Vec<u8>) -> ContentFacts {
    let start = wire.len();
    wire.reserve(message.len() + message.len() / 32 + TERMINATOR.len() + 2);
    let mut stuffed = 0;
    // Bytes before `copied` are in `wire`; whole stretches are copied, because almost no message needs a change.
    let mut copied = 0;
    let mut line = 0;
    loop {
        if message.get(line) == Some(&b'.') {
            wire.extend_from_slice(&message[copied..line]);
            wire.push(b'.');
            copied = line;
            stuffed += 1;
        }
        let Some(length) = memchr2(b'\r', b'\n', &message[line..]) else { break };
        let end = line + length;
        if message[end..].starts_with(b"\r\n") {
            line = end + 2;
        } else {
            wire.extend_from_slice(&message[copied..end]);
            wire.extend_from_slice(b"\r\n");
            line = end + 1;
            copied = line;
        }
    }
    wire.extend_from_slice(&message[copied..]);
    if wire.len() > start && !wire.ends_with(b"\r\n") {
        wire.extend_from_slice(b"\r\n");
    }
    let size = wire.len() - start - stuffed;
    wire.extend_from_slice(TERMINATOR);
    ContentFacts { size, has_8bit: !message.is_ascii() }
}
