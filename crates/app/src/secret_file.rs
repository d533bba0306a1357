//! The installation's secret: signs return paths, and makes the keyed hashes under which recipients are kept.
//!
//! It lies beside the ledger and not in it, so that a copy of the ledger alone does not tell who is on its suppression
//! list. Whoever backs one up backs up both.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use postrider_core::domain::suppression::Secret;
use postrider_core::ports::clock::Random;
use postrider_environment::secret::parse_secret;

/// Bytes of a secret.
const SECRET_BYTES: usize = 32;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read or made.
    #[error("the secret file {path} cannot be used: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// It is not there, but a ledger is.
    #[error(
        "the secret file {0} is missing, and the ledger beside it was made with it: restore it from the backup the ledger is in. No other secret opens this ledger, and none was made"
    )]
    Missing(PathBuf),
    /// It is no secret.
    #[error(
        "the secret file {0} does not hold 64 hexadecimal digits; restore it from a backup. Without it the suppression list and the return paths of messages under way mean nothing"
    )]
    Malformed(PathBuf),
}

/// Reads the secret at `path`, or makes one if there is no file and no ledger that was made with another.
///
/// `has_ledger` says whether there is a ledger that was made with the secret.
///
/// # Errors
/// [`SecretError`]. A file that is there is never replaced.
pub fn load_or_create(path: &Path, has_ledger: bool, random: &dyn Random) -> Result<Secret, SecretError> {
    let failed = |source| SecretError::Io { path: path.to_owned(), source };
    match read(path) {
        Ok(text) => return parse(&text).ok_or_else(|| SecretError::Malformed(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    if has_ledger {
        return Err(SecretError::Missing(path.to_owned()));
    }
    create(path, random).map_err(failed)?;
    // Of two processes that start at once one made the file; both read it.
    let text = read(path).map_err(failed)?;
    parse(&text).ok_or_else(|| SecretError::Malformed(path.to_owned()))
}

/// Reads the secret at `path`, and the text it is written as.
///
/// # Errors
/// [`SecretError`]. None is made.
pub fn load(path: &Path) -> Result<(Secret, String), SecretError> {
    let text = read(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => SecretError::Missing(path.to_owned()),
        _ => SecretError::Io { path: path.to_owned(), source },
    })?;
    let secret = parse(&text).ok_or_else(|| SecretError::Malformed(path.to_owned()))?;
    Ok((secret, text))
}

/// Puts a secret that was made before at `path`, where none may be.
///
/// # Errors
/// The system's.
pub fn put(path: &Path, text: &str, random: &dyn Random) -> io::Result<()> {
    write_new(path, text, random)
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(4 * SECRET_BYTES as u64).read_to_string(&mut text)?;
    Ok(text)
}

fn parse(text: &str) -> Option<Secret> {
    parse_secret(text).map(Secret::new)
}

/// Whole and on the disk under another name first, then given its own unless that is taken: nobody reads half a secret,
/// and no secret is lost to a power cut after something was signed with it.
fn create(path: &Path, random: &dyn Random) -> io::Result<()> {
    let text = format!("{:032x}{:032x}", random.next_u128(), random.next_u128());
    match write_new(path, &text, random) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn write_new(path: &Path, text: &str, random: &dyn Random) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = path.with_extension(format!("{:016x}.tmp", random.next_u64()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let written = file
        .write_all(format!("{}\n", text.trim()).as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&temporary, path));
    fs::remove_file(&temporary)?;
    written?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use postrider_testkit::random::SeededRandom;

    use super::{SecretError, load_or_create};

    #[test]
    fn a_secret_is_made_once_for_its_owner_alone_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        let first = load_or_create(&path, false, &SeededRandom::new(1)).unwrap();
        let second = load_or_create(&path, false, &SeededRandom::new(2)).unwrap();
        assert_eq!(first.sign("test", &[]), second.sign("test", &[]));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn no_secret_is_made_beside_a_ledger_that_has_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        assert!(matches!(load_or_create(&path, true, &SeededRandom::new(1)), Err(SecretError::Missing(_))));
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_no_secret_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        for text in ["", "abc", &"g".repeat(64), &"a".repeat(63), &"ä".repeat(32)] {
            std::fs::write(&path, text).unwrap();
            assert!(
                matches!(load_or_create(&path, false, &SeededRandom::new(1)), Err(SecretError::Malformed(_))),
                "{text}"
            );
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
