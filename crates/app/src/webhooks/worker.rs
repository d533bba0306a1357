//! Claims the calls that are due and makes them, as many at once as may be.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{WEBHOOK_CLAIM_MAX, WEBHOOK_DRAIN_MS_MAX};
use postrider_core::ports::ledger::LedgerError;
use postrider_core::ports::webhooks::{ClaimCalls, WebhookCalls};
use postrider_webhook::OutboundClient;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use super::Webhooks;

/// How often something new is looked for while there are endpoints.
const INTERVAL: Duration = Duration::from_secs(1);
/// The same while there are none: only what old ones left behind is to be cleared away.
const IDLE_INTERVAL: Duration = Duration::from_secs(60);
/// How long it waits after the ledger has refused a claim.
const REFUSED_PAUSE: Duration = Duration::from_millis(500);

struct Worker {
    webhooks: Arc<Webhooks>,
    stop: watch::Receiver<bool>,
    /// One task a call. Tells whether its end disabled its endpoint.
    calls: JoinSet<bool>,
    /// Made when the first endpoint is there: a machine without any needs no certificates.
    client: Option<OutboundClient>,
    /// Endpoints that are enabled.
    endpoints: usize,
    /// When to count them again.
    recount_at: Instant,
    /// When to claim again.
    look_at: Instant,
}

pub(super) async fn run(webhooks: Arc<Webhooks>, stop: watch::Receiver<bool>) {
    let now = Instant::now();
    let calls = JoinSet::new();
    let worker = Worker { webhooks, stop, calls, client: None, endpoints: 0, recount_at: now, look_at: now };
    worker.run().await;
}

impl Worker {
    async fn run(mut self) {
        while !*self.stop.borrow() {
            let free = self.webhooks.concurrency.saturating_sub(self.calls.len());
            if free == 0 || Instant::now() < self.look_at {
                self.wait(free).await;
                continue;
            }
            match self.look(free).await {
                Ok(()) => {}
                Err(LedgerError::Unavailable { reason }) => {
                    tracing::error!(reason, "no calls of webhooks could be claimed");
                    self.look_at = Instant::now() + REFUSED_PAUSE;
                }
                Err(LedgerError::Fatal { reason }) => {
                    self.webhooks.fatal.send_replace(Some(reason));
                    break;
                }
            }
        }
        self.drain().await;
    }

    async fn look(&mut self, free: usize) -> Result<(), LedgerError> {
        if Instant::now() >= self.recount_at {
            let webhooks = self.webhooks.ledger.webhooks().await?;
            self.endpoints = webhooks.iter().filter(|webhook| webhook.is_enabled()).count();
            self.recount_at = Instant::now() + IDLE_INTERVAL;
        }
        if self.endpoints > 0 && self.client.is_none() {
            self.client = self.new_client().await;
        }
        let (limit, interval) = match &self.client {
            Some(_) if self.endpoints > 0 => (free.min(WEBHOOK_CLAIM_MAX), INTERVAL),
            _ => (0, IDLE_INTERVAL),
        };
        let now = self.webhooks.clock.now();
        let lease_until = now.plus_ms(Webhooks::lease_ms());
        let per_endpoint = if limit == 0 { 0 } else { self.webhooks.share(self.endpoints) };
        let request = ClaimCalls { now, lease_until, limit, per_endpoint };
        let WebhookCalls { calls, next_due_at } = self.webhooks.ledger.claim_calls(request).await?;
        let Some(client) = self.client.as_ref().filter(|_| limit > 0) else {
            self.look_at = Instant::now() + interval;
            return Ok(());
        };
        for call in calls {
            let (webhooks, client) = (Arc::clone(&self.webhooks), client.clone());
            self.calls.spawn(async move { webhooks.call(&client, &call).await });
        }
        self.look_at = Instant::now() + self.until(next_due_at, interval);
        Ok(())
    }

    fn until(&self, due_at: Option<Timestamp>, longest: Duration) -> Duration {
        let wait = due_at.map(|due_at| Duration::from_millis(due_at.ms_since(self.webhooks.clock.now())));
        wait.map_or(longest, |wait| wait.min(longest))
    }

    async fn new_client(&self) -> Option<OutboundClient> {
        let targets = self.webhooks.targets.as_ref().clone();
        // Reads every certificate the system trusts.
        match tokio::task::spawn_blocking(move || OutboundClient::new(targets)).await {
            Ok(Ok(client)) => Some(client),
            Ok(Err(error)) => {
                tracing::error!(%error, "webhooks cannot be called; what they would hear waits");
                None
            }
            Err(error) => {
                tracing::error!(%error, "webhooks cannot be called; please report this");
                None
            }
        }
    }

    /// Waits until something may be done.
    async fn wait(&mut self, free: usize) {
        let look_at = self.look_at;
        tokio::select! {
            () = self.webhooks.wake.notified() => {
                self.recount_at = Instant::now();
                self.look_at = Instant::now();
            }
            Some(ended) = self.calls.join_next() => self.end(ended),
            () = sleep_until(look_at), if free > 0 => {}
            _ = self.stop.changed() => {}
        }
        while let Some(ended) = self.calls.try_join_next() {
            self.end(ended);
        }
    }

    /// A call's end makes room, and lets the next one about the same notification go.
    fn end(&mut self, ended: Result<bool, JoinError>) {
        self.look_at = Instant::now();
        match ended {
            Ok(false) => {}
            Ok(true) => self.recount_at = Instant::now(),
            Err(error) => tracing::error!(
                %error,
                "a call of a webhook ended in a panic, which is a fault of the program; it is made again once its \
                 claim has lapsed"
            ),
        }
    }

    /// Lets what is on its way end. A call that takes longer is made again: its claim lapses.
    async fn drain(mut self) {
        let all = async { while self.calls.join_next().await.is_some() {} };
        if timeout(Duration::from_millis(WEBHOOK_DRAIN_MS_MAX), all).await.is_err() {
            tracing::warn!(
                calls = self.calls.len(),
                "calls of webhooks did not end in time; they are made again"
            );
            self.calls.shutdown().await;
        }
    }
}
