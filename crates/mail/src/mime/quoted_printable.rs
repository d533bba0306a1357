//! Quoted-printable (RFC 2045 §6.7).

/// Characters an encoded line may have, the soft break's `=` included.
const LINE_MAX: usize = 76;

/// Whether `text` can travel as it is: ASCII, no long line, nothing a relay could alter.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    let safe = |b: u8| matches!(b, b' '..=b'~' | b'\n' | b'\r' | b'\t');
    text.bytes().all(safe)
        && text.split('\n').all(|line| {
            let line = line.strip_suffix('\r').unwrap_or(line);
            line.len() <= LINE_MAX
                && !line.contains('\r')
                && !line.ends_with([' ', '\t'])
                && !line.starts_with("From ")
        })
}

/// Appends `text` with every line end as CRLF and nothing else changed.
pub fn push_plain(out: &mut Vec<u8>, text: &str) {
    for line in text.split_inclusive('\n') {
        let bare = line.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        match bare {
            Some(bare) => {
                out.extend_from_slice(bare.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line.as_bytes()),
        }
    }
}

/// Appends `text` in quoted-printable. LF and CRLF become line ends; a lone CR and all other controls are encoded.
pub fn push_encoded(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + text.len() / 8);
    for line in text.split_inclusive('\n') {
        match line.strip_suffix('\n') {
            Some(bare) => {
                push_line(out, bare.strip_suffix('\r').unwrap_or(bare).as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            None => push_line(out, line.as_bytes()),
        }
    }
}

fn push_line(out: &mut Vec<u8>, line: &[u8]) {
    // White space may stand anywhere but at a line's end.
    let (line, last) = match line.split_last() {
        Some((last, before)) if matches!(last, b' ' | b'\t') => (before, Some(*last)),
        _ => (line, None),
    };
    let mut column = 0;
    let mut rest = line;
    while let Some(first) = rest.first() {
        // Most bytes stand for themselves: copy as many as fit the line at once.
        let room = LINE_MAX - 1 - column;
        let run = rest.iter().take(room).take_while(|b| STANDS_FOR_ITSELF[usize::from(**b)]).count();
        if run > 0 {
            out.extend_from_slice(&rest[..run]);
            column += run;
            rest = &rest[run..];
        } else if room == 0 {
            soft_break(out, &mut column);
        } else {
            push_byte(out, &mut column, *first);
            rest = &rest[1..];
        }
    }
    last.into_iter().for_each(|space| push_byte(out, &mut column, space));
}

fn push_byte(out: &mut Vec<u8>, column: &mut usize, byte: u8) {
    if *column + 3 > LINE_MAX - 1 {
        soft_break(out, column);
    }
    out.extend_from_slice(&[b'=', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    *column += 3;
}

fn soft_break(out: &mut Vec<u8>, column: &mut usize) {
    out.extend_from_slice(b"=\r\n");
    *column = 0;
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

const STANDS_FOR_ITSELF: [bool; 256] = {
    let mut table = [false; 256];
    table[b'\t' as usize] = true;
    let mut byte = b' ';
    while byte <= b'~' {
        table[byte as usize] = byte != b'=';
        byte += 1;
    }
    table
};
