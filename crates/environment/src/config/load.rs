//! Reads settings from a file, the environment and the command line into one table.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::keys::{self, Kind};

/// Why the configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {path} cannot be read: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// The file is not TOML.
    #[error("the configuration file {path} is not valid TOML: {reason}")]
    Syntax {
        /// The file.
        path: String,
        /// Where and what.
        reason: String,
    },
    /// There is no such setting.
    #[error("unknown setting {given}{hint}")]
    UnknownKey {
        /// As it was written.
        given: String,
        /// `; did you mean …?`
        hint: String,
    },
    /// A value that does not fit its setting.
    #[error("the setting {given} {message}")]
    Invalid {
        /// As it was written, or its path.
        given: String,
        /// A phrase that follows the name.
        message: String,
    },
}

/// Settings as read, by path, with where each came from.
#[derive(Clone, Debug, Default)]
pub struct RawSettings {
    values: Vec<Given>,
}

/// One setting as somebody gave it.
#[derive(Clone)]
struct Given {
    path: &'static str,
    value: Value,
    /// As the user wrote its name.
    name: String,
    /// Where a relative path begins: the folder of the file that holds it, or the current directory (empty).
    folder: PathBuf,
}

impl std::fmt::Debug for Given {
    /// Without the value, which may be a password: debug output reaches logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Given({})", self.name)
    }
}

impl RawSettings {
    fn find(&self, path: &str) -> Option<&Given> {
        self.values.iter().rev().find(|given| given.path == path)
    }

    /// The value at `path`, and how the user wrote its name.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<(&Value, &str)> {
        self.find(path).map(|given| (&given.value, given.name.as_str()))
    }

    /// Where a relative path given as the value at `path` begins; empty means the current directory.
    #[must_use]
    pub fn folder(&self, path: &str) -> &Path {
        self.find(path).map_or(Path::new(""), |given| &given.folder)
    }

    /// Adds a value; a later one wins. A relative path begins in the current directory.
    ///
    /// # Errors
    /// If there is no such setting or the value is of another kind.
    pub fn set(&mut self, path: &str, value: Value, given: &str) -> Result<(), ConfigError> {
        self.set_in(Path::new(""), path, value, given)
    }

    fn set_in(&mut self, folder: &Path, path: &str, value: Value, given: &str) -> Result<(), ConfigError> {
        let Some(key) = keys::find(path) else {
            let hint = keys::nearest(path).map(|name| format!("; did you mean {name}?")).unwrap_or_default();
            return Err(ConfigError::UnknownKey { given: given.to_owned(), hint });
        };
        let expected = match (key.kind, &value) {
            (Kind::Text | Kind::Path, Value::String(_)) | (Kind::Flag, Value::Boolean(_)) => None,
            (Kind::Number, Value::Integer(number)) if *number >= 0 => None,
            (Kind::List, Value::String(_)) => None,
            (Kind::List, Value::Array(items)) if items.iter().all(Value::is_str) => None,
            (Kind::List, _) => Some("must be a list of strings, or a string with commas between them"),
            (Kind::Text | Kind::Path, _) => Some("must be a string"),
            (Kind::Flag, _) => Some("must be true or false"),
            (Kind::Number, _) => Some("must be a whole number, zero or more"),
        };
        if let Some(message) = expected {
            return Err(ConfigError::Invalid { given: given.to_owned(), message: message.to_owned() });
        }
        self.values.push(Given { path: key.path, value, name: given.to_owned(), folder: folder.to_owned() });
        Ok(())
    }

    /// Adds everything a file says. Relative paths in it begin in the folder it is in.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Unreadable { path: shown.clone(), reason: error.to_string() })?;
        let table: Table = text
            .parse()
            .map_err(|error| ConfigError::Syntax { path: shown, reason: syntax_words(&text, &error) })?;
        self.read_table(path.parent().unwrap_or(Path::new("")), table, "")
    }

    fn read_table(&mut self, folder: &Path, table: Table, prefix: &str) -> Result<(), ConfigError> {
        for (name, value) in table {
            let path = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
            match value {
                Value::Table(inner) => self.read_table(folder, inner, &path)?,
                leaf => self.set_in(folder, &path, leaf, &path)?,
            }
        }
        Ok(())
    }

    /// Adds every variable that begins with `POSTRIDER__`.
    ///
    /// # Errors
    /// The first variable that is wrong.
    pub fn read_environment(
        &mut self,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<(), ConfigError> {
        for (variable, text) in variables {
            let Some(rest) = variable.strip_prefix("POSTRIDER__") else { continue };
            let path = rest.to_ascii_lowercase().replace("__", ".");
            let value = match keys::find(&path).map(|key| key.kind) {
                Some(Kind::Number) => text.trim().parse().map_or(Value::String(text), Value::Integer),
                Some(Kind::Flag) => text.trim().parse().map_or(Value::String(text), Value::Boolean),
                Some(Kind::Text | Kind::Path | Kind::List) | None => Value::String(text),
            };
            self.set(&path, value, &variable)?;
        }
        Ok(())
    }
}

/// Where and what. The error's own text would quote the line, which may hold a password.
fn syntax_words(text: &str, error: &toml::de::Error) -> String {
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return error.message().to_owned();
    };
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}: {}", error.message())
}
