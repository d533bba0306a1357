//! `_layout/theme.toml`: what the layout says about the shop, and its colours.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::error::{TypeError, line_of};
use super::source::{Files, LAYOUT};

const FILE: &str = "theme.toml";

/// The theme's values by name, as text.
pub(super) type Theme = BTreeMap<String, String>;

/// Reads the theme; empty if there is none.
pub(super) fn parse(layout: &Files) -> Result<Theme, Vec<TypeError>> {
    let Some(source) = &layout.theme else { return Ok(Theme::new()) };
    let table: Table = source.parse().map_err(|error| vec![syntax_error(LAYOUT, FILE, source, &error)])?;
    let mut errors = Vec::new();
    let mut theme = Theme::new();
    for (name, value) in table {
        match value {
            Value::String(text) => {
                theme.insert(name, text);
            }
            Value::Integer(number) => {
                theme.insert(name, number.to_string());
            }
            _ => {
                let error = TypeError::new(LAYOUT, FILE, format!("`{name}` must be text or a whole number"));
                errors.push(error.at_line(line_of(source, &name)));
            }
        }
    }
    if errors.is_empty() { Ok(theme) } else { Err(errors) }
}

/// The error of a file that is not TOML, at its line.
pub(super) fn syntax_error(folder: &str, file: &str, source: &str, error: &toml::de::Error) -> TypeError {
    let line =
        error.span().and_then(|span| source.get(..span.start)).map(|before| before.matches('\n').count() + 1);
    TypeError::new(folder, file, format!("not valid TOML: {}", error.message())).at_line(line)
}
