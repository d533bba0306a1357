//! Builds the ledger beside its place, and moves it there when it is good.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use postrider_core::ports::clock::{Clock as _, Random as _};
use postrider_core::ports::feedback::RecipientRules;
use postrider_environment::config::Settings;
use postrider_environment::system::{SystemClock, SystemRandom};
use postrider_sqlite::{OpenError, Reservation, RestoredHeld, SqliteLedger, check_copy};

use crate::backup_file::BackupFile;
use crate::commands::Failure;
use crate::{runtime, secret_file};

/// A restore under way.
pub(super) struct Restoring {
    pub(super) settings: Settings,
    /// With which the backup's ledger was made.
    pub(super) rules: RecipientRules,
    /// Whether what may have been sent since is held.
    pub(super) hold: bool,
    /// Set to give it up.
    pub(super) stop: Arc<AtomicBool>,
}

impl Restoring {
    /// Restores, or leaves nothing behind.
    pub(super) async fn run(self, backup: BackupFile) -> Result<RestoredHeld, Failure> {
        let is_new = !self.settings.data_dir.exists();
        runtime::make_data_dir(&self.settings).map_err(|error| Failure::because(&error))?;
        let reserved = Reservation::take(&self.settings.ledger_path);
        let done = match reserved {
            Err(error) => Err(Failure::because(&error)),
            Ok(reservation) => match self.put(backup).await {
                Ok(held) => return Ok(held),
                Err(failure) => {
                    reservation.abandon();
                    Err(failure)
                }
            },
        };
        if is_new {
            // Fails where somebody else has put something into it meanwhile.
            let _ = fs::remove_dir(&self.settings.data_dir);
        }
        done
    }

    /// Builds the ledger beside its place, and moves it there when it is good.
    async fn put(&self, backup: BackupFile) -> Result<RestoredHeld, Failure> {
        let stage = Stage::beside(&self.settings.ledger_path)?;
        let ledger = stage.0.join("ledger.sqlite");
        let text = backup.manifest.secret.clone();
        let copied = {
            let (ledger, rules, stop) = (ledger.clone(), self.rules.clone(), Arc::clone(&self.stop));
            tokio::task::spawn_blocking(move || copy(backup, &ledger, &rules, stop)).await
        };
        copied.map_err(|defect| Failure::new(format!("the restore broke off: {defect}")))??;
        let held = self.open_and_hold(&ledger).await?;
        if self.stop.load(Ordering::Relaxed) {
            return Err(Failure::new("interrupted; nothing is left of what was not finished"));
        }
        self.move_in(&ledger, text.as_deref())?;
        Ok(held)
    }

    /// Brings the ledger to this version and holds what may have been sent since.
    async fn open_and_hold(&self, ledger: &Path) -> Result<RestoredHeld, Failure> {
        let (path, rules) = (ledger.to_owned(), self.rules.clone());
        let opened = tokio::task::spawn_blocking(move || SqliteLedger::open(path, rules)).await;
        let opened = opened
            .map_err(|defect| Failure::new(format!("the restore broke off: {defect}")))?
            .map_err(|error| Failure::because(&error))?;
        let held = if self.hold {
            opened.hold_restored(SystemClock.now()).await.map_err(|error| Failure::because(&error))
        } else {
            Ok(RestoredHeld::default())
        };
        opened.close().await;
        held
    }

    /// The ledger first: one without its secret is refused, while a secret without a ledger would begin a new one.
    fn move_in(&self, ledger: &Path, text: Option<&str>) -> Result<(), Failure> {
        let Settings { ledger_path, secret_file, .. } = &self.settings;
        let failed = |path: &Path, error: io::Error| {
            Failure::new(format!("{} cannot be written: {error}", path.display()))
        };
        let mut log = ledger.as_os_str().to_owned();
        log.push("-wal");
        if fs::metadata(log).is_ok_and(|log| log.len() > 0) {
            return Err(Failure::new("the restored ledger could not be closed in time; try again"));
        }
        // A server may have come and gone before the place was reserved.
        if let Some(path) = [ledger_path, secret_file].into_iter().find(|path| path.exists()) {
            return Err(Failure::new(format!(
                "{} is there by now; nothing is ever overwritten",
                path.display()
            )));
        }
        File::open(ledger).and_then(|file| file.sync_all()).map_err(|error| failed(ledger_path, error))?;
        fs::rename(ledger, ledger_path).map_err(|error| failed(ledger_path, error))?;
        let rest = || {
            if let (Some(text), None) = (text, &self.settings.secret) {
                secret_file::put(secret_file, text, &SystemRandom)
                    .map_err(|error| failed(secret_file, error))?;
            }
            let folder = folder_of(ledger_path);
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(folder, error))
        };
        rest().inspect_err(|_| {
            let _ = fs::remove_file(ledger_path);
        })
    }
}

/// Takes the ledger out of the backup, and sees that it is sound.
fn copy(
    mut backup: BackupFile,
    to: &Path,
    rules: &RecipientRules,
    stop: Arc<AtomicBool>,
) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::new(format!("{} cannot be written: {error}", to.display()));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(failed)?;
    let mut sink = Stoppable { file, stop };
    backup.read_ledger(to, &mut sink).map_err(|error| Failure::because(&error))?;
    sink.file.sync_all().map_err(failed)?;
    // In the words of the backup: the file that was looked at is gone when they are read.
    let from = backup.path().display();
    check_copy(to, rules).map_err(|error| match error {
        OpenError::NewerSchema { found, known, .. } => Failure::new(format!(
            "{from} holds a ledger of schema version {found}, this program knows versions up to {known}; restore it with \
             the newer Postrider that made it"
        )),
        OpenError::Damaged { what, .. } => {
            Failure::new(format!("the ledger in {from} is damaged: {what}. Take an earlier backup"))
        }
        OpenError::OtherSecret { .. } => Failure::new(
            "the backup was made with another secret than the one that the configuration names (server.secret)",
        ),
        error => Failure::because(&error),
    })
}

/// Ends a long copy when it is to stop.
struct Stoppable {
    file: File,
    stop: Arc<AtomicBool>,
}

impl Write for Stoppable {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("interrupted; nothing is left of what was not finished"));
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A folder in which the ledger is built; deleted with all that is in it when this is dropped.
struct Stage(PathBuf);

impl Stage {
    fn beside(ledger_path: &Path) -> Result<Self, Failure> {
        let path = folder_of(ledger_path).join(format!("restoring.{:016x}", SystemRandom.next_u64()));
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| Failure::new(format!("{} cannot be made: {error}", path.display())))?;
        Ok(Self(path))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
