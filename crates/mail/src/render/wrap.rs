//! Lines of a text body that fit a screen.

/// Columns a line of text may fill (RFC 3676 §4.2 advises 72 to 78).
pub(crate) const COLUMNS: usize = 76;

/// Breaks lines that are longer than [`COLUMNS`] at spaces. What continues a line is indented as it is, behind the sign
/// of a list item. A word that is longer stays whole, because it may be a link. No line keeps spaces at its end, and no
/// more than one empty line stays between others.
pub(crate) fn wrap(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    let mut empty_before = true;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() {
            if !empty_before {
                out.push('\n');
            }
            empty_before = true;
            continue;
        }
        empty_before = false;
        // Bytes are at least as many as characters, so most lines need no counting.
        if line.len() <= COLUMNS {
            out.push_str(line);
        } else {
            wrap_line(&mut out, line);
        }
        out.push('\n');
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
    out
}

fn wrap_line(out: &mut String, line: &str) {
    let words = line.trim_start();
    let indent = line.len() - words.len();
    let hanging = indent + if words.starts_with("* ") || words.starts_with("- ") { 2 } else { 0 };
    out.push_str(&line[..indent]);
    let mut column = indent;
    let mut is_first = true;
    // Several spaces in a row align what follows, so they stay within a line.
    let mut gap = 0;
    for word in words.split(' ') {
        if word.is_empty() {
            gap += 1;
            continue;
        }
        let width = word.chars().count();
        if !is_first && column + 1 + gap + width > COLUMNS && column > hanging {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', hanging));
            column = hanging;
        } else if !is_first {
            out.extend(std::iter::repeat_n(' ', gap + 1));
            column += gap + 1;
        }
        out.push_str(word);
        column += width;
        is_first = false;
        gap = 0;
    }
}
