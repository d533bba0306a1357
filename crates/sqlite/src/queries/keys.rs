//! API keys.

use postrider_core::domain::api_key::{ApiKey, KeyHash, KeyRing, Scopes};
use postrider_core::domain::id::ApiKeyId;
use rusqlite::Connection;

use crate::rows::{decoded, instant, optional_instant};

/// Every key.
pub(crate) fn key_ring(connection: &Connection) -> rusqlite::Result<KeyRing> {
    let mut statement =
        connection.prepare_cached("SELECT id, name, scopes, hash, created_at, revoked_at FROM api_keys")?;
    let keys = statement.query_map([], |row| {
        Ok(ApiKey {
            id: ApiKeyId::from_bytes(row.get(0)?),
            name: row.get(1)?,
            scopes: decoded(row, 2, Scopes::from_bits(row.get(2)?))?,
            hash: KeyHash::from_bytes(row.get(3)?),
            created_at: instant(row, 4)?,
            revoked_at: optional_instant(row, 5)?,
        })
    })?;
    Ok(KeyRing::new(keys.collect::<rusqlite::Result<_>>()?))
}
