//! How many endpoints there are, and were: what every step asks that has something to tell.

use postrider_core::ports::ledger::LedgerError;

use super::keys;
use crate::codec::{Garbled, Reader, Writer};
use crate::work::{Draft, Work};

const FORMAT: u8 = 1;

/// What is known about endpoints together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Registry {
    /// How many were ever made.
    pub(super) generation: u64,
    /// How many there are.
    pub(super) live: u64,
}

impl Registry {
    pub(super) async fn load(work: &mut Work<'_>) -> Result<Self, LedgerError> {
        let (key, context) = (keys::registry(), work.context);
        let Some(body) = work.body(&key).await? else { return Ok(Self::default()) };
        Self::read(body).map_err(|garbled| context.garbled(&key, &garbled))
    }

    /// The registry in hand is to be stored like this.
    pub(super) fn save(self, work: &mut Work<'_>) {
        let mut body = Writer::of_format(FORMAT);
        body.number(self.generation);
        body.number(self.live);
        let draft = Draft { label: Some("webhooks".into()), body: body.finish(), ..Draft::default() };
        work.put(&keys::registry(), draft);
    }

    fn read(body: &[u8]) -> Result<Self, Garbled> {
        let mut body = Reader::of_format(body, FORMAT)?;
        Ok(Self { generation: body.number("generation")?, live: body.number("number of endpoints")? })
    }
}
