//! The commands, one a file.

pub mod backup;
pub mod config;
pub mod cost;
mod csv_parts;
pub mod dead_letters;
pub mod doctor;
pub mod erase;
mod event_file;
pub mod feedback;
pub mod init;
pub mod keys;
mod mailbox;
pub mod restore;
pub mod send;
pub mod serve;
pub mod status;
pub mod suppressions;
mod suppressions_export;
pub mod types;
pub mod verify;

/// Why a command failed, for standard error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl Failure {
    /// A failure in words that say what happened and what to do.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// A failure with everything that led to it, the outermost first.
    #[must_use]
    pub fn because(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let words = cause.to_string();
            // Some errors quote their source themselves.
            if !text.contains(&words) {
                text.push_str(": ");
                text.push_str(&words);
            }
            source = cause.source();
        }
        Self(text)
    }
}
