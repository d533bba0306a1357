//! `postrider backup`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;
use postrider_core::domain::suppression::Secret;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::clock::{Clock as _, Random as _};
use postrider_core::ports::feedback::RecipientRules;
use postrider_environment::config::{LedgerSettings, Settings};
use postrider_environment::system::{SystemClock, SystemRandom};
use postrider_sqlite::{CopyProgress, OpenError, check_copy, copy_ledger};
use serde_json::json;

use super::Failure;
use crate::backup_file::{self, Manifest};
use crate::cli::GlobalOptions;
use crate::output::Output;
use crate::{interrupted, secret_file};

/// Where to.
#[derive(Debug, Args)]
pub struct BackupOptions {
    /// A file that is not there yet. It will hold customers' addresses and the installation's secret: keep it as safe
    /// as these
    file: PathBuf,
}

/// Writes a backup, whether a server runs or not.
///
/// # Errors
/// What is in the way. No half file is left under the name asked for.
pub async fn run(global: &GlobalOptions, options: &BackupOptions) -> Result<(), Failure> {
    let settings = global.settings()?;
    only_embedded(&settings, "backup")?;
    let output = global.output();
    if !settings.ledger_path.exists() {
        return Err(Failure::new(format!("there is no ledger at {}", settings.ledger_path.display())));
    }
    let secret = installation_secret(&settings).await?;
    let target = options.file.clone();
    if fs::symlink_metadata(&target).is_ok() {
        return Err(is_there(&target));
    }
    let part = Part::beside(&target);
    let work = Work { settings, secret, target, part: part.0.clone(), output };
    let (manifest, file) = {
        let target = work.target.clone();
        // Whoever interrupts it leaves no part behind: `part` is dropped here.
        let made = interrupted::unless(tokio::task::spawn_blocking(move || work.make())).await?;
        (made.map_err(|defect| Failure::new(format!("the backup broke off: {defect}")))??, target)
    };
    drop(part);
    let text = format!(
        "{} holds the ledger as it was at {}{}, {} bytes",
        file.display(),
        manifest.made_at,
        if manifest.secret.is_some() { " and the installation's secret" } else { "" },
        manifest.ledger_bytes,
    );
    let json = json!({
        "file": file.display().to_string(), "madeAt": manifest.made_at, "ledgerBytes": manifest.ledger_bytes,
        "ledgerSha256": manifest.ledger_sha256, "holdsSecret": manifest.secret.is_some(),
    });
    output.show(&json, &text);
    Ok(())
}

/// Refuses where the ledger is a table, which AWS keeps safe.
///
/// # Errors
/// Who does it there.
pub fn only_embedded(settings: &Settings, command: &str) -> Result<(), Failure> {
    match &settings.ledger {
        LedgerSettings::Sqlite => Ok(()),
        LedgerSettings::DynamoDb(table) => Err(Failure::new(format!(
            "`{command}` is for the ledger in a file; this one is the DynamoDB table {}. There AWS Backup and point-in-time \
             recovery keep copies, and `deploy/aws/drill` restores them (docs/disaster-recovery.md)",
            table.table
        ))),
    }
}

/// The installation's secret, and its text where it lies in a file.
pub struct KnownSecret {
    /// What it is compared by.
    pub rules: RecipientRules,
    /// What is in the file; `None` where it is kept elsewhere.
    pub text: Option<String>,
}

/// Reads the secret without making one.
///
/// # Errors
/// If there is none.
pub async fn installation_secret(settings: &Settings) -> Result<KnownSecret, Failure> {
    let rules = |secret: Secret| RecipientRules { secret, soft_bounces: settings.soft_bounces };
    if let Some(secret) = configured_secret(settings).await? {
        return Ok(KnownSecret { rules: rules(secret), text: None });
    }
    let (secret, text) =
        secret_file::load(&settings.secret_file).map_err(|error| Failure::because(&error))?;
    Ok(KnownSecret { rules: rules(secret), text: Some(text) })
}

/// The secret that the configuration gives or names.
///
/// # Errors
/// If it cannot be had.
pub async fn configured_secret(settings: &Settings) -> Result<Option<Secret>, Failure> {
    let Some(setting) = &settings.secret else { return Ok(None) };
    let secrets = postrider_aws::secret::Secrets::new(std::sync::Arc::new(SystemClock));
    let secret = postrider_environment::secret::resolve(setting, &secrets).await;
    secret.map(Some).map_err(|error| Failure::new(format!("server.secret: {error}")))
}

fn is_there(target: &Path) -> Failure {
    Failure::new(format!(
        "{} is there already, and a backup replaces nothing; choose another name",
        target.display()
    ))
}

/// A file that is being written; deleted when this is dropped, unless it has got its name.
struct Part(PathBuf);

impl Part {
    fn beside(target: &Path) -> Self {
        let mut name = target.as_os_str().to_owned();
        name.push(format!(".{:016x}.part", SystemRandom.next_u64()));
        Self(PathBuf::from(name))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

struct Work {
    settings: Settings,
    secret: KnownSecret,
    target: PathBuf,
    part: PathBuf,
    output: Output,
}

impl Work {
    fn make(&self) -> Result<Manifest, Failure> {
        let made_at: Timestamp = SystemClock.now();
        let mut shown = 0;
        let mut tell = |progress: CopyProgress| {
            let percent = progress.done * 100 / progress.total.max(1);
            if percent != shown {
                shown = percent;
                self.output.progress(&format!("{percent} % copied"));
            }
        };
        let copied = copy_ledger(&self.settings.ledger_path, &self.part, &mut tell);
        self.output.progress_done();
        copied.map_err(|error| Failure::because(&error))?;
        // A copy of a damaged ledger is none: better to hear it now than on the day it is needed.
        check_copy(&self.part, &self.secret.rules).map_err(|error| self.unfit(&error))?;
        let manifest = backup_file::complete(&self.part, made_at, self.secret.text.as_deref())
            .map_err(|error| Failure::because(&error))?;
        self.give_name()?;
        Ok(manifest)
    }

    /// Why there is no backup, in the words of the ledger: the copy is gone when they are read.
    fn unfit(&self, error: &OpenError) -> Failure {
        let ledger = self.settings.ledger_path.display();
        match error {
            OpenError::Damaged { what, .. } => Failure::new(format!(
                "no backup was made, because the ledger {ledger} is damaged: {what}. Keep the backups there are; \
                 docs/runbook.md says what to do"
            )),
            OpenError::OtherSecret { .. } => Failure::new(format!(
                "no backup was made, because the ledger {ledger} was made with another secret, and could not be opened \
                 with this one"
            )),
            error => Failure::because(error),
        }
    }

    /// Gives the finished file its name, unless somebody has taken that meanwhile.
    fn give_name(&self) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::new(format!("{} cannot be written: {error}", self.target.display()))
        };
        match fs::hard_link(&self.part, &self.target) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(is_there(&self.target)),
            // Some file systems know no second name of a file.
            Err(_) if fs::symlink_metadata(&self.target).is_ok() => return Err(is_there(&self.target)),
            Err(_) => fs::rename(&self.part, &self.target).map_err(failed)?,
        }
        let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs::File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}
