//! Making and revoking API keys.

use postrider_core::domain::api_key::ApiKey;
use postrider_core::domain::id::ApiKeyId;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::keys::{KeyCreated, NewKey};
use rusqlite::params;

use super::{WriteStep, Writing};
use crate::queries::key_ring;

/// [`create_key`](postrider_core::ports::keys::KeyLedger::create_key).
pub(crate) struct CreateKey(pub(crate) NewKey);

impl WriteStep for CreateKey {
    type Output = KeyCreated;

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<KeyCreated> {
        let created = key_ring(writing.connection)?.create(&self.0);
        if let KeyCreated::Created(key) = &created {
            writing
                .prepare(
                    "INSERT INTO api_keys (id, name, scopes, hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5) \
                     ON CONFLICT (id) DO NOTHING",
                )?
                .execute(params![
                    key.id.to_bytes(),
                    key.name,
                    key.scopes.to_bits(),
                    key.hash.to_bytes(),
                    key.created_at.as_millis(),
                ])?;
        }
        Ok(created)
    }
}

/// [`revoke_key`](postrider_core::ports::keys::KeyLedger::revoke_key).
pub(crate) struct RevokeKey {
    pub(crate) id: ApiKeyId,
    pub(crate) now: Timestamp,
}

impl WriteStep for RevokeKey {
    type Output = Option<ApiKey>;

    fn run(&self, writing: &mut Writing<'_>) -> rusqlite::Result<Option<ApiKey>> {
        let Some(revocation) = key_ring(writing.connection)?.revoke(self.id, self.now) else {
            return Ok(None);
        };
        let key = revocation.key;
        writing
            .prepare("UPDATE api_keys SET revoked_at = ?2 WHERE id = ?1")?
            .execute(params![key.id.to_bytes(), key.revoked_at.map(Timestamp::as_millis)])?;
        if let Some(forgotten) = revocation.forgotten {
            writing.prepare("DELETE FROM api_keys WHERE id = ?1")?.execute([forgotten.to_bytes()])?;
        }
        Ok(Some(key))
    }
}
