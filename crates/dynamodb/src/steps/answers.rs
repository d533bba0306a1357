//! Answers given once, to be given again.

use std::borrow::Cow;

use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::IDEMPOTENCY_KEPT_MS;
use postrider_core::ports::ledger::{LedgerError, RememberedAnswer};

use crate::codec::{Garbled, Reader, Writer};
use crate::context::Context;
use crate::keys;
use crate::record::{pack, unpack};
use crate::table::{Due, Indexed, Key};
use crate::work::{Draft, Step, Work};

/// The format of an answer's body.
const FORMAT: u8 = 1;
/// How much longer than it counts an answer is kept before the service may clear it away.
const KEPT_LONGER_MS: u64 = 24 * 60 * 60 * 1000;

/// A request's fingerprint, and the answer it got.
type Answered = (Fingerprint, RememberedAnswer);

/// [`recall_answer`](postrider_core::ports::ledger::Ledger::recall_answer).
pub(crate) async fn recall(
    context: &Context,
    key: Fingerprint,
    now: Timestamp,
) -> Result<Option<Answered>, LedgerError> {
    let item_key = keys::answer(key);
    let Some(item) = context.calls.get(&item_key).await? else { return Ok(None) };
    Ok(current(context, &item_key, &item.body, now)?.map(|(_, answered)| answered))
}

/// The same as part of a step.
pub(super) async fn recall_in(
    work: &mut Work<'_>,
    key: Fingerprint,
    now: Timestamp,
) -> Result<Option<Answered>, LedgerError> {
    let item_key = keys::answer(key);
    let context = work.context;
    let Some(body) = work.body(&item_key).await? else { return Ok(None) };
    Ok(current(context, &item_key, body, now)?.map(|(_, answered)| answered))
}

/// Remembers an answer; the step has looked what is there.
pub(super) fn remember_in(
    work: &mut Work<'_>,
    key: Fingerprint,
    request: Fingerprint,
    answer: &RememberedAnswer,
    now: Timestamp,
) {
    let shard = work.context.shard_of(&key.to_bytes());
    let kept = now.plus_ms(IDEMPOTENCY_KEPT_MS + KEPT_LONGER_MS);
    let mut body = Writer::of_format(FORMAT);
    body.instant(now, Timestamp::EPOCH);
    body.fixed(&request.to_bytes());
    body.number(u64::from(answer.status));
    body.fixed(&pack(answer.body.as_bytes()));
    let due = Due { partition: keys::answers(shard), sort: keys::at(now, &key.to_bytes()) };
    let draft = Draft {
        indexed: Indexed { due: Some(due), ..Indexed::default() },
        label: Some(Cow::Borrowed("answer")),
        expires_at: u64::try_from(kept.as_millis() / 1000).ok(),
        body: body.finish(),
    };
    work.put(&keys::answer(key), draft);
}

/// What `body` says, unless its time is over at `now`.
fn current(
    context: &Context,
    key: &Key,
    body: &[u8],
    now: Timestamp,
) -> Result<Option<(Timestamp, Answered)>, LedgerError> {
    let (given_at, answered) = read(body).map_err(|garbled| context.garbled(key, &garbled))?;
    Ok((now.ms_since(given_at) < IDEMPOTENCY_KEPT_MS).then_some((given_at, answered)))
}

fn read(body: &[u8]) -> Result<(Timestamp, Answered), Garbled> {
    const PART: &str = "answer";
    let mut body = Reader::of_format(body, FORMAT)?;
    let given_at = body.instant(Timestamp::EPOCH, PART)?;
    let request = Fingerprint::from_bytes(body.fixed(PART)?);
    let status = body.small(PART)?;
    let text = String::from_utf8(unpack(body.rest(), PART)?).map_err(|_| Garbled::Part(PART))?;
    Ok((given_at, (request, RememberedAnswer { status, body: text })))
}

/// [`remember_answer`](postrider_core::ports::ledger::Ledger::remember_answer).
pub(crate) struct RememberAnswer {
    pub(crate) key: Fingerprint,
    pub(crate) request: Fingerprint,
    pub(crate) answer: RememberedAnswer,
    pub(crate) now: Timestamp,
}

impl Step for RememberAnswer {
    type Output = ();

    async fn run(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        if recall_in(work, self.key, self.now).await?.is_none() {
            remember_in(work, self.key, self.request, &self.answer, self.now);
        }
        Ok(())
    }
}

/// Forgets an answer whose time is over. Tells whether there was one.
pub(crate) struct ForgetAnswer {
    pub(crate) key: Key,
    pub(crate) now: Timestamp,
}

impl Step for ForgetAnswer {
    type Output = bool;

    async fn run(&self, work: &mut Work<'_>) -> Result<bool, LedgerError> {
        let context = work.context;
        let is_over = match work.body(&self.key).await? {
            None => false,
            Some(body) => current(context, &self.key, body, self.now)?.is_none(),
        };
        if is_over {
            work.delete(&self.key);
        }
        Ok(is_over)
    }
}
