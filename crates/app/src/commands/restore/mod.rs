//! `postrider restore`.

mod work;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use postrider_core::domain::suppression::Secret;
use postrider_core::ports::feedback::RecipientRules;
use postrider_environment::config::Settings;
use postrider_sqlite::{OpenError, Reservation, RestoredHeld};
use serde_json::json;

use super::Failure;
use super::backup::{configured_secret, only_embedded};
use crate::backup_file::BackupFile;
use crate::cli::GlobalOptions;
use crate::interrupted;
use work::Restoring;

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
