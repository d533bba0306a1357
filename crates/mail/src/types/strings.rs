//! `locales/*.toml`: the words of a type in each language.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::error::{TypeError, line_of};
use super::nearest::nearest;
use super::source::{Files, LAYOUT};
use super::theme::syntax_error;
use crate::render::formats::Formats;

/// One string: the same for every number, or one for each plural category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Words {
    Plain(String),
    Plural(BTreeMap<String, String>),
}

/// The words of one type in one locale: its own, and behind them the layout's.
#[derive(Debug)]
pub(super) struct Strings {
    pub(super) locale: String,
    own: Sheet,
    shared: Sheet,
}

/// The strings of one file.
#[derive(Debug, Default)]
struct Sheet {
    folder: String,
    file: String,
    source: String,
    words: BTreeMap<String, Words>,
}

impl Strings {
    /// Reads the strings of `folder` and of the layout in the locale of `formats`, named `locale` by their files.
    pub(super) fn read(
        folder: &str,
        locales: &BTreeMap<String, String>,
        layout: &Files,
        locale: &str,
        formats: &Formats,
    ) -> Result<Self, Vec<TypeError>> {
        let mut errors = Vec::new();
        let mut read = |folder: &str, locales: &BTreeMap<String, String>| {
            let source = locales.get(locale).map(String::as_str).unwrap_or_default();
            Sheet::read(folder, locale, source, formats, &mut errors)
        };
        let (own, shared) = (read(folder, locales), read(LAYOUT, &layout.locales));
        if errors.is_empty() { Ok(Self { locale: locale.to_owned(), own, shared }) } else { Err(errors) }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Words> {
        self.own.words.get(name).or_else(|| self.shared.words.get(name))
    }

    /// The known name most like `name`.
    pub(super) fn nearest(&self, name: &str) -> Option<String> {
        nearest(name, self.own.words.keys().chain(self.shared.words.keys()).map(String::as_str))
    }

    /// The file that should have a string, for words about one that is missing.
    pub(super) fn file(&self) -> String {
        format!("locales/{}.toml", self.locale)
    }

    /// The type's own strings that are not in `used`: nobody reads them, or their name is misspelt.
    pub(super) fn unused(&self, used: &BTreeSet<String>) -> Vec<TypeError> {
        let unused = self.own.words.keys().filter(|name| !used.contains(*name));
        let error = |name: &String| {
            let message = format!("the string `{name}` is used by no template of the type");
            let line = line_of(&self.own.source, name);
            let found = nearest(name, used.iter().map(String::as_str));
            TypeError::new(&self.own.folder, &self.own.file, message).at_line(line).with_nearest(found)
        };
        unused.map(error).collect()
    }

    /// Where an expression stands that came out of a string: folder, file and line.
    pub(super) fn place_of(&self, expression: &str) -> Option<(&str, &str, usize)> {
        [&self.own, &self.shared].into_iter().find_map(|table| {
            Some((table.folder.as_str(), table.file.as_str(), line_of(&table.source, expression)?))
        })
    }
}

impl Sheet {
    fn read(
        folder: &str,
        locale: &str,
        source: &str,
        formats: &Formats,
        errors: &mut Vec<TypeError>,
    ) -> Self {
        let file = format!("locales/{locale}.toml");
        let mut words = BTreeMap::new();
        match source.parse::<Table>() {
            Ok(table) => {
                for (name, value) in table {
                    match read_words(&value, formats) {
                        Ok(read) => {
                            words.insert(name, read);
                        }
                        Err(message) => errors.push(
                            TypeError::new(folder, &file, format!("the string `{name}` {message}"))
                                .at_line(line_of(source, &name)),
                        ),
                    }
                }
            }
            Err(error) => errors.push(syntax_error(folder, &file, source, &error)),
        }
        Self { folder: folder.to_owned(), file, source: source.to_owned(), words }
    }
}

fn read_words(value: &Value, formats: &Formats) -> Result<Words, String> {
    let line = |value: &Value| match value {
        Value::String(text) if !text.contains('\n') => Ok(text.clone()),
        _ => Err("must be one line of text, or one for each plural category".to_owned()),
    };
    let Value::Table(table) = value else { return Ok(Words::Plain(line(value)?)) };
    let known: BTreeSet<&str> = formats.plural_categories().collect();
    for category in &known {
        if !table.contains_key(*category) {
            return Err(format!("has no form `{category}`, which {} needs", formats.tag()));
        }
    }
    let forms = table.iter().map(|(category, value)| {
        if !known.contains(category.as_str()) {
            let names: Vec<&str> = known.iter().copied().collect();
            return Err(format!(
                "has a form `{category}`, but the plural categories of {} are {}",
                formats.tag(),
                names.join(", ")
            ));
        }
        Ok((category.clone(), line(value)?))
    });
    Ok(Words::Plural(forms.collect::<Result<_, _>>()?))
}
