//! `postrider restore`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use postrider_core::domain::suppression::Secret;
use postrider_core::ports::clock::{Clock as _, Random as _};
use postrider_core::ports::feedback::RecipientRules;
use postrider_environment::config::Settings;
use postrider_environment::system::{SystemClock, SystemRandom};
use postrider_sqlite::{OpenError, Reservation, RestoredHeld, SqliteLedger, check_copy};
use serde_json::json;

use super::Failure;
use super::backup::{configured_secret, only_embedded};
use crate::backup_file::BackupFile;
use crate::cli::GlobalOptions;
use crate::{interrupted, runtime, secret_file};

/// What from, and what is known.
#[derive(Debug, Args)]
pub struct RestoreOptions {
    /// A backup that `postrider backup` made
    file: PathBuf,
    /// Nothing was sent since the backup: what waited then goes out, instead of being held for you to decide
    #[arg(long)]
    nothing_sent_since: bool,
}

/// Puts a backup into an empty data directory.
///
/// # Errors
/// What is in the way. Nothing is left behind then.
pub async fn run(global: &GlobalOptions, options: &RestoreOptions) -> Result<(), Failure> {
    let settings = global.settings()?;
    only_embedded(&settings, "restore")?;
    let backup = BackupFile::open(&options.file).map_err(|error| Failure::because(&error))?;
    let secret = secret_for(&settings, &backup).await?;
    nothing_is_there(&settings)?;
    let made_at = backup.manifest.made_at.clone();
    let stop = Arc::new(AtomicBool::new(false));
    let restoring = Restoring {
        rules: RecipientRules { secret, soft_bounces: settings.soft_bounces },
        hold: !options.nothing_sent_since,
        stop: Arc::clone(&stop),
        settings: settings.clone(),
    };
    let mut work = tokio::spawn(restoring.run(backup));
    let done = match interrupted::unless(&mut work).await {
        Ok(done) => done,
        Err(_) => {
            // It takes away what it has made, so it is waited for.
            stop.store(true, Ordering::Relaxed);
            work.await
        }
    };
    let held = done.map_err(|defect| Failure::new(format!("the restore broke off: {defect}")))??;
    tell(global, &settings, options, &made_at, held);
    Ok(())
}

fn tell(
    global: &GlobalOptions,
    settings: &Settings,
    options: &RestoreOptions,
    made_at: &str,
    held: RestoredHeld,
) {
    let mut text = format!("the ledger as it was at {made_at} is in {}\n", settings.data_dir.display());
    if options.nothing_sent_since {
        text.push_str("what waited then goes out once `postrider serve` runs, as you said that nothing was sent since\n");
    } else {
        text.push_str(&format!(
            "{} waited then and may have been sent since: held as restored_maybe_sent\n\
             {} were on their way, or unknown: held as held_by_person_maybe_sent\n",
            held.waiting, held.under_way
        ));
        if held != RestoredHeld::default() {
            text.push_str(
                "look into the mail server's log; then `postrider dead-letters redrive --cause restored_maybe_sent` sends \
                 those, `retry` and `cancel` decide about one\n",
            );
        }
    }
    text.push_str(
        "what was accepted after the backup is not in it: whoever posts such an event again has its e-mail sent again\n",
    );
    let json = json!({
        "dataDir": settings.data_dir.display().to_string(), "madeAt": made_at,
        "nothingSentSince": options.nothing_sent_since,
        "held": { "restored_maybe_sent": held.waiting, "held_by_person_maybe_sent": held.under_way },
    });
    global.output().show(&json, &text);
}

/// The secret with which the backup's ledger was made.
async fn secret_for(settings: &Settings, backup: &BackupFile) -> Result<Secret, Failure> {
    // The configuration's comes first, because `serve` will open the ledger with it.
    if let Some(secret) = configured_secret(settings).await? {
        return Ok(secret);
    }
    backup.manifest.secret().ok_or_else(|| {
        Failure::new(
            "the backup holds no secret, because it was kept elsewhere: set server.secret to where it is kept, as it was \
             when the backup was made",
        )
    })
}

/// Looks before anything is made.
fn nothing_is_there(settings: &Settings) -> Result<(), Failure> {
    if Reservation::lock_path(&settings.ledger_path).exists() {
        // Told apart from files that merely lie there.
        if let Err(OpenError::AlreadyOpen { holder, .. }) = Reservation::take(&settings.ledger_path) {
            return Err(Failure::new(format!(
                "process {holder} uses {}; a backup is restored into a data directory that nobody uses",
                settings.data_dir.display()
            )));
        }
    }
    let mut names = match fs::read_dir(&settings.data_dir) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            return Err(Failure::new(format!(
                "the data directory {} cannot be read: {error}",
                settings.data_dir.display()
            )));
        }
    };
    // What a file system of its own begins with.
    names.retain(|name| name != "lost+found");
    names.sort();
    if let Some(first) = names.first() {
        return Err(Failure::new(format!(
            "the data directory {} is not empty (there is {}); nothing is ever overwritten. Name a new one with \
             --data-dir, or move what is there away, all of it together",
            settings.data_dir.display(),
            Path::new(first).display()
        )));
    }
    for path in [&settings.ledger_path, &settings.secret_file] {
        if fs::symlink_metadata(path).is_ok() {
            return Err(Failure::new(format!(
                "{} is there already; nothing is ever overwritten",
                path.display()
            )));
        }
    }
    Ok(())
}

struct Restoring {
    settings: Settings,
    rules: RecipientRules,
    /// Whether what may have been sent since is held.
    hold: bool,
    stop: Arc<AtomicBool>,
}

impl Restoring {
    async fn run(self, backup: BackupFile) -> Result<RestoredHeld, Failure> {
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
    check_copy(to, rules).map_err(|error| match error {
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
