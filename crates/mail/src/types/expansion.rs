//! Puts the parts of `_layout` where a body includes them, and remembers where each line came from.

use postrider_core::limits::{INCLUDE_DEPTH_MAX, INCLUDES_MAX, TYPE_FILE_BYTES_MAX};

use super::error::TypeError;
use super::nearest::nearest;
use super::source::{Files, LAYOUT};

/// How an include is written, in MJML and in text: what it begins and ends with.
const FORMS: [(&str, &str); 2] = [("<mj-include", "/>"), ("{% include", "%}")];

/// A text put together from several files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Expanded {
    pub(super) text: String,
    /// The text as its files have it, before words and values were put in.
    written: String,
    /// Where each line came from, in order.
    origins: Vec<Origin>,
    /// Parts put in so far.
    includes: usize,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// The folder: the type's name, or `_layout`.
    pub(super) folder: String,
    /// The file in it.
    pub(super) file: String,
    /// The line, counted from 1.
    pub(super) line: usize,
}

impl Expanded {
    /// A text that is one line of a file.
    pub(super) fn one_line(folder: &str, file: &str, line: usize, text: &str) -> Self {
        let origin = Origin { folder: folder.to_owned(), file: file.to_owned(), line };
        Self { text: text.to_owned(), written: text.to_owned(), origins: vec![origin], includes: 0 }
    }

    /// Where `line`, counted from 1, came from.
    pub(super) fn origin(&self, line: usize) -> Option<&Origin> {
        self.origins.get(line.checked_sub(1)?)
    }

    /// Whether the file that `line` came from has `expression` on it.
    pub(super) fn is_written(&self, line: usize, expression: &str) -> bool {
        let written = line.checked_sub(1).and_then(|index| self.written.lines().nth(index));
        written.is_some_and(|written| written.contains(expression))
    }

    /// The same lines with another text, which has as many.
    pub(super) fn with_text(&self, text: String) -> Self {
        Self { text, ..self.clone() }
    }

    /// An error at the place where `line` came from.
    pub(super) fn error_at(&self, line: Option<usize>, message: impl Into<String>) -> TypeError {
        match line.and_then(|line| self.origin(line)).or_else(|| self.origins.first()) {
            Some(origin) => {
                let line = line.map(|_| origin.line);
                TypeError::new(&origin.folder, &origin.file, message).at_line(line)
            }
            None => TypeError::new("", "", message),
        }
    }

    fn push(&mut self, text: &str, mut origin: Origin) {
        for piece in text.split_inclusive('\n') {
            let begins_line = self.text.is_empty() || self.text.ends_with('\n');
            if begins_line {
                self.origins.push(origin.clone());
            } else if let Some(last) = self.origins.last_mut()
                && self.text.rsplit('\n').next().is_some_and(|line| line.trim().is_empty())
            {
                // Nothing but indentation came from the other file.
                *last = origin.clone();
            }
            self.text.push_str(piece);
            origin.line += usize::from(piece.ends_with('\n'));
        }
    }
}

/// `source`, a file of the type `folder`, with every include replaced by what it names.
///
/// # Errors
/// An include that names nothing, includes itself, or makes the whole too large.
pub(super) fn expand(folder: &str, file: &str, source: &str, layout: &Files) -> Result<Expanded, TypeError> {
    let mut expanded = Expanded::default();
    let place = Origin { folder: folder.to_owned(), file: file.to_owned(), line: 1 };
    expand_into(&mut expanded, &place, source, layout, &mut Vec::new())?;
    if expanded.origins.is_empty() {
        expanded.origins.push(place);
    }
    expanded.written.clone_from(&expanded.text);
    Ok(expanded)
}

fn expand_into(
    expanded: &mut Expanded,
    place: &Origin,
    source: &str,
    layout: &Files,
    inside: &mut Vec<String>,
) -> Result<(), TypeError> {
    let mut at = 0;
    loop {
        let here = |at: usize| Origin { line: source[..at].matches('\n').count() + 1, ..place.clone() };
        let refuse = |at: usize, words: String| {
            let origin = here(at);
            TypeError::new(&origin.folder, &origin.file, words).at_line(Some(origin.line))
        };
        let next = FORMS
            .iter()
            .filter_map(|(open, close)| Some((at + source[at..].find(open)?, *open, *close)))
            .min_by_key(|found| found.0);
        let Some((start, open, close)) = next else {
            expanded.push(&source[at..], here(at));
            break;
        };
        let tag = source[start..].split_inclusive(close).next().unwrap_or_default();
        let name = tag
            .strip_prefix(open)
            .and_then(|tag| tag.strip_suffix(close))
            .and_then(|inside| inside.split(['"', '\'']).nth(1))
            .and_then(|path| path.strip_prefix("_layout/"));
        let Some(name) = name else {
            let words = format!("an include names a part of _layout: {open} … \"_layout/NAME\" {close}");
            return Err(refuse(
                start,
                words.replace(" … ", if open.starts_with('<') { " path=" } else { " " }),
            ));
        };
        let Some(part) = layout.parts.get(name) else {
            let found = nearest(name, layout.parts.keys().map(String::as_str));
            let found = found.map(|name| format!("_layout/{name}"));
            return Err(refuse(start, format!("there is no part _layout/{name}")).with_nearest(found));
        };
        if inside.iter().any(|outer| outer == name) {
            let chain = inside.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(" → ");
            return Err(refuse(start, format!("_layout/{name} includes itself: {chain}")));
        }
        if inside.len() >= INCLUDE_DEPTH_MAX {
            return Err(refuse(start, format!("includes are nested deeper than {INCLUDE_DEPTH_MAX}")));
        }
        expanded.includes += 1;
        if expanded.includes > INCLUDES_MAX {
            return Err(refuse(start, format!("it has more than {INCLUDES_MAX} includes")));
        }
        expanded.push(&source[at..start], here(at));
        inside.push(name.to_owned());
        let part_place = Origin { folder: LAYOUT.to_owned(), file: name.to_owned(), line: 1 };
        // The line end after the include ends the part's last line too.
        expand_into(expanded, &part_place, part.trim_end_matches('\n'), layout, inside)?;
        inside.pop();
        at = start + tag.len();
        if expanded.text.len() > TYPE_FILE_BYTES_MAX {
            let words = format!("with its includes it is longer than {TYPE_FILE_BYTES_MAX} bytes");
            return Err(refuse(start, words));
        }
    }
    Ok(())
}
