//! The suppression list: an item for each recipient and category, together in the recipient's partition.

use std::borrow::Cow;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::category::Category;
use postrider_core::domain::outcome::Cause;
use postrider_core::domain::suppression::{RecipientKey, Suppression};
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::feedback::NewSuppression;
use postrider_core::ports::ledger::LedgerError;

use crate::codec::{Garbled, Reader, Writer};
use crate::context::Context;
use crate::keys;
use crate::table::{Indexed, Item, Key, Query};
use crate::work::{Draft, Step, Work};
use postrider_core::ports::codes::{reason_code, reason_from_code};

/// The format of an entry's body.
const FORMAT: u8 = 1;
const PART: &str = "suppression";
/// Entries of one recipient that are looked at: there is one a category.
const ENTRIES_MAX: usize = 90;
/// Where entries begin to count their place on the list: 2020-01-01.
const LIST_BEGINS_MS: i64 = 1_577_836_800_000;
/// Bits of a place on the list that tell apart what came in one millisecond.
const PLACE_BITS: u32 = 22;

/// [`suppress`](postrider_core::ports::feedback::FeedbackLedger::suppress).
pub(crate) struct Suppress(pub(crate) NewSuppression);

impl Step for Suppress {
    type Output = Suppression;

    async fn run(&self, work: &mut Work<'_>) -> Result<Suppression, LedgerError> {
        work.suppress(&self.0).await
    }
}

/// [`unsuppress`](postrider_core::ports::feedback::FeedbackLedger::unsuppress).
pub(crate) struct Unsuppress(pub(crate) EmailAddress);

impl Step for Unsuppress {
    type Output = usize;

    async fn run(&self, work: &mut Work<'_>) -> Result<usize, LedgerError> {
        let recipient = work.context.recipient(&self.0);
        let entries = work.entries_of(recipient).await?;
        for (key, _) in &entries {
            work.delete(key);
        }
        // What bounced softly before a person decided otherwise does not count against the address any more.
        let soft_bounces = keys::soft_bounces(recipient);
        if work.body(&soft_bounces).await?.is_some() {
            work.delete(&soft_bounces);
        }
        Ok(entries.len())
    }
}

/// [`forget_suppressed_address`](postrider_core::ports::feedback::FeedbackLedger::forget_suppressed_address).
pub(crate) struct ForgetAddress(pub(crate) EmailAddress);

impl Step for ForgetAddress {
    type Output = usize;

    async fn run(&self, work: &mut Work<'_>) -> Result<usize, LedgerError> {
        let recipient = work.context.recipient(&self.0);
        let entries = work.entries_of(recipient).await?;
        let count = entries.len();
        for (key, (place, entry)) in entries {
            let forgotten = Suppression { address: None, ..entry };
            let draft = draft(work, place, &forgotten);
            work.put(&key, draft);
        }
        Ok(count)
    }
}

impl Work<'_> {
    /// Puts an entry on the list, or merges it with the one that is there.
    pub(super) async fn suppress(&mut self, new: &NewSuppression) -> Result<Suppression, LedgerError> {
        let recipient = self.context.recipient(&new.address);
        let fresh = Suppression {
            recipient,
            address: Some(new.address.clone()),
            category: new.category.clone(),
            reason: new.reason,
            source: new.source.clone(),
            since: new.since,
            expires_at: new.expires_at,
        };
        let key = keys::suppression(recipient, new.category.as_deref());
        let context = self.context;
        let known = self.body(&key).await?.map(read).transpose();
        let known = known.map_err(|garbled| context.garbled(&key, &garbled))?;
        let (place, entry) = match known {
            Some((place, known)) => (place, known.with(recipient).merged(fresh, new.now)),
            None => (new_place(new.now, u64::from_be_bytes(context.calls.new_token())), fresh),
        };
        let draft = draft(self, place, &entry);
        self.put(&key, draft);
        Ok(entry)
    }

    /// Every entry of a recipient, with its key and its place on the list, in hand to be changed.
    async fn entries_of(
        &mut self,
        recipient: RecipientKey,
    ) -> Result<Vec<(Key, (u64, Suppression))>, LedgerError> {
        let mut entries = Vec::new();
        for (item, place, entry) in self.context.entries_of(recipient).await? {
            entries.push((item.key.clone(), (place, entry)));
            self.take(item.key.clone(), Some(item));
        }
        Ok(entries)
    }
}

impl Context {
    /// The cause for which `to` gets no mail of `category` at `now`, if there is one.
    pub(crate) async fn suppression(
        &self,
        to: &EmailAddress,
        category: &Category,
        now: Timestamp,
    ) -> Result<Option<Cause>, LedgerError> {
        let recipient = self.recipient(to);
        // That for all categories comes first.
        let keys = [None, Some(category.as_str())].map(|category| keys::suppression(recipient, category));
        let found = self.gathering.get(&self.calls, &keys).await?;
        for item in keys.iter().filter_map(|key| found.get(key)) {
            let read = read_suppression(item).map_err(|garbled| self.garbled(&item.key, &garbled));
            let (_, entry) = read?;
            if entry.holds(now) && entry.covers(category) {
                return Ok(Some(entry.reason.cause()));
            }
        }
        Ok(None)
    }

    /// Every entry of a recipient as it is now, with its item and its place on the list. That for all categories comes
    /// first.
    pub(crate) async fn entries_of(
        &self,
        recipient: RecipientKey,
    ) -> Result<Vec<(Item, u64, Suppression)>, LedgerError> {
        let mut query = Query::forward(keys::recipient(recipient), ENTRIES_MAX);
        (query.from, query.to) = (Some(b"s".to_vec()), Some(b"t".to_vec()));
        let mut entries = Vec::new();
        for item in self.calls.query(&query).await?.found {
            let read = read_suppression(&item).map_err(|garbled| self.garbled(&item.key, &garbled));
            let (place, entry) = read?;
            entries.push((item, place, entry));
        }
        Ok(entries)
    }
}

/// Where a new entry stands on the list: by its time, and by chance within a millisecond.
fn new_place(now: Timestamp, random: u64) -> u64 {
    let ms = u64::try_from(now.as_millis().saturating_sub(LIST_BEGINS_MS)).unwrap_or(0);
    (ms << PLACE_BITS) | (random >> (u64::BITS - PLACE_BITS))
}

fn draft(work: &Work<'_>, place: u64, entry: &Suppression) -> Draft {
    let shard = work.context.shard_of(&entry.recipient.to_bytes());
    let indexed = Indexed {
        time: Some(keys::suppressions_by_time(shard)),
        sort: Some(place.to_be_bytes().to_vec()),
        ..Indexed::default()
    };
    let mut body = Writer::of_format(FORMAT);
    body.number(place);
    body.byte(reason_code(entry.reason));
    body.optional(entry.address.as_ref(), |body, address| body.text(address.as_str()));
    body.optional(entry.category.as_deref(), Writer::text);
    body.text(&entry.source);
    body.instant(entry.since, Timestamp::EPOCH);
    body.optional(entry.expires_at, |body, at| body.instant(at, Timestamp::EPOCH));
    Draft { indexed, label: Some(Cow::Borrowed("suppression")), expires_at: None, body: body.finish() }
}

/// An entry whose recipient its key says.
struct Entry {
    address: Option<EmailAddress>,
    category: Option<String>,
    reason: postrider_core::domain::suppression::SuppressionReason,
    source: String,
    since: Timestamp,
    expires_at: Option<Timestamp>,
}

impl Entry {
    fn with(self, recipient: RecipientKey) -> Suppression {
        let Self { address, category, reason, source, since, expires_at } = self;
        Suppression { recipient, address, category, reason, source, since, expires_at }
    }
}

fn read(body: &[u8]) -> Result<(u64, Entry), Garbled> {
    let mut body = Reader::of_format(body, FORMAT)?;
    let place = body.number(PART)?;
    let reason = body.code(PART, reason_from_code)?;
    let address =
        body.optional(PART, |body| EmailAddress::parse(body.text(PART)?).map_err(|_| Garbled::Part(PART)))?;
    let text = |body: &mut Reader<'_>| body.text(PART).map(str::to_owned);
    let entry = Entry {
        address,
        category: body.optional(PART, text)?,
        reason,
        source: text(&mut body)?,
        since: body.instant(Timestamp::EPOCH, PART)?,
        expires_at: body.optional(PART, |body| body.instant(Timestamp::EPOCH, PART))?,
    };
    Ok((place, entry))
}

/// What an item of the list says, with its place there.
pub(crate) fn read_suppression(item: &Item) -> Result<(u64, Suppression), Garbled> {
    let recipient = item.key.pk.get(1..).and_then(|bytes| bytes.try_into().ok());
    let recipient = recipient.map(RecipientKey::from_bytes).ok_or(Garbled::Part("recipient"))?;
    let (place, entry) = read(&item.body)?;
    Ok((place, entry.with(recipient)))
}
