//! The file that `backup` writes and `restore` reads: a SQLite database, and behind it one block that says what it is.
//!
//! ```text
//! a copy of the ledger, whole pages          `ledgerBytes` bytes, with the SHA-256 `ledgerSha256`
//! postrider backup 1\n                       4096 bytes in all: the format,
//! {"madeAt":…,"ledgerBytes":…,"secret":…}\n  a JSON object,
//! spaces, then 64 hexadecimal digits and \n  and the SHA-256 of the block up to them
//! ```
//!
//! SQLite reads as many pages as the database's header says, and so opens the whole file as it is.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use postrider_core::domain::suppression::Secret;
use postrider_core::domain::time::Timestamp;
use postrider_environment::secret::parse_secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The format this program writes, and the newest it reads.
const FORMAT: u32 = 1;
const MAGIC: &str = "postrider backup ";
/// Bytes of the block behind the ledger.
const BLOCK_BYTES: usize = 4096;
/// Hexadecimal digits of a SHA-256, and a line feed.
const DIGEST_BYTES: usize = 65;
/// The first bytes of every SQLite file (file format, §1.3.1).
const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Bytes read or written at once.
const CHUNK_BYTES: usize = 1024 * 1024;

/// Why a file cannot be restored from.
#[derive(Debug, thiserror::Error)]
pub enum BackupFileError {
    /// It cannot be read or written.
    #[error("{path} cannot be used: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// It was never a backup, or its end is gone.
    #[error("{0} is no backup of Postrider; `postrider backup FILE` makes one")]
    Foreign(PathBuf),
    /// It begins like one.
    #[error(
        "{0} begins like a backup and does not end like one: it was cut short on the way, or is a ledger that `postrider \
         backup` did not copy. Take another copy of it"
    )]
    CutShort(PathBuf),
    /// A newer Postrider made it.
    #[error(
        "{path} has the backup format {found}, this program reads {FORMAT}; restore with the Postrider that made it"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// It has changed since it was made.
    #[error("{path} is damaged: {what}. Take another copy of it, or an earlier backup")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
}

/// What a backup says about itself.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The moment of which it is the ledger, RFC 3339. What was accepted until then is in it.
    pub made_at: String,
    /// The version of Postrider that made it.
    pub postrider: String,
    /// Bytes of the ledger.
    pub ledger_bytes: u64,
    /// Its SHA-256, hexadecimal.
    pub ledger_sha256: String,
    /// What was in `secret.key`; `None` where the secret is kept elsewhere.
    pub secret: Option<String>,
}

impl Manifest {
    /// The installation's secret, if it is in the backup.
    #[must_use]
    pub fn secret(&self) -> Option<Secret> {
        self.secret.as_deref().and_then(parse_secret).map(Secret::new)
    }
}

/// A backup whose last block has been read and is sound. Its ledger has not been looked at.
pub struct BackupFile {
    path: PathBuf,
    file: File,
    /// What it says about itself.
    pub manifest: Manifest,
}

impl BackupFile {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the backup at `path`.
    ///
    /// # Errors
    /// [`BackupFileError`].
    pub fn open(path: &Path) -> Result<Self, BackupFileError> {
        let failed = |source| BackupFileError::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let mut head = [0; SQLITE_MAGIC.len()];
        let begins_like_one = file.read_exact(&mut head).is_ok() && head == *SQLITE_MAGIC;
        let none = || {
            if begins_like_one {
                BackupFileError::CutShort(path.to_owned())
            } else {
                BackupFileError::Foreign(path.to_owned())
            }
        };
        let Some(ledger_len) = len.checked_sub(BLOCK_BYTES as u64) else { return Err(none()) };
        let mut block = vec![0; BLOCK_BYTES];
        file.seek(SeekFrom::Start(ledger_len)).and_then(|_| file.read_exact(&mut block)).map_err(failed)?;
        let Some(found) = format_of(&block) else { return Err(none()) };
        // Nothing else is known about a format to come.
        if found > FORMAT {
            return Err(BackupFileError::Newer { path: path.to_owned(), found });
        }
        let damaged = |what| BackupFileError::Damaged { path: path.to_owned(), what };
        let manifest =
            read_block(&block).ok_or_else(|| damaged("its last block is not as it was written"))?;
        if manifest.ledger_bytes != ledger_len || !begins_like_one {
            return Err(damaged("it does not have the length or the beginning with which it was written"));
        }
        Ok(Self { path: path.to_owned(), file, manifest })
    }

    /// Reads the ledger and compares it with its checksum; hands it on to `sink` meanwhile.
    ///
    /// # Errors
    /// [`BackupFileError`]; the sink's own error as one of its path `to`.
    pub fn read_ledger(&mut self, to: &Path, sink: &mut dyn Write) -> Result<(), BackupFileError> {
        let failed = |source| BackupFileError::Io { path: self.path.clone(), source };
        self.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let (mut digest, mut buffer) = (Sha256::new(), vec![0; CHUNK_BYTES]);
        let mut ledger = (&self.file).take(self.manifest.ledger_bytes);
        loop {
            let count = ledger.read(&mut buffer).map_err(failed)?;
            if count == 0 {
                break;
            }
            digest.update(&buffer[..count]);
            sink.write_all(&buffer[..count])
                .map_err(|source| BackupFileError::Io { path: to.to_owned(), source })?;
        }
        if hexadecimal(&digest.finalize()) == self.manifest.ledger_sha256 {
            return Ok(());
        }
        Err(BackupFileError::Damaged {
            path: self.path.clone(),
            what: "its ledger is not what its checksum says",
        })
    }
}

/// Makes a backup of the copied ledger at `path`, and brings it to the disk.
///
/// # Errors
/// [`BackupFileError::Io`].
pub fn complete(path: &Path, made_at: Timestamp, secret: Option<&str>) -> Result<Manifest, BackupFileError> {
    let complete = || {
        let mut file = OpenOptions::new().read(true).append(true).open(path)?;
        let mut digest = Sha256::new();
        let ledger_bytes = io::copy(&mut io::BufReader::with_capacity(CHUNK_BYTES, &file), &mut digest)?;
        let manifest = Manifest {
            made_at: made_at.to_string(),
            postrider: env!("CARGO_PKG_VERSION").to_owned(),
            ledger_bytes,
            ledger_sha256: hexadecimal(&digest.finalize()),
            secret: secret.map(|secret| secret.trim().to_owned()),
        };
        file.write_all(&write_block(FORMAT, &manifest)?)?;
        file.sync_all()?;
        Ok(manifest)
    };
    complete().map_err(|source| BackupFileError::Io { path: path.to_owned(), source })
}

fn write_block(format: u32, manifest: &Manifest) -> io::Result<Vec<u8>> {
    let mut block = format!("{MAGIC}{format}\n{}\n", serde_json::to_string(manifest)?).into_bytes();
    if block.len() > BLOCK_BYTES - DIGEST_BYTES {
        return Err(io::Error::other("what is said about the backup does not fit into its last block"));
    }
    block.resize(BLOCK_BYTES - DIGEST_BYTES, b' ');
    let digest = hexadecimal(&Sha256::digest(&block));
    block.extend_from_slice(digest.as_bytes());
    block.push(b'\n');
    Ok(block)
}

fn format_of(block: &[u8]) -> Option<u32> {
    let rest = block.strip_prefix(MAGIC.as_bytes())?;
    let end = rest.iter().take(12).position(|byte| *byte == b'\n')?;
    std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
}

fn read_block(block: &[u8]) -> Option<Manifest> {
    let (said, digest) = block.split_at_checked(BLOCK_BYTES - DIGEST_BYTES)?;
    if digest.strip_suffix(b"\n")? != hexadecimal(&Sha256::digest(said)).as_bytes() {
        return None;
    }
    serde_json::from_slice(said.splitn(3, |byte| *byte == b'\n').nth(1)?).ok()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            made_at: "2026-11-25T10:00:00.000Z".to_owned(),
            postrider: "0.1.0".to_owned(),
            ledger_bytes: 16,
            ledger_sha256: hexadecimal(&Sha256::digest(SQLITE_MAGIC)),
            secret: Some("5a".repeat(32)),
        }
    }

    fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    fn refusal(bytes: &[u8]) -> BackupFileError {
        let (_folder, path) = written(bytes);
        match BackupFile::open(&path) {
            Ok(mut backup) => backup.read_ledger(&path, &mut io::sink()).unwrap_err(),
            Err(error) => error,
        }
    }

    #[test]
    fn what_was_completed_is_read_again() {
        let (_folder, path) = written(SQLITE_MAGIC);
        complete(&path, Timestamp::EPOCH, Some(&"5a".repeat(32))).unwrap();
        let mut backup = BackupFile::open(&path).unwrap();
        let mut ledger = Vec::new();
        backup.read_ledger(&path, &mut ledger).unwrap();
        assert_eq!(ledger, SQLITE_MAGIC);
        assert!(backup.manifest.secret().is_some());
        assert_eq!(backup.manifest.made_at, "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let whole = [&SQLITE_MAGIC[..], &write_block(FORMAT, &manifest()).unwrap()].concat();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x01;
            refusal(&changed);
        }
    }

    #[test]
    fn a_newer_format_a_cut_file_and_a_foreign_one_are_told_apart() {
        let newer = [&SQLITE_MAGIC[..], &write_block(FORMAT + 1, &manifest()).unwrap()].concat();
        assert!(matches!(refusal(&newer), BackupFileError::Newer { found: 2, .. }));
        let whole = [&SQLITE_MAGIC[..], &write_block(FORMAT, &manifest()).unwrap()].concat();
        for len in [16, 100, whole.len() - 1] {
            assert!(matches!(refusal(&whole[..len]), BackupFileError::CutShort(_)), "{len}");
        }
        assert!(matches!(refusal(b"PK"), BackupFileError::Foreign(_)));
        assert!(matches!(refusal(&[b'x'; 8000]), BackupFileError::Foreign(_)));
    }
}
