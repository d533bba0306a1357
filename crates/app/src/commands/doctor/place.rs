//! Where the installation lives: clock, data directory, room, secret.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use postrider_aws::secret::Secrets;
use postrider_core::domain::suppression::Secret;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::clock::{Clock, Random as _};
use postrider_environment::config::{LedgerSettings, Settings};
use postrider_environment::system::SystemRandom;

use super::Exams;
use crate::secret_file::{self, SecretError};

/// 2026-01-01T00:00:00Z: no machine on which this program runs is of an earlier time.
const EARLIEST_MS: i64 = 1_767_225_600_000;
/// 2100-01-01T00:00:00Z.
const LATEST_MS: i64 = 4_102_444_800_000;
/// Below this the write-ahead log may fill the disk: 256 MiB of it, and as much again for a burst.
const ROOM_SCARCE_BYTES: u64 = 512 * 1024 * 1024;
/// Below this the next orders are refused.
const ROOM_GONE_BYTES: u64 = 32 * 1024 * 1024;

pub(super) fn clock(now: Timestamp, exams: &mut Exams) {
    const CURE: &str =
        "set it, and keep it right (NTP): due times follow it, and Amazon and TLS refuse a wrong one";
    if !(EARLIEST_MS..LATEST_MS).contains(&now.as_millis()) {
        exams.failed("clock", format!("this machine says it is {now}, which cannot be"), CURE);
    } else {
        exams.ok("clock", format!("{now}"));
    }
}

pub(super) fn data_dir(settings: &Settings, exams: &mut Exams) {
    let path = &settings.data_dir;
    let shown = path.display();
    const CURE: &str = "give it to the user that runs the server, or name another with --data-dir";
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            match parent_is_writable(path) {
                Ok(()) => exams.ok("data-directory", format!("{shown} is not there yet; `serve` makes it")),
                Err(error) => exams.failed(
                    "data-directory",
                    format!("{shown} is not there, and cannot be made: {error}"),
                    CURE,
                ),
            }
            return;
        }
        Err(error) => {
            return exams.failed("data-directory", format!("{shown} cannot be used: {error}"), CURE);
        }
    };
    if !metadata.is_dir() {
        return exams.failed("data-directory", format!("{shown} is no directory"), CURE);
    }
    if let Err(error) = write_into(path) {
        return exams.failed(
            "data-directory",
            format!("{shown} cannot be written: {error}; no order can be accepted"),
            CURE,
        );
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return exams.warning(
            "data-directory",
            format!("{shown} can be written, and others may look into it (mode {mode:03o})"),
            format!("chmod 700 {shown}: customers' addresses and orders are in it"),
        );
    }
    exams.ok("data-directory", format!("{shown} can be written, and is its owner's alone"));
}

fn parent_is_writable(path: &Path) -> std::io::Result<()> {
    let mut above = path.parent();
    while let Some(folder) = above {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if folder.exists() {
            return write_into(folder);
        }
        above = folder.parent();
    }
    Ok(())
}

/// Makes a file and takes it away: the only way to know.
fn write_into(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!("doctor.{:016x}.tmp", SystemRandom.next_u64()));
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(path)
}

pub(super) fn room(settings: &Settings, exams: &mut Exams) {
    if !matches!(settings.ledger, LedgerSettings::Sqlite) {
        return;
    }
    let existing = settings.ledger_path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let Ok(system) = rustix::fs::statvfs(existing) else { return };
    let left = system.f_bavail.saturating_mul(system.f_frsize);
    let mib = left / (1024 * 1024);
    if left < ROOM_GONE_BYTES {
        exams.failed(
            "disk-space",
            format!("{mib} MiB are left for the ledger; orders are refused with 503 when none is"),
            "free space on that disk; the server then goes on by itself",
        );
    } else if left < ROOM_SCARCE_BYTES {
        exams.warning(
            "disk-space",
            format!("{mib} MiB are left for the ledger, whose log alone may take 256"),
            "free space on that disk",
        );
    } else {
        exams.ok("disk-space", format!("{mib} MiB are left for the ledger"));
    }
}

/// The secret, if there is one.
pub(super) async fn secret(settings: &Settings, clock: &Arc<dyn Clock>, exams: &mut Exams) -> Option<Secret> {
    const CURE: &str =
        "restore it from the backup the ledger is in; no other opens this ledger (docs/runbook.md)";
    if let Some(setting) = &settings.secret {
        let secrets = Secrets::new(Arc::clone(clock));
        return match postrider_environment::secret::resolve(setting, &secrets).await {
            Ok(secret) => {
                exams.ok("secret", "server.secret can be read");
                Some(secret)
            }
            Err(error) => {
                exams.failed(
                    "secret",
                    format!("server.secret: {error}"),
                    "see that it is there and may be read; `serve` does not start without it",
                );
                None
            }
        };
    }
    let path = &settings.secret_file;
    match secret_file::load(path) {
        Ok((secret, _)) => {
            let mode = fs::metadata(path).map_or(0, |file| file.permissions().mode() & 0o777);
            if mode & 0o077 == 0 {
                exams.ok("secret", format!("{} is its owner's alone", path.display()));
            } else {
                exams.warning(
                    "secret",
                    format!("{} can be read by others (mode {mode:03o})", path.display()),
                    format!("chmod 600 {}: who has it can forge reports about messages", path.display()),
                );
            }
            Some(secret)
        }
        Err(SecretError::Missing(_))
            if !matches!(settings.ledger, LedgerSettings::Sqlite) || !settings.ledger_path.exists() =>
        {
            exams.ok("secret", "there is none yet; the first start makes one");
            None
        }
        Err(error) => {
            exams.failed("secret", super::super::Failure::because(&error).to_string(), CURE);
            None
        }
    }
}
