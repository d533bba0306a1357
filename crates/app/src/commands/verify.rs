//! `postrider verify`.

use std::path::{Path, PathBuf};

use clap::Args;
use postrider_core::ports::feedback::RecipientRules;
use postrider_environment::config::Settings;
use postrider_sqlite::{Check, Look, Verified, verify};
use serde_json::{Value, json};

use super::Failure;
use super::backup::{configured_secret, installation_secret, only_embedded};
use crate::backup_file::BackupFile;
use crate::cli::GlobalOptions;

/// What to look through.
#[derive(Debug, Args)]
pub struct VerifyOptions {
    /// A backup, instead of the ledger in the data directory
    file: Option<PathBuf>,
}

/// Looks through the ledger of the data directory, also while a server runs, or through a backup.
///
/// # Errors
/// How much is wrong; what, is printed.
pub async fn run(global: &GlobalOptions, options: &VerifyOptions) -> Result<(), Failure> {
    let settings = global.settings()?;
    let (what, made_at, path, look, secret) = match &options.file {
        Some(file) => {
            let (made_at, secret) = backup(&settings, file).await?;
            (format!("the backup {}", file.display()), Some(made_at), file.clone(), Look::Copy, Ok(secret))
        }
        None => {
            only_embedded(&settings, "verify")?;
            let path = settings.ledger_path.clone();
            if !path.exists() {
                return Err(Failure::new(format!("there is no ledger at {}", path.display())));
            }
            let secret = installation_secret(&settings).await.map(|known| Some(known.rules));
            (format!("the ledger {}", path.display()), None, path, Look::InUse, secret)
        }
    };
    let (rules, no_secret) = match secret {
        Ok(rules) => (rules, None),
        // The ledger can be looked through all the same.
        Err(failure) => (None, Some(failure)),
    };
    let verified = tokio::task::spawn_blocking(move || verify(&path, look, rules.as_ref()));
    let verified = verified
        .await
        .map_err(|defect| Failure::new(format!("the look broke off: {defect}")))?
        .map_err(|error| Failure::because(&error))?;
    let is_sound = verified.is_sound() && no_secret.is_none();
    let no_secret = no_secret.map(|failure| failure.to_string());
    let json = report(&verified, is_sound, made_at.as_deref(), no_secret.as_deref());
    global.output().show(&json, &text(&verified, &what, made_at.as_deref(), no_secret.as_deref()));
    if is_sound {
        return Ok(());
    }
    let faults =
        verified.checks.iter().map(|check| check.count).sum::<u64>() + u64::from(no_secret.is_some());
    Err(Failure::new(format!(
        "{what} is not as it should be: {faults} {}. Keep a copy of it as it is; docs/runbook.md says what to do",
        if faults == 1 { "fault" } else { "faults" }
    )))
}

/// The moment of a backup whose checksum holds, and the secret that belongs to it.
async fn backup(settings: &Settings, file: &Path) -> Result<(String, Option<RecipientRules>), Failure> {
    let path = file.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        let mut backup = BackupFile::open(&path)?;
        backup.read_ledger(&path, &mut std::io::sink())?;
        Ok(backup)
    });
    let backup: BackupFile = reading
        .await
        .map_err(|defect| Failure::new(format!("the look broke off: {defect}")))?
        .map_err(|error: crate::backup_file::BackupFileError| Failure::because(&error))?;
    let secret = match backup.manifest.secret() {
        Some(secret) => Some(secret),
        None => configured_secret(settings).await?,
    };
    let rules = secret.map(|secret| RecipientRules { secret, soft_bounces: settings.soft_bounces });
    Ok((backup.manifest.made_at.clone(), rules))
}

fn report(verified: &Verified, is_sound: bool, made_at: Option<&str>, no_secret: Option<&str>) -> Value {
    let checks: Vec<Value> = verified.checks.iter().map(|check| check_json(check, no_secret)).collect();
    json!({
        "ok": is_sound, "schema": verified.schema, "schemaKnown": verified.schema_known,
        "notifications": verified.notifications, "backupMadeAt": made_at, "checks": checks,
    })
}

fn check_json(check: &Check, no_secret: Option<&str>) -> Value {
    let mut findings: Vec<Value> =
        check.findings.iter().map(|finding| json!({ "id": finding.id, "what": finding.what })).collect();
    let mut count = check.count;
    if let (SECRET, Some(why)) = (check.name, no_secret) {
        findings.push(json!({ "id": SECRET, "what": why }));
        count += 1;
    }
    json!({
        "name": check.name, "meaning": check.meaning, "faults": count, "findings": findings,
        "skipped": check.skipped.filter(|_| count == 0),
    })
}

/// The check that is about the secret.
const SECRET: &str = "secret";

fn text(verified: &Verified, what: &str, made_at: Option<&str>, no_secret: Option<&str>) -> String {
    let mut text = what.to_owned();
    if let Some(made_at) = made_at {
        text.push_str(&format!(", of {made_at}, its checksum holds"));
    }
    text.push_str(&format!(
        "\nschema version {} (this program writes {}), {} notifications\n",
        verified.schema, verified.schema_known, verified.notifications
    ));
    for check in &verified.checks {
        let missing = no_secret.filter(|_| check.name == SECRET);
        let verdict = match (check.count, check.skipped, missing) {
            (0, None, None) => "ok     ".to_owned(),
            (0, Some(_), None) => "skipped".to_owned(),
            _ => "FAULTY ".to_owned(),
        };
        text.push_str(&format!("{verdict} {:<16} {}", check.name, check.meaning));
        if let (Some(reason), None) = (check.skipped, missing) {
            text.push_str(&format!(": not looked at, {reason}"));
        }
        text.push('\n');
        if let Some(missing) = missing {
            text.push_str(&format!("          {missing}\n"));
        }
        for finding in &check.findings {
            text.push_str(&format!("          {}: {}\n", finding.id, finding.what));
        }
        if check.count > check.findings.len() as u64 {
            text.push_str(&format!("          … and {} more\n", check.count - check.findings.len() as u64));
        }
    }
    text
}
