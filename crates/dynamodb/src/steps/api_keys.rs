//! API keys: one item with all of them. It is what a request that shows a key is held against, read strongly consistent each
//! time, so that a revoked key is refused by every process at once. One item and not one a key, because the same read
//! says whether there was ever a key at all, and because making and revoking are then one conditional write.

use postrider_core::domain::api_key::{ApiKey, KeyHash, KeyRing, Scopes};
use postrider_core::domain::id::ApiKeyId;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::keys::{KeyCreated, NewKey};
use postrider_core::ports::ledger::LedgerError;

use crate::codec::{Garbled, Reader, Writer};
use crate::context::Context;
use crate::keys;
use crate::work::{Draft, Step, Work};

/// The format of its body.
const FORMAT: u8 = 1;

/// [`keys`](postrider_core::ports::keys::KeyLedger::keys).
pub(crate) async fn api_keys(context: &Context) -> Result<Vec<ApiKey>, LedgerError> {
    let key = keys::api_keys();
    let Some(item) = context.calls.get(&key).await? else { return Ok(Vec::new()) };
    read(&item.body).map(KeyRing::into_keys).map_err(|garbled| context.garbled(&key, &garbled))
}

/// [`create_key`](postrider_core::ports::keys::KeyLedger::create_key).
pub(crate) struct CreateKey(pub(crate) NewKey);

impl Step for CreateKey {
    type Output = KeyCreated;

    async fn run(&self, work: &mut Work<'_>) -> Result<KeyCreated, LedgerError> {
        let before = load(work).await?;
        let mut ring = before.clone();
        let created = ring.create(&self.0);
        if ring != before {
            save(work, &ring);
        }
        Ok(created)
    }
}

/// [`revoke_key`](postrider_core::ports::keys::KeyLedger::revoke_key).
pub(crate) struct RevokeKey {
    pub(crate) id: ApiKeyId,
    pub(crate) now: Timestamp,
}

impl Step for RevokeKey {
    type Output = Option<ApiKey>;

    async fn run(&self, work: &mut Work<'_>) -> Result<Option<ApiKey>, LedgerError> {
        let before = load(work).await?;
        let mut ring = before.clone();
        let revoked = ring.revoke(self.id, self.now).map(|revocation| revocation.key);
        if ring != before {
            save(work, &ring);
        }
        Ok(revoked)
    }
}

async fn load(work: &mut Work<'_>) -> Result<KeyRing, LedgerError> {
    let (key, context) = (keys::api_keys(), work.context);
    let ring = work.body(&key).await?.map(read).transpose();
    ring.map(Option::unwrap_or_default).map_err(|garbled| context.garbled(&key, &garbled))
}

fn save(work: &mut Work<'_>, ring: &KeyRing) {
    let mut body = Writer::of_format(FORMAT);
    body.number(ring.keys().len() as u64);
    for key in ring.keys() {
        body.fixed(&key.id.to_bytes());
        body.fixed(&key.hash.to_bytes());
        body.byte(key.scopes.to_bits());
        body.instant(key.created_at, Timestamp::EPOCH);
        body.optional(key.revoked_at, |body, at| body.instant(at, key.created_at));
        body.text(&key.name);
    }
    let draft = Draft { label: Some("keys".into()), body: body.finish(), ..Draft::default() };
    work.put(&keys::api_keys(), draft);
}

fn read(body: &[u8]) -> Result<KeyRing, Garbled> {
    let mut body = Reader::of_format(body, FORMAT)?;
    let count: usize = body.small("number of keys")?;
    // Read one after another: a count that is too large ends where the bytes do.
    let mut keys = Vec::new();
    for _ in 0..count {
        let id = ApiKeyId::from_bytes(body.fixed("key")?);
        let hash = KeyHash::from_bytes(body.fixed("hash")?);
        let scopes = body.code("scopes", Scopes::from_bits)?;
        let created_at = body.instant(Timestamp::EPOCH, "time of making")?;
        let revoked_at = body.optional("revocation", |body| body.instant(created_at, "revocation"))?;
        keys.push(ApiKey { id, name: body.text("name")?.to_owned(), scopes, hash, created_at, revoked_at });
    }
    Ok(KeyRing::new(keys))
}
