//! Puts a locale's words and the theme's values into a template, once, when the type loads.
//!
//! `{{ t.greeting }}` becomes the string `greeting` of the locale, `{{ t.items(n) }}` its form for a number, and
//! `{{ theme.accent }}` the theme's value. A string may hold expressions of its own, such as `{{ customerName }}`. So a
//! message costs no look-up, and a string is checked as if it stood in the template.

use std::collections::BTreeSet;

use super::error::TypeError;
use super::expansion::Expanded;
use super::nearest::nearest;
use super::strings::{Strings, Words};
use super::theme::Theme;
use crate::render::formats::Formats;

/// Filters whose result needs no isolation from the text around it: digits and the locale's own words.
const FORMATTING: [&str; 4] = ["|money", "|number", "|date", "|time"];

/// What the text around a string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Markup {
    /// MJML: the string's own characters are escaped, and names in it are kept apart from its direction of writing.
    Mjml,
    /// Plain text: the string as it is.
    None,
}

/// The words and values to put in.
pub(super) struct Localizer<'a> {
    pub(super) strings: &'a Strings,
    pub(super) theme: &'a Theme,
    pub(super) formats: &'a Formats,
    /// The names of the strings that were asked for.
    pub(super) used: BTreeSet<String>,
}

impl Localizer<'_> {
    /// `source` in this locale, with as many lines as before.
    pub(super) fn localize(&mut self, source: &Expanded, markup: Markup) -> Result<Expanded, Vec<TypeError>> {
        let mut errors = Vec::new();
        let words = self.replace(source, &source.text, "t", markup, &mut errors);
        let values = self.replace(source, &words, "theme", markup, &mut errors);
        if errors.is_empty() { Ok(source.with_text(values)) } else { Err(errors) }
    }

    fn replace(
        &mut self,
        source: &Expanded,
        text: &str,
        family: &str,
        markup: Markup,
        errors: &mut Vec<TypeError>,
    ) -> String {
        let mut out = String::with_capacity(text.len() * 2);
        let mut at = 0;
        while let Some(start) = text[at..].find("{{").map(|found| at + found) {
            out.push_str(&text[at..start]);
            let end = text[start..].find("}}").map_or(text.len(), |length| start + length + 2);
            let Some(reference) = Reference::read(&text[start..end], family) else {
                // Not ours: one character on, because `{{` may begin again inside.
                out.push_str("{{");
                at = start + 2;
                continue;
            };
            let place = if markup == Markup::Mjml { Place::of(text, start) } else { Place::Text };
            let replacement = match family {
                "t" => self.words(&reference, place),
                _ => self.value(&reference, place),
            };
            match replacement {
                Ok(replacement) => out.push_str(&replacement),
                Err((message, nearest)) => {
                    let line = text[..start].matches('\n').count() + 1;
                    errors.push(source.error_at(Some(line), message).with_nearest(nearest));
                }
            }
            at = end;
        }
        out.push_str(&text[at..]);
        out
    }

    fn words(&mut self, reference: &Reference<'_>, place: Place) -> Result<String, (String, Option<String>)> {
        match reference.name {
            "locale" => return Ok(self.formats.tag().to_owned()),
            "direction" => {
                return Ok(if self.formats.is_right_to_left() { "rtl" } else { "ltr" }.to_owned());
            }
            _ => {}
        }
        let name = reference.name;
        let Some(words) = self.strings.get(name) else {
            let message = format!("the string `{name}` is not in {}", self.strings.file());
            return Err((message, self.strings.nearest(name)));
        };
        self.used.insert(name.to_owned());
        match (words, reference.argument) {
            (Words::Plain(line), None) => Ok(written(line, place)),
            (Words::Plural(forms), Some(argument)) => Ok(choice(forms, argument, place)),
            (Words::Plain(_), Some(_)) => {
                Err((format!("the string `{name}` has no plural forms and takes no number"), None))
            }
            (Words::Plural(_), None) => {
                Err((format!("the string `{name}` has plural forms: write {{{{ t.{name}(NUMBER) }}}}"), None))
            }
        }
    }

    fn value(&self, reference: &Reference<'_>, place: Place) -> Result<String, (String, Option<String>)> {
        let name = reference.name;
        match (self.theme.get(name), reference.argument) {
            (Some(value), None) => Ok(escaped(value, place)),
            _ => {
                let message = format!("the theme has no `{name}` (_layout/theme.toml)");
                Err((message, nearest(name, self.theme.keys().map(String::as_str))))
            }
        }
    }
}

/// `{{ t.name }}` or `{{ t.name(argument) }}`.
struct Reference<'a> {
    name: &'a str,
    argument: Option<&'a str>,
}

impl<'a> Reference<'a> {
    fn read(text: &'a str, family: &str) -> Option<Self> {
        let inside = text.strip_prefix("{{")?.strip_suffix("}}")?.trim();
        let rest = inside.strip_prefix(family)?.strip_prefix('.')?;
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        let argument = match rest.trim() {
            "" => None,
            call => Some(call.strip_prefix('(')?.strip_suffix(')')?.trim()),
        };
        (!name.is_empty()).then_some(Self { name, argument })
    }
}

/// Where in a document a string stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Among text that shows markup as it is.
    Text,
    /// In the content of an element.
    Element,
    /// In an attribute, a title or a preview, where no element can be.
    Attribute,
}

impl Place {
    fn of(text: &str, at: usize) -> Self {
        let before = &text[..at];
        let in_tag = before.rfind(['<', '>']).is_some_and(|last| before[last..].starts_with('<'));
        let is_open =
            |tag: &str, end: &str| before.rfind(tag).is_some_and(|start| !before[start..].contains(end));
        let in_title = is_open("<mj-title", "</mj-title") || is_open("<mj-preview", "</mj-preview");
        if in_tag || in_title { Self::Attribute } else { Self::Element }
    }
}

/// A string with its own characters escaped and its expressions as they are.
fn written(line: &str, place: Place) -> String {
    let mut out = String::with_capacity(line.len() + 16);
    let mut rest = line;
    while let Some(start) = rest.find("{{") {
        let Some(length) = rest[start..].find("}}") else { break };
        out.push_str(&escaped(&rest[..start], place));
        let expression = &rest[start..start + length + 2];
        let isolate = place == Place::Element && !FORMATTING.iter().any(|filter| expression.contains(filter));
        if isolate {
            out.push_str("<bdi>");
        }
        out.push_str(expression);
        if isolate {
            out.push_str("</bdi>");
        }
        rest = &rest[start + length + 2..];
    }
    out.push_str(&escaped(rest, place));
    out
}

fn escaped(text: &str, place: Place) -> String {
    if place == Place::Text {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

/// The forms of a string as a choice by the plural category of `argument`, which the forms know as `n`.
fn choice(forms: &std::collections::BTreeMap<String, String>, argument: &str, place: Place) -> String {
    // The signs keep the engine from trimming white space and line ends around the statement.
    let mut out = format!("{{%+ with n = ({argument}) %}}{{% with plural_form = (n|plural) %}}");
    let mut word = "if";
    for (category, form) in forms.iter().filter(|(category, _)| *category != "other") {
        out.push_str(&format!("{{% {word} plural_form == '{category}' %}}"));
        out.push_str(&written(form, place));
        word = "elif";
    }
    let other = forms.get("other").map(|form| written(form, place)).unwrap_or_default();
    if word == "if" {
        out.push_str(&other);
    } else {
        out.push_str(&format!("{{% else %}}{other}{{% endif %}}"));
    }
    out.push_str("{% endwith %}{% endwith +%}");
    out
}
