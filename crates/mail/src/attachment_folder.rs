//! The folder out of which files may be attached.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::{Component, Path, PathBuf};

use postrider_core::limits::{ATTACHMENT_PATH_BYTES_MAX, ATTACHMENTS_BYTES_MAX};

/// Where files lie that events name by their path. It must be on a disk of this machine: a message waits for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttachmentFolder(Option<PathBuf>);

/// Why a file is not attached. Says nothing of its name: that may be the event's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachmentError {
    /// Nobody has said where files lie.
    #[error("files can be attached by their path only where types.attachments_directory is set")]
    NoFolder,
    /// It is not there, or cannot be read.
    #[error("the file is not in types.attachments_directory, or cannot be read; put it there and redrive")]
    Missing,
    /// The path leads out of the folder, by itself or through a symbolic link, or to something that is no file.
    #[error("the path leads out of types.attachments_directory, or to something that is not a file")]
    Refused,
    /// It is beyond what a message may carry.
    #[error("the message's files have more than {ATTACHMENTS_BYTES_MAX} bytes")]
    TooLarge,
}

/// Whether `path` can name a file in a folder: relative, and never upwards.
///
/// # Errors
/// A phrase that follows the field's name.
pub fn check_path(path: &str) -> Result<(), String> {
    let fits = (1..=ATTACHMENT_PATH_BYTES_MAX).contains(&path.len()) && !path.chars().any(char::is_control);
    let inside = Path::new(path).components().all(|component| matches!(component, Component::Normal(_)));
    if fits && inside && !path.contains('\\') {
        return Ok(());
    }
    Err("must be the relative path of a file below types.attachments_directory, without `..`".to_owned())
}

impl AttachmentFolder {
    /// The folder at `path`, or none.
    #[must_use]
    pub fn new(path: Option<PathBuf>) -> Self {
        Self(path)
    }

    /// The bytes of the file at `path`, of which there may be `room`.
    ///
    /// # Errors
    /// [`AttachmentError`].
    pub fn read(&self, path: &str, room: usize) -> Result<Vec<u8>, AttachmentError> {
        let folder = self.0.as_deref().ok_or(AttachmentError::NoFolder)?;
        check_path(path).map_err(|_| AttachmentError::Refused)?;
        // Both without any link in them: what is still below the folder then is in it.
        let folder = folder.canonicalize().map_err(|_| AttachmentError::Missing)?;
        let file = folder.join(path).canonicalize().map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::PermissionDenied => AttachmentError::Missing,
            _ => AttachmentError::Refused,
        })?;
        let is_file = fs::metadata(&file).is_ok_and(|about| about.is_file());
        if !file.starts_with(&folder) || !is_file {
            return Err(AttachmentError::Refused);
        }
        let mut content = Vec::new();
        let limit = room as u64 + 1;
        let read = File::open(&file).and_then(|file| file.take(limit).read_to_end(&mut content));
        read.map_err(|_| AttachmentError::Missing)?;
        if content.len() > room { Err(AttachmentError::TooLarge) } else { Ok(content) }
    }
}
