//! Opening the table: only one that is ours, of this version, and with the secret it was made with.

use std::collections::HashSet;

use postrider_core::ports::budget::StoredBudget;
use postrider_core::ports::feedback::RecipientRules;
use postrider_core::ports::ledger::LedgerError;

use crate::calls::Calls;
use crate::codec::{Garbled, Reader, Writer};
use crate::config::{Ahead, DynamoConfig};
use crate::keys;
use crate::steps::stored_budget;
use crate::table::{Change, Condition, Consistency, Indexed, Item, Key, Write, Written};
use crate::webhooks::EndpointsSeen;

/// The format of what the table knows about itself, and the newest format of anything in it.
const FORMAT: u8 = 1;

/// Why the ledger was not opened. The table is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The secret is not the one it was made with.
    #[error(
        "the DynamoDB table {table} was made with another secret; give it the secret it had, or its suppression list, \
         its ids and its return paths mean nothing"
    )]
    OtherSecret {
        /// The table.
        table: String,
    },
    /// Written by a newer Postrider.
    #[error(
        "the DynamoDB table {table} has format {found}, this program knows formats up to {known}; run the newer \
         Postrider that wrote it, or restore the table to a point in time before the upgrade"
    )]
    NewerFormat {
        /// The table.
        table: String,
        /// Its format.
        found: u8,
        /// The newest format this program knows.
        known: u8,
    },
    /// What the table knows about itself cannot be read.
    #[error(
        "the DynamoDB table {table} is no ledger, or a damaged one: {what}; give the ledger a table of its own, or \
         restore this one to a point in time"
    )]
    Damaged {
        /// The table.
        table: String,
        /// What is wrong with it.
        what: String,
    },
    /// The table cannot be used now.
    #[error("the ledger cannot be opened")]
    Ledger(#[source] LedgerError),
}

/// What the opening has found. What nobody asked for ahead is not in it.
#[derive(Default)]
pub(crate) struct Opened {
    /// Over how many partitions the table's indexes are spread.
    pub(crate) shards: u8,
    /// The types that are on the list of notification types.
    pub(crate) types: HashSet<String>,
    /// Whether there are endpoints to tell.
    pub(crate) endpoints: EndpointsSeen,
    /// The record about money, if it could be read; `None` inside if there is none.
    pub(crate) budget: Option<Option<StoredBudget>>,
}

/// Checks the table, or makes a new one ours.
pub(crate) async fn open(
    calls: &Calls,
    config: &DynamoConfig,
    rules: &RecipientRules,
) -> Result<Opened, OpenError> {
    let Some(Ahead { types, now }) = &config.ahead else {
        return Ok(Opened { shards: open_meta(calls, config, rules, None).await?, ..Opened::default() });
    };
    let mut keys: Vec<Key> = types.iter().map(|name| keys::notification_type(name)).collect();
    keys.extend([keys::meta(), keys::budget(), EndpointsSeen::key()]);
    keys.sort_unstable();
    keys.dedup();
    let mut found = calls.get_all(&keys, Consistency::Strong).await.map_err(OpenError::Ledger)?;
    let shards = open_meta(calls, config, rules, found.remove(&keys::meta())).await?;
    let types = types.iter().filter(|name| found.contains_key(&keys::notification_type(name)));
    let types = types.cloned().collect();
    // What cannot be read is no reason not to open: whoever needs it reads it again, and says what is wrong.
    let budget = found.get(&keys::budget()).map(stored_budget).transpose().ok();
    let endpoints = EndpointsSeen::at_opening(found.get(&EndpointsSeen::key()), *now);
    Ok(Opened { shards, types, endpoints, budget })
}

/// Checks what the table knows about itself, `found` a moment ago, or writes it. Tells over how many partitions its indexes
/// are spread.
async fn open_meta(
    calls: &Calls,
    config: &DynamoConfig,
    rules: &RecipientRules,
    mut found: Option<Item>,
) -> Result<u8, OpenError> {
    let table = || calls.table().name().to_owned();
    let asked = config.shards.max(1);
    // Two that open a new table at the same time: one writes, the other finds it.
    for tried in 0..3 {
        if found.is_none() {
            found = calls.get(&keys::meta()).await.map_err(OpenError::Ledger)?;
        }
        let (version, shards) = match &found {
            None => (0, 0),
            Some(item) => {
                let (mark, shards) = read(&item.body).map_err(|garbled| match garbled {
                    Garbled::Newer { found, known } => {
                        OpenError::NewerFormat { table: table(), found, known }
                    }
                    Garbled::Part(_) => OpenError::Damaged { table: table(), what: garbled.to_string() },
                })?;
                // Keyed hashes made under another secret would be found by nobody: those who must get no mail would get
                // it again.
                if mark != rules.mark() {
                    return Err(OpenError::OtherSecret { table: table() });
                }
                (item.version, shards)
            }
        };
        if shards >= asked {
            return Ok(shards);
        }
        let token = calls.new_token();
        let item = Item {
            key: keys::meta(),
            version: version + 1,
            token,
            indexed: Indexed::default(),
            label: Some("ledger".into()),
            expires_at: None,
            body: write(rules, asked),
        };
        let condition = if version == 0 { Condition::Absent } else { Condition::Version(version) };
        let write = Write { change: Change::Put(Box::new(item)), condition };
        if calls.write(&[write], token).await.map_err(OpenError::Ledger)? == Written::Done {
            return Ok(asked);
        }
        found = None;
        calls.pause(tried).await;
    }
    let reason = format!("DynamoDB table {}: others open it at the same time; try again", table());
    Err(OpenError::Ledger(LedgerError::Unavailable { reason }))
}

fn write(rules: &RecipientRules, shards: u8) -> Vec<u8> {
    let mut body = Writer::of_format(FORMAT);
    body.fixed(&rules.mark());
    body.byte(shards);
    body.finish()
}

fn read(body: &[u8]) -> Result<([u8; 32], u8), Garbled> {
    let mut body = Reader::of_format(body, FORMAT)?;
    Ok((body.fixed("secret's mark")?, body.byte("number of shards")?))
}
