//! The feed: what became of notifications, kept only while there is an endpoint.
//!
//! Whoever changes a notification adds what there is to tell to its shard of the feed, in the same write and without a
//! number, so that nobody waits for anybody. Later each shard's fresh changes get rising numbers, one step after the
//! other, and go onto pages; from then on "up to number n" says exactly which.

use std::collections::HashMap;

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{WEBHOOK_FAN_OUT_MAX, WEBHOOK_FEED_MS_MAX};
use postrider_core::ports::ledger::LedgerError;

use super::change::{Change, Numbered, next_number};
use super::keys;
use super::registry::Registry;
use crate::codec::{Garbled, Reader, Writer};
use crate::context::Context;
use crate::keys::notification;
use crate::table::{Key, Query};
use crate::work::{Draft, Step, Work};

/// Changes one write can number: with the page and the head, they stay below what DynamoDB writes together.
pub(super) const PAGE_CHANGES_MAX: usize = 90;
const FORMAT: u8 = 1;
/// How much longer than it counts anything of the feed is kept before the service may clear it away.
const KEPT_LONGER_MS: u64 = WEBHOOK_FEED_MS_MAX;

/// When the service may clear away what tells of something that happened at `at`, in seconds since 1970.
pub(super) fn expires_at(at: Timestamp) -> u64 {
    let end = at.plus_ms(WEBHOOK_FEED_MS_MAX).plus_ms(KEPT_LONGER_MS);
    u64::try_from(end.as_millis() / 1000).unwrap_or_default()
}

/// Adds what `work` has noted ([`Work::note_change`]) to the feed, as part of the same write, if there is an endpoint.
/// Called once for each step, before it is written.
pub(crate) async fn append_to_feed(work: &mut Work<'_>) -> Result<(), LedgerError> {
    let told = work.take_told();
    let Some(now) = told.iter().map(|told| told.entry.at).max() else { return Ok(()) };
    let context = work.context;
    let Registry { generation, live } = context.endpoints.registry(work, now).await?;
    if live == 0 {
        return Ok(());
    }
    for (nth, told) in told.into_iter().enumerate() {
        let version = work.next_version(&notification(told.id));
        let nth = u8::try_from(nth).unwrap_or(u8::MAX);
        let at = told.entry.at;
        let key = keys::fresh_change(work.context.shard(told.id), at, told.id, version, nth);
        let change = Change {
            notification: told.id,
            generation,
            event: told.event,
            status: told.status,
            entry: told.entry,
        };
        work.take(key.clone(), None);
        save_fresh(work, &key, &change);
    }
    Ok(())
}

/// The fresh change in hand is to say this.
pub(super) fn save_fresh(work: &mut Work<'_>, key: &Key, change: &Change) {
    let mut body = Writer::of_format(FORMAT);
    change.write(&mut body);
    let draft = Draft {
        label: Some(change.event.as_str().into()),
        expires_at: Some(expires_at(change.at())),
        body: body.finish(),
        ..Draft::default()
    };
    work.put(key, draft);
}

/// What is known about a shard of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Head {
    /// The number given last.
    pub(super) last: u64,
    /// When the first change on its pages happened.
    pub(super) oldest: Option<Timestamp>,
}

impl Head {
    pub(super) async fn load(work: &mut Work<'_>, shard: u8) -> Result<Self, LedgerError> {
        let (key, context) = (keys::head(shard), work.context);
        let Some(body) = work.body(&key).await? else { return Ok(Self::default()) };
        Self::read(body).map_err(|garbled| context.garbled(&key, &garbled))
    }

    /// The head in hand is to be stored like this.
    pub(super) fn save(self, work: &mut Work<'_>, shard: u8) {
        let mut body = Writer::of_format(FORMAT);
        body.number(self.last);
        body.optional(self.oldest, |body, at| body.instant(at, Timestamp::EPOCH));
        let draft = Draft { label: Some("feed".into()), body: body.finish(), ..Draft::default() };
        work.put(&keys::head(shard), draft);
    }

    fn read(body: &[u8]) -> Result<Self, Garbled> {
        let mut body = Reader::of_format(body, FORMAT)?;
        Ok(Self {
            last: body.number("last number")?,
            oldest: body.optional("oldest change", |body| body.instant(Timestamp::EPOCH, "oldest change"))?,
        })
    }
}

/// Gives numbers to what is new in a shard. Tells where the shard stands, and whether there is more.
pub(super) async fn number_shard(context: &Context, shard: u8) -> Result<(Head, bool), LedgerError> {
    let mut numbered = 0;
    loop {
        let step = Numbering { shard, most: PAGE_CHANGES_MAX.min(WEBHOOK_FAN_OUT_MAX - numbered) };
        let (head, count, has_more) = context.carry_out(&step).await?;
        numbered += count;
        if !has_more || numbered >= WEBHOOK_FAN_OUT_MAX {
            return Ok((head, has_more));
        }
    }
}

struct Numbering {
    shard: u8,
    most: usize,
}

impl Step for Numbering {
    type Output = (Head, usize, bool);

    async fn run(&self, work: &mut Work<'_>) -> Result<Self::Output, LedgerError> {
        let shard = self.shard;
        let page = work.context.calls.query(&Query::forward(keys::fresh(shard), self.most + 1)).await?;
        let mut fresh = Vec::with_capacity(page.found.len());
        for item in page.found {
            let key = item.key.clone();
            if key != keys::head(shard) {
                let change = read_fresh(&item.body);
                let change = change.map_err(|garbled| work.context.garbled(&key, &garbled))?;
                fresh.push((key.clone(), change));
            }
            work.take(key, Some(item));
        }
        let mut has_more = page.next.is_some();
        // There was no head yet, and so one change more.
        has_more |= fresh.len() > self.most;
        fresh.truncate(self.most);
        work.take(keys::head(shard), None);
        let mut head = Head::load(work, shard).await?;
        let count = fresh.len();
        let mut changes = Vec::with_capacity(count);
        for change in in_order(fresh, work) {
            head.last = next_number(head.last, change.at(), shard);
            head.oldest = head.oldest.or(Some(change.at()));
            changes.push(Numbered { n: head.last, change });
        }
        if count > 0 {
            head.save(work, shard);
            let key = keys::feed_page(shard, head.last);
            work.take(key.clone(), None);
            save_page(work, &key, &changes);
        }
        Ok((head, count, has_more))
    }
}

/// Takes fresh changes away, and gives them in their order: by time, but those of one notification as they happened,
/// whatever the clocks of those who wrote them said.
fn in_order(fresh: Vec<(Key, Change)>, work: &mut Work<'_>) -> Vec<Change> {
    let mut of_notification: HashMap<NotificationId, Vec<(Key, Change)>> = HashMap::new();
    let mut places = Vec::with_capacity(fresh.len());
    for (key, change) in fresh {
        work.delete(&key);
        places.push(change.notification);
        of_notification.entry(change.notification).or_default().push((key, change));
    }
    for changes in of_notification.values_mut() {
        changes.sort_by(|(a, _), (b, _)| keys::order_of(b).cmp(keys::order_of(a)));
    }
    places.iter().filter_map(|id| of_notification.get_mut(id)?.pop()).map(|(_, change)| change).collect()
}

pub(super) fn read_fresh(body: &[u8]) -> Result<Change, Garbled> {
    Change::read(&mut Reader::of_format(body, FORMAT)?)
}

/// The page in hand is to say this.
pub(super) fn save_page(work: &mut Work<'_>, key: &Key, changes: &[Numbered]) {
    let mut body = Writer::of_format(FORMAT);
    body.number(changes.len() as u64);
    for numbered in changes {
        body.number(numbered.n);
        numbered.change.write(&mut body);
    }
    let newest = changes.iter().map(|numbered| numbered.change.at()).max();
    let draft = Draft {
        label: Some("feed page".into()),
        expires_at: newest.map(expires_at),
        body: body.finish(),
        ..Draft::default()
    };
    work.put(key, draft);
}

/// What a page says.
pub(super) fn read_page(body: &[u8]) -> Result<Vec<Numbered>, Garbled> {
    let mut body = Reader::of_format(body, FORMAT)?;
    let count: usize = body.small("number of changes")?;
    (0..count).map(|_| Ok(Numbered { n: body.number("change")?, change: Change::read(&mut body)? })).collect()
}

/// Changes of a shard with numbers from `from` up to `to`, in order, at most `most` of those that are `wanted`.
pub(super) async fn read_feed(
    context: &Context,
    shard: u8,
    (from, to): (u64, u64),
    most: usize,
    wanted: impl Fn(&Numbered) -> bool,
) -> Result<Vec<Numbered>, LedgerError> {
    // A page holds up to 90 changes, and stands under its last number.
    const PAGES: usize = 4;
    let mut query = Query::forward(keys::feed(shard), PAGES);
    query.from = Some(from.to_be_bytes().to_vec());
    let mut changes = Vec::new();
    loop {
        let page = context.calls.query(&query).await?;
        for item in &page.found {
            let read = read_page(&item.body).map_err(|garbled| context.garbled(&item.key, &garbled))?;
            for numbered in read.into_iter().filter(|numbered| numbered.n >= from) {
                if numbered.n > to || changes.len() >= most {
                    return Ok(changes);
                }
                if wanted(&numbered) {
                    changes.push(numbered);
                }
            }
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(changes),
        }
    }
}
