//! What messages are made of, in pieces that fit items.

use std::borrow::Cow;

use postrider_core::ports::catalog::RenditionId;
use postrider_core::ports::ledger::LedgerError;

use crate::codec::{Garbled, Reader, Writer};
use crate::context::Context;
use crate::keys;
use crate::record::{pack, unpack};
use crate::table::{Change, Condition, Consistency, Indexed, Item, Key, Write};

/// The format of the item that says how many pieces there are.
const FORMAT: u8 = 1;
/// Bytes of one piece: an item may have 400 KB.
const PIECE_BYTES: usize = 350 * 1024;

/// [`store_rendition`](postrider_core::ports::ledger::Ledger::store_rendition). Content decides the id, so nothing is
/// written that is there already, and whoever writes it at the same time writes the same.
pub(crate) async fn store_rendition(
    context: &Context,
    id: RenditionId,
    bundle: &[u8],
) -> Result<(), LedgerError> {
    let head = keys::rendition(id);
    if context.calls.get_lately(&head).await?.is_some() {
        return Ok(());
    }
    let packed = pack(bundle);
    let mut count: u16 = 0;
    for piece in packed.chunks(PIECE_BYTES) {
        store(context, keys::rendition_piece(id, count), piece.to_vec()).await?;
        count = count.saturating_add(1);
    }
    let mut body = Writer::of_format(FORMAT);
    body.number(u64::from(count));
    store(context, head, body.finish()).await
}

/// [`rendition`](postrider_core::ports::ledger::Ledger::rendition).
pub(crate) async fn rendition(context: &Context, id: RenditionId) -> Result<Option<Vec<u8>>, LedgerError> {
    let head = keys::rendition(id);
    let Some(item) = context.calls.get(&head).await? else { return Ok(None) };
    let bundle = read(context, id, &item).await;
    bundle?.map(Some).map_err(|garbled| context.garbled(&head, &garbled))
}

async fn read(
    context: &Context,
    id: RenditionId,
    head: &Item,
) -> Result<Result<Vec<u8>, Garbled>, LedgerError> {
    let count = Reader::of_format(&head.body, FORMAT).and_then(|mut body| body.small::<u16>("pieces"));
    let count = match count {
        Ok(count) => count,
        Err(garbled) => return Ok(Err(garbled)),
    };
    let pieces: Vec<Key> = (0..count).map(|n| keys::rendition_piece(id, n)).collect();
    let mut found = context.calls.get_all(&pieces, Consistency::Strong).await?;
    let mut packed = Vec::new();
    for piece in &pieces {
        match found.remove(piece) {
            Some(item) => packed.extend(item.body),
            None => return Ok(Err(Garbled::Part("pieces"))),
        }
    }
    Ok(unpack(&packed, "bundle"))
}

async fn store(context: &Context, key: Key, body: Vec<u8>) -> Result<(), LedgerError> {
    let token = context.calls.new_token();
    let label = Some(Cow::Borrowed("rendition"));
    let item = Item { key, version: 1, token, indexed: Indexed::default(), label, expires_at: None, body };
    let write = Write { change: Change::Put(Box::new(item)), condition: Condition::None };
    context.calls.write(&[write], token).await.map(|_| ())
}
