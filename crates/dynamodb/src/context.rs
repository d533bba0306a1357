//! What every step of the ledger shares.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::suppression::RecipientKey;
use postrider_core::ports::feedback::RecipientRules;
use postrider_core::ports::ledger::LedgerError;

use crate::calls::Calls;
use crate::config::PayloadPolicy;
use crate::gathering::Gathering;
use crate::keys;
use crate::opening::Opened;
use crate::remembered::Remembered;
use crate::turns::Turns;
use crate::webhooks::EndpointsSeen;
use crate::work::{Draft, Step, Work};

/// The table, and what the ledger was told at its opening.
pub(crate) struct Context {
    pub(crate) calls: Calls,
    pub(crate) rules: RecipientRules,
    /// Over how many partitions each index is spread.
    pub(crate) shards: u8,
    pub(crate) payload: PayloadPolicy,
    pub(crate) turns: Turns,
    /// Who is about to look for recipients on the suppression list.
    pub(crate) gathering: Gathering,
    /// Claims in hand.
    pub(crate) remembered: Remembered,
    /// Whether there are endpoints to tell.
    pub(crate) endpoints: EndpointsSeen,
    /// Names of notification types that are known to be on the list of them.
    types: Mutex<HashSet<String>>,
}

impl Context {
    pub(crate) fn new(calls: Calls, rules: RecipientRules, payload: PayloadPolicy, opened: Opened) -> Self {
        Self {
            calls,
            rules,
            shards: opened.shards,
            payload,
            turns: Turns::default(),
            gathering: Gathering::default(),
            remembered: Remembered::default(),
            endpoints: opened.endpoints,
            types: Mutex::new(opened.types),
        }
    }

    /// The shard on which a notification's index entries are.
    pub(crate) fn shard(&self, id: NotificationId) -> u8 {
        self.shard_of(&id.key_part())
    }

    /// The shard on which entries of something with this evenly spread key are.
    pub(crate) fn shard_of(&self, key: &[u8]) -> u8 {
        key.first().copied().unwrap_or_default() % self.shards.max(1)
    }

    /// Every shard.
    pub(crate) fn every_shard(&self) -> impl Iterator<Item = u8> + use<> {
        0..self.shards.max(1)
    }

    /// The key under which a recipient is kept.
    pub(crate) fn recipient(&self, address: &EmailAddress) -> RecipientKey {
        RecipientKey::of(&self.rules.secret, address)
    }

    /// Sees to it that `name` is on the list of notification types, on which listings by order rely.
    pub(crate) async fn remember_type(&self, name: &str) -> Result<(), LedgerError> {
        let known = || self.types.lock().unwrap_or_else(PoisonError::into_inner);
        if known().contains(name) {
            return Ok(());
        }
        self.carry_out(&RememberType(name)).await?;
        known().insert(name.to_owned());
        Ok(())
    }
}

struct RememberType<'a>(&'a str);

impl Step for RememberType<'_> {
    type Output = ();

    async fn run(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        let key = keys::notification_type(self.0);
        if work.body(&key).await?.is_none() {
            work.put(&key, Draft { label: Some("type".into()), ..Draft::default() });
        }
        Ok(())
    }
}
