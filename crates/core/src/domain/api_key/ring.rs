//! All keys of an installation, and what making and revoking make of them.

use super::{ApiKey, ApiKeyId, Timestamp};
use crate::limits::{API_KEYS_MAX, API_KEYS_REVOKED_KEPT_MAX};
use crate::ports::keys::{KeyCreated, NewKey};

/// Every key, oldest first; of the revoked ones the last few. Once there was one, there is always at least one: so an
/// empty ring says that nobody has ever asked for keys.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct KeyRing(Vec<ApiKey>);

/// What revoking came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The key as it is now.
    pub key: ApiKey,
    /// The key that is not kept any longer, because it was revoked before all others that are.
    pub forgotten: Option<ApiKeyId>,
}

impl KeyRing {
    /// These keys, in whatever order.
    #[must_use]
    pub fn new(mut keys: Vec<ApiKey>) -> Self {
        keys.sort_by_key(|key| (key.created_at, key.id));
        Self(keys)
    }

    /// Every key, oldest first.
    #[must_use]
    pub fn keys(&self) -> &[ApiKey] {
        &self.0
    }

    /// The same, given away.
    #[must_use]
    pub fn into_keys(self) -> Vec<ApiKey> {
        self.0
    }

    /// Adds a key, unless there are enough, or it was to be the first and is not.
    pub fn create(&mut self, new: &NewKey) -> KeyCreated {
        if let Some(known) = self.0.iter().find(|key| key.id == new.key.id) {
            return KeyCreated::Created(known.clone());
        }
        if new.only_as_first && !self.0.is_empty() {
            return KeyCreated::NotTheFirst;
        }
        if self.0.iter().filter(|key| key.is_living()).count() >= API_KEYS_MAX {
            return KeyCreated::TooMany;
        }
        self.0.push(new.key.clone());
        *self = Self::new(std::mem::take(&mut self.0));
        KeyCreated::Created(new.key.clone())
    }

    /// Revokes the key `id` for good; one that is revoked already stays as it is. `None` if it is not there.
    pub fn revoke(&mut self, id: ApiKeyId, now: Timestamp) -> Option<Revocation> {
        let key = self.0.iter_mut().find(|key| key.id == id)?;
        key.revoked_at = key.revoked_at.or(Some(now));
        let key = key.clone();
        let revoked = || self.0.iter().filter(|key| !key.is_living());
        let forgotten = (revoked().count() > API_KEYS_REVOKED_KEPT_MAX)
            .then(|| revoked().filter(|key| key.id != id).min_by_key(|key| (key.revoked_at, key.id)))
            .flatten()
            .map(|key| key.id);
        self.0.retain(|key| Some(key.id) != forgotten);
        Some(Revocation { key, forgotten })
    }
}
