//! Where in an author's files an error of a template is.

use crate::render::templates::{RenderError, Slot};

use super::error::{TypeError, line_of};
use super::expansion::Expanded;
use super::notification_type::Localized;
use super::source::{Folder, LAYOUT};

/// An error of a compiled template at the place its author knows: the line of the source file, not of what it was
/// compiled to.
pub(super) fn template_error(
    folder: &Folder,
    localized: Option<&Localized>,
    slot: Slot,
    error: &RenderError,
) -> TypeError {
    let expression = error.expression.as_deref();
    let line = match slot {
        // The engine counts the lines of the HTML, which MJML has made others.
        Slot::Html => {
            localized.zip(expression).and_then(|(localized, found)| line_of(&localized.body.text, found))
        }
        Slot::Subject => Some(1),
        _ => error.line,
    };
    located(folder, localized, slot, line, expression, error.to_string())
}

/// An error about `expression` on a line of a template's localized text.
pub(super) fn located(
    folder: &Folder,
    localized: Option<&Localized>,
    slot: Slot,
    line: Option<usize>,
    expression: Option<&str>,
    words: String,
) -> TypeError {
    let template = match (slot, localized) {
        (Slot::Html, Some(localized)) => Some(&localized.body),
        (Slot::Text, Some(localized)) => localized.text.as_ref(),
        (Slot::Subject, Some(localized)) => Some(&localized.subject),
        _ => None,
    };
    let (Some(template), Some(localized)) = (template, localized) else {
        let key = match slot {
            Slot::To => "to",
            Slot::ToName => "to_name",
            Slot::Dedup => "dedup",
            Slot::When => "when",
            Slot::Subject | Slot::Html | Slot::Text => "subject",
        };
        let is_key = |line: &str| {
            line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
        };
        let found = folder.manifest.lines().position(is_key).map(|index| index + 1);
        return TypeError::new(&folder.name, "type.toml", words).at_line(found);
    };
    let error = place_in(template, localized, line, expression, words);
    if error.type_name == LAYOUT {
        // The part is many types' own; which of them it does not suit must be said.
        let message = format!("{} (used by {})", error.message, folder.name);
        return TypeError { message, ..error };
    }
    error
}

fn place_in(
    template: &Expanded,
    localized: &Localized,
    line: Option<usize>,
    expression: Option<&str>,
    words: String,
) -> TypeError {
    // What a line of the file does not have came out of a string, and stands in the string's file.
    let of_string = line.zip(expression).and_then(|(line, found)| {
        if template.is_written(line, found) { None } else { localized.strings.place_of(found) }
    });
    match of_string {
        Some((folder, file, line)) => TypeError::new(folder, file, words).at_line(Some(line)),
        None => template.error_at(line, words),
    }
}
