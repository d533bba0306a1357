//! The keys as a request needs them: which live, and whether there was ever one.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use postrider_core::domain::api_key::{ApiKey, KeyHash, KeyToken, Scopes};
use postrider_core::domain::id::ApiKeyId;
use postrider_core::ports::ledger::{Ledger, LedgerError};

/// The keys of one moment.
#[derive(Debug, Default)]
pub struct Keys {
    living: HashMap<ApiKeyId, (KeyHash, Scopes)>,
    ever: bool,
}

impl Keys {
    fn of(keys: &[ApiKey]) -> Self {
        let living = keys.iter().filter(|key| key.is_living());
        Self { living: living.map(|key| (key.id, (key.hash, key.scopes))).collect(), ever: !keys.is_empty() }
    }

    /// Whether there was ever a key.
    #[must_use]
    pub fn were_ever(&self) -> bool {
        self.ever
    }

    /// The key that `token` is, and what it lets its holder do.
    #[must_use]
    pub fn recognize(&self, token: &KeyToken) -> Option<(ApiKeyId, Scopes)> {
        let hash = token.hash();
        let known = self.living.get(&token.id());
        // A key that is not there takes as long as one whose secret is wrong.
        let expected = known.map_or_else(|| KeyHash::from_bytes([0; 32]), |(hash, _)| *hash);
        let is_right = hash == expected;
        known.filter(|_| is_right).map(|(_, scopes)| (token.id(), *scopes))
    }
}

/// Where the keys are looked up.
#[derive(Debug)]
pub enum KeySource {
    /// In the ledger, each time: others may write there.
    Ledger,
    /// In memory: the ledger is this process's own, and whoever changes a key there forgets what is remembered here.
    Memory(RwLock<Remembered>),
}

/// What is remembered.
#[derive(Debug, Default)]
pub struct Remembered {
    keys: Option<Arc<Keys>>,
    /// Counts how often it was forgotten: what was read before is not kept after.
    generation: u64,
}

impl KeySource {
    /// The keys as they are now.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn keys(&self, ledger: &dyn Ledger) -> Result<Arc<Keys>, LedgerError> {
        let Self::Memory(memory) = self else { return Ok(Arc::new(Keys::of(&ledger.keys().await?))) };
        let generation = {
            let remembered = memory.read().unwrap_or_else(PoisonError::into_inner);
            match &remembered.keys {
                Some(keys) => return Ok(Arc::clone(keys)),
                None => remembered.generation,
            }
        };
        let keys = Arc::new(Keys::of(&ledger.keys().await?));
        let mut remembered = memory.write().unwrap_or_else(PoisonError::into_inner);
        // What was changed meanwhile was changed after this request had come, which may see either; the next may not.
        if remembered.generation == generation {
            remembered.keys = Some(Arc::clone(&keys));
        }
        Ok(keys)
    }

    /// The keys have changed, or may have.
    pub fn forget(&self) {
        if let Self::Memory(memory) = self {
            let mut remembered = memory.write().unwrap_or_else(PoisonError::into_inner);
            *remembered = Remembered { keys: None, generation: remembered.generation + 1 };
        }
    }
}
