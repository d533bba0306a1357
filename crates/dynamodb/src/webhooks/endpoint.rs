//! Endpoints: what the port tells of them, and where their queues stand.

use std::collections::BTreeSet;

use postrider_core::domain::id::{NotificationId, WebhookId};
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::webhook::{
    SigningSecret, Waiting, Webhook, WebhookEvent, WebhookState, WebhookUrl,
};
use postrider_core::limits::{WEBHOOK_CALLS_PENDING_MAX, WEBHOOKS_MAX};
use postrider_core::ports::ledger::LedgerError;

use super::keys;
use crate::codec::{Garbled, Reader, Writer};
use crate::context::Context;
use crate::table::Query;
use crate::work::{Draft, Work};
use postrider_core::ports::codes::{disabled_code, disabled_from_code, event_code};

const FORMAT: u8 = 1;

/// One endpoint. Every step on its queue writes it, so that no two of them overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// As the port tells it.
    pub(super) webhook: Webhook,
    /// Which endpoint it is of all that were ever made.
    pub(super) born: u64,
    /// The last change it was looked through for, of each shard; of shards that are missing, none.
    pub(super) cursors: Vec<u64>,
    /// While calls that failed are being made due: where in the due index that goes on.
    pub(super) hasten: Option<Vec<u8>>,
    /// Lines whose first call waits: as many as the due index shows.
    pub(super) waiting: u64,
    /// Calls that are on their way.
    pub(super) in_hand: Vec<InHand>,
}

/// A call that is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InHand {
    /// What it tells.
    pub(super) n: u64,
    pub(super) notification: NotificationId,
    /// When the claim lapses.
    pub(super) until: Timestamp,
}

impl Endpoint {
    /// The last change of `shard` that it was looked through for.
    pub(super) fn cursor(&self, shard: u8) -> u64 {
        self.cursors.get(usize::from(shard)).copied().unwrap_or_default()
    }

    /// It was looked through for everything up to the change `n` of `shard`.
    pub(super) fn advance(&mut self, shard: u8, n: u64) {
        let shard = usize::from(shard);
        if self.cursors.len() <= shard {
            self.cursors.resize(shard + 1, 0);
        }
        self.cursors[shard] = self.cursors[shard].max(n);
    }

    /// How many more calls may wait.
    pub(super) fn room(&self) -> usize {
        let pending = usize::try_from(self.webhook.pending_calls).unwrap_or(usize::MAX);
        WEBHOOK_CALLS_PENDING_MAX.saturating_sub(pending)
    }

    /// Does what a change or a call's end means for what waits.
    pub(super) fn heed(&mut self, waiting: Waiting) {
        if waiting == Waiting::Hasten && self.hasten.is_none() {
            self.hasten = Some(Vec::new());
        }
    }

    /// The partition of the due index that shows its lines.
    pub(super) fn due_partition(&self) -> Vec<u8> {
        keys::lines(self.webhook.id, self.born)
    }

    /// The endpoint named `id`, in the hands of a step.
    pub(super) async fn load(work: &mut Work<'_>, id: WebhookId) -> Result<Option<Self>, LedgerError> {
        let (key, context) = (keys::endpoint(id), work.context);
        let Some(body) = work.body(&key).await? else { return Ok(None) };
        Self::read(body).map(Some).map_err(|garbled| context.garbled(&key, &garbled))
    }

    /// Every endpoint, oldest first.
    pub(super) async fn load_all(context: &Context) -> Result<Vec<Self>, LedgerError> {
        let mut query = Query::forward(keys::ENDPOINTS, WEBHOOKS_MAX + 1);
        let mut endpoints = Vec::new();
        loop {
            let page = context.calls.query(&query).await?;
            for item in &page.found {
                let endpoint = Self::read(&item.body);
                endpoints.push(endpoint.map_err(|garbled| context.garbled(&item.key, &garbled))?);
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        endpoints.sort_unstable_by_key(|endpoint| endpoint.born);
        Ok(endpoints)
    }

    /// The endpoint in hand is to be stored like this.
    pub(super) fn save(&self, work: &mut Work<'_>) {
        let draft = Draft { label: Some("webhook".into()), body: self.write(), ..Draft::default() };
        work.put(&keys::endpoint(self.webhook.id), draft);
    }

    fn write(&self) -> Vec<u8> {
        let webhook = &self.webhook;
        let base = webhook.created_at;
        let instant = |body: &mut Writer, at| body.instant(at, base);
        let mut body = Writer::of_format(FORMAT);
        body.fixed(&webhook.id.to_bytes());
        body.instant(base, Timestamp::EPOCH);
        body.text(webhook.url.as_str());
        body.number(webhook.events.iter().fold(0, |mask, event| mask | 1 << event_code(*event)));
        body.text(&webhook.description);
        body.number(webhook.secrets.len() as u64);
        for secret in &webhook.secrets {
            body.text(secret.reveal());
            body.optional(secret.expires_at, instant);
        }
        let disabled = match webhook.state {
            WebhookState::Enabled => None,
            WebhookState::Disabled { at, reason } => Some((at, reason)),
        };
        body.optional(disabled, |body, (at, reason)| {
            body.instant(at, base);
            body.byte(disabled_code(reason));
        });
        for at in [webhook.failing_since, webhook.last_success_at, webhook.last_failure_at] {
            body.optional(at, instant);
        }
        body.number(webhook.lost_calls);
        body.number(webhook.pending_calls);
        body.number(self.born);
        body.number(self.cursors.len() as u64);
        for cursor in &self.cursors {
            body.number(*cursor);
        }
        body.optional(self.hasten.as_deref(), Writer::bytes);
        body.number(self.waiting);
        body.number(self.in_hand.len() as u64);
        for call in &self.in_hand {
            body.number(call.n);
            body.fixed(&call.notification.to_bytes());
            body.instant(call.until, base);
        }
        body.finish()
    }

    fn read(body: &[u8]) -> Result<Self, Garbled> {
        let mut body = Reader::of_format(body, FORMAT)?;
        let id = WebhookId::from_bytes(body.fixed("id")?);
        let base = body.instant(Timestamp::EPOCH, "time it was made")?;
        let instant = |body: &mut Reader<'_>| body.instant(base, "instant");
        let webhook = Webhook {
            id,
            created_at: base,
            url: WebhookUrl::parse(body.text("URL")?).map_err(|_| Garbled::Part("URL"))?,
            events: events_of_mask(body.number("filter")?),
            description: body.text("description")?.to_owned(),
            secrets: many(&mut body, |body| {
                let secret = SigningSecret::new(body.text("secret")?);
                Ok(secret.until(body.optional("secret", instant)?))
            })?,
            state: match body.optional("state", |body| {
                Ok((body.instant(base, "state")?, body.code("state", disabled_from_code)?))
            })? {
                None => WebhookState::Enabled,
                Some((at, reason)) => WebhookState::Disabled { at, reason },
            },
            failing_since: body.optional("last failure", instant)?,
            last_success_at: body.optional("last success", instant)?,
            last_failure_at: body.optional("last failure", instant)?,
            lost_calls: body.number("lost calls")?,
            pending_calls: body.number("pending calls")?,
        };
        Ok(Self {
            webhook,
            born: body.number("generation")?,
            cursors: many(&mut body, |body| body.number("cursor"))?,
            hasten: body
                .optional("place in the due index", |body| body.bytes("place in the due index"))?
                .map(<[u8]>::to_vec),
            waiting: body.number("waiting lines")?,
            in_hand: many(&mut body, |body| {
                Ok(InHand {
                    n: body.number("call")?,
                    notification: NotificationId::from_bytes(body.fixed("call")?),
                    until: body.instant(base, "call")?,
                })
            })?,
        })
    }
}

fn many<T>(
    body: &mut Reader<'_>,
    read: impl Fn(&mut Reader<'_>) -> Result<T, Garbled>,
) -> Result<Vec<T>, Garbled> {
    let count: usize = body.small("number of things")?;
    (0..count).map(|_| read(body)).collect()
}

fn events_of_mask(mask: u64) -> BTreeSet<WebhookEvent> {
    WebhookEvent::ALL.into_iter().filter(|event| mask & (1 << event_code(*event)) != 0).collect()
}
