//! What is wrong with a notification type.

use std::fmt;

/// One thing wrong with one file of one notification type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeError {
    /// The type's name, empty when the fault is not one type's.
    pub type_name: String,
    /// The file inside the type's folder.
    pub file: String,
    /// The line, counted from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong and what to do about it.
    pub message: String,
    /// The known name that was probably meant.
    pub nearest: Option<String>,
}

impl TypeError {
    /// An error without a line or a suggestion.
    #[must_use]
    pub fn new(type_name: &str, file: &str, message: impl Into<String>) -> Self {
        Self {
            type_name: type_name.to_owned(),
            file: file.to_owned(),
            line: None,
            message: message.into(),
            nearest: None,
        }
    }

    /// The same error at `line`.
    #[must_use]
    pub fn at_line(mut self, line: Option<usize>) -> Self {
        self.line = line;
        self
    }

    /// The same error with the name that was probably meant.
    #[must_use]
    pub fn with_nearest(mut self, nearest: Option<String>) -> Self {
        self.nearest = nearest;
        self
    }
}

impl fmt::Display for TypeError {
    /// `order_confirmation/body.mjml:12: …; did you mean "customerName"?`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.type_name.as_str(), self.file.as_str()) {
            ("", file) => f.write_str(file)?,
            (name, "") => f.write_str(name)?,
            (name, file) => write!(f, "{name}/{file}")?,
        }
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(nearest) = &self.nearest {
            write!(f, "; did you mean {nearest:?}?")?;
        }
        Ok(())
    }
}

impl std::error::Error for TypeError {}

/// The line of `source`, counted from 1, that first holds `needle`.
pub(super) fn line_of(source: &str, needle: &str) -> Option<usize> {
    let at = source.find(needle)?;
    Some(source[..at].matches('\n').count() + 1)
}
