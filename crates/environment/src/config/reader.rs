//! Reads single settings from the table, each checked for itself.

use std::path::PathBuf;

use postrider_aws::secret::{SecretReference, SecretText};
use toml::Value;

use super::load::{ConfigError, RawSettings};

/// A secret as somebody gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSetting {
    /// The secret itself.
    Given(SecretText),
    /// Where it is kept.
    Kept(SecretReference),
}

/// Reads settings by their paths.
pub(super) struct Reader<'a> {
    pub(super) raw: &'a RawSettings,
}

impl Reader<'_> {
    /// An error about the setting at `path`, by the name the user gave it.
    pub(super) fn invalid(&self, path: &str, message: impl Into<String>) -> ConfigError {
        let given = self.raw.get(path).map_or(path, |(_, given)| given);
        ConfigError::Invalid { given: given.to_owned(), message: message.into() }
    }

    /// A text; an empty one is one that was not set.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let text = self.raw.get(path).and_then(|(value, _)| value.as_str()).filter(|text| !text.is_empty());
        text.map(str::to_owned)
    }

    /// A secret, or where it is kept.
    pub(super) fn secret(&self, path: &str) -> Result<Option<SecretSetting>, ConfigError> {
        let Some(text) = self.text(path) else { return Ok(None) };
        match SecretReference::parse(&text) {
            Ok(Some(reference)) => Ok(Some(SecretSetting::Kept(reference))),
            Ok(None) => Ok(Some(SecretSetting::Given(SecretText::new(text)))),
            Err(error) => Err(self.invalid(path, error.to_string())),
        }
    }

    /// A list of strings, each without the blanks around it; empty ones are left out.
    pub(super) fn list(&self, path: &str) -> Vec<String> {
        let texts: Vec<&str> = match self.raw.get(path).map(|(value, _)| value) {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(text)) => text.split(',').collect(),
            Some(_) | None => Vec::new(),
        };
        texts.into_iter().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
    }

    /// Where something is that speaks the protocol of one of Amazon's services.
    pub(super) fn url(&self, path: &str) -> Result<Option<String>, ConfigError> {
        let Some(url) = self.text(path) else { return Ok(None) };
        if url.starts_with("https://") || url.starts_with("http://") {
            Ok(Some(url))
        } else {
            Err(self.invalid(path, "must be a URL that begins with https:// or http://"))
        }
    }

    /// A file or folder, where the user meant it to be.
    pub(super) fn path(&self, path: &str) -> Option<PathBuf> {
        let text = self.text(path)?;
        Some(self.raw.folder(path).join(text))
    }

    pub(super) fn flag(&self, path: &str) -> Option<bool> {
        self.raw.get(path).and_then(|(value, _)| value.as_bool())
    }

    pub(super) fn number(&self, path: &str, default: u64, min: u64, max: u64) -> Result<u64, ConfigError> {
        let Some((value, _)) = self.raw.get(path) else { return Ok(default) };
        let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
        let number = number.filter(|number| (min..=max).contains(number));
        number.ok_or_else(|| self.invalid(path, format!("must be from {min} to {max}")))
    }

    pub(super) fn number_u32(
        &self,
        path: &str,
        default: u32,
        min: u32,
        max: u32,
    ) -> Result<u32, ConfigError> {
        let number = self.number(path, u64::from(default), u64::from(min), u64::from(max))?;
        Ok(u32::try_from(number).unwrap_or(max))
    }

    pub(super) fn size(
        &self,
        path: &str,
        default: usize,
        min: usize,
        max: usize,
    ) -> Result<usize, ConfigError> {
        let number = self.number(path, default as u64, min as u64, max as u64)?;
        Ok(usize::try_from(number).unwrap_or(max))
    }

    pub(super) fn choice<T: Copy>(
        &self,
        path: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.text(path) else { return Ok(None) };
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice);
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        found.map(Some).ok_or_else(|| self.invalid(path, format!("must be {}", names.join(" or "))))
    }
}
