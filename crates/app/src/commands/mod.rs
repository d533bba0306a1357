//! The commands, one a file.

pub mod config;
pub mod dead_letters;
pub mod init;
pub mod send;
pub mod serve;
pub mod status;
pub mod types;

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
}
