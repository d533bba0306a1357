//! Keeps the suppression list in step with that of the SES account, pass by pass.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use postrider_aws::sdk;
use postrider_aws::ses::suppressed::{AccountList, Mirror, MirrorError, Mirrored, Progress};
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{SES_MIRROR_PAUSE_MS, SES_REQUEST_GAP_MS};
use postrider_core::ports::feedback::ListElsewhere;
use postrider_environment::config::{MirrorSettings, Settings};
use postrider_http::state::Api;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// What of the progress is kept in the data directory, so that a start does not look at everything again.
const FILE: &str = "ses-mirror.json";

/// A mirror and where its progress is kept.
pub struct OpenMirror {
    mirror: Mirror,
    file: PathBuf,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Stored {
    given_until_ms: Option<i64>,
    taken_until_ms: Option<i64>,
}

/// The account's list, from which addresses must go that are taken off ours, if ours is given to it.
pub async fn list_elsewhere(settings: Option<&MirrorSettings>) -> Option<Arc<dyn ListElsewhere>> {
    let settings = settings.filter(|settings| settings.direction.gives())?;
    Some(Arc::new(account_list(settings).await))
}

async fn account_list(settings: &MirrorSettings) -> AccountList {
    AccountList::new(&sdk::load(&settings.place).await, Duration::from_millis(SES_REQUEST_GAP_MS))
}

impl OpenMirror {
    /// The mirror the settings ask for, if they do. Asks nobody yet.
    pub async fn open(settings: &Settings, api: &Api) -> Option<Self> {
        let mirror = settings.ses_mirror.as_ref()?;
        let list = account_list(mirror).await;
        let (ledger, clock) = (Arc::clone(&api.ledger), Arc::clone(&api.clock));
        let mirror = Mirror::new(list, ledger, clock, mirror.direction);
        Some(Self { mirror, file: settings.data_dir.join(FILE) })
    }

    /// One pass over what is new since the last.
    ///
    /// # Errors
    /// [`MirrorError`]. What was done is kept, the rest is done by the next pass.
    pub async fn pass(&self) -> Result<Mirrored, MirrorError> {
        let mut progress = read(&self.file);
        let result = self.mirror.pass(&mut progress).await;
        if let Err(error) = write(&self.file, progress) {
            let file = self.file.display();
            tracing::warn!(%file, %error, "how far the mirror came could not be kept; it will look at more again");
        }
        result
    }

    /// A pass now and then, until `stop` turns true. A pass that is cut short is done again at the next start.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        loop {
            let pass_and_pause = async {
                match self.pass().await {
                    Ok(done) if done == Mirrored::default() => {}
                    Ok(Mirrored { given, taken, skipped }) => {
                        tracing::info!(
                            given,
                            taken,
                            skipped,
                            "the suppression list and the SES account's are in step"
                        );
                    }
                    Err(error) => tracing::error!(%error, "the suppression lists could not be kept in step"),
                }
                tokio::time::sleep(Duration::from_millis(SES_MIRROR_PAUSE_MS)).await;
            };
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = pass_and_pause => {}
            }
        }
    }
}

/// The progress in `file`; none where it is not there or cannot be read, which costs requests and nothing else.
fn read(file: &Path) -> Progress {
    let stored = std::fs::read(file).ok().and_then(|bytes| serde_json::from_slice::<Stored>(&bytes).ok());
    let Stored { given_until_ms, taken_until_ms } = stored.unwrap_or_default();
    Progress {
        given_until: given_until_ms.map(Timestamp::from_millis),
        taken_until: taken_until_ms.map(Timestamp::from_millis),
    }
}

fn write(file: &Path, progress: Progress) -> io::Result<()> {
    let stored = Stored {
        given_until_ms: progress.given_until.map(Timestamp::as_millis),
        taken_until_ms: progress.taken_until.map(Timestamp::as_millis),
    };
    std::fs::write(file, serde_json::to_vec(&stored)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_as_it_was_written_and_a_broken_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        assert_eq!(read(&file), Progress::default());
        let progress = Progress { given_until: Some(Timestamp::from_millis(5)), taken_until: None };
        write(&file, progress).unwrap();
        assert_eq!(read(&file), progress);
        std::fs::write(&file, "{").unwrap();
        assert_eq!(read(&file), Progress::default());
    }
}
