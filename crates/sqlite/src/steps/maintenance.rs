//! Small writes besides the notifications.

use postrider_core::domain::time::Timestamp;
use postrider_core::ports::catalog::RenditionId;

use super::{WriteStep, Writing};

/// [`store_rendition`](postrider_core::ports::ledger::Ledger::store_rendition).
pub(crate) struct StoreRendition {
    pub(crate) id: RenditionId,
    pub(crate) bundle: Vec<u8>,
}

impl WriteStep for StoreRendition {
    type Output = ();

    fn bytes(&self) -> usize {
        256 + self.bundle.len()
    }

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<()> {
        writing
            .prepare("INSERT INTO renditions (id, bundle) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING")?
            .execute((self.id.0.to_bytes(), &self.bundle))?;
        Ok(())
    }
}

/// [`probe`](postrider_core::ports::ledger::Ledger::probe).
pub(crate) struct Probe {
    pub(crate) now: Timestamp,
}

impl WriteStep for Probe {
    type Output = ();

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<()> {
        writing
            .prepare(
                "INSERT INTO heartbeat (one, at) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET at = excluded.at",
            )?
            .execute([self.now.as_millis()])?;
        Ok(())
    }
}
