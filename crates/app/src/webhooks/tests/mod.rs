//! The calls over a ledger in memory, with a clock held in the hand and a receiver on this machine.

mod failing;
mod receiver;
mod stop;

use std::sync::Arc;
use std::time::Duration;

use postrider_core::domain::feedback::ReportKind;
use postrider_core::domain::id::{NotificationId, WebhookId};
use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::webhook::{SigningSecret, Webhook, WebhookUrl};
use postrider_core::ports::clock::Clock;
use postrider_core::ports::ledger::Ledger;
use postrider_core::ports::webhooks::{NewWebhook, WebhookCreated};
use postrider_http::metrics::Metrics;
use postrider_testkit::contract::feedback::{report, take};
use postrider_testkit::contract::scene::{Scene, recipient_rules};
use postrider_testkit::contract::webhooks::{webhook, webhook_id};
use postrider_testkit::memory_ledger::MemoryLedger;
use postrider_testkit::random::SeededRandom;
use postrider_webhook::{OutboundConfig, WebhookSecret};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::Webhooks;
use receiver::Receiver;

/// How long a test waits for a fact before it fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// The clock of the scene.
struct SceneClock(Arc<Scene>);

impl Clock for SceneClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

/// What differs from test to test.
struct Stage {
    ledger: Arc<dyn Ledger>,
    concurrency: usize,
}

impl Default for Stage {
    fn default() -> Self {
        Self { ledger: Arc::new(MemoryLedger::new(recipient_rules())), concurrency: 64 }
    }
}

struct World {
    scene: Arc<Scene>,
    receiver: Receiver,
    webhooks: Arc<Webhooks>,
    stop: watch::Sender<bool>,
    /// Ends with the world.
    running: JoinSet<()>,
}

impl World {
    async fn new(stage: Stage) -> Self {
        let scene = Arc::new(Scene::new(stage.ledger));
        let webhooks = Webhooks {
            ledger: Arc::clone(&scene.ledger),
            clock: Arc::new(SceneClock(Arc::clone(&scene))),
            random: Arc::new(SeededRandom::new(3)),
            metrics: Arc::new(Metrics::default()),
            targets: Arc::new(OutboundConfig { allow_private: true, ..OutboundConfig::default() }),
            concurrency: stage.concurrency,
            wake: Arc::new(Notify::new()),
            fatal: watch::channel(None).0,
        };
        let stop = watch::channel(false).0;
        let mut world = Self {
            scene,
            receiver: Receiver::start().await,
            webhooks: Arc::new(webhooks),
            stop,
            running: JoinSet::new(),
        };
        let (webhooks, stopped) = (Arc::clone(&world.webhooks), world.stop.subscribe());
        world.running.spawn(webhooks.run(stopped));
        world
    }

    /// Makes the `n`th endpoint, on the receiver's `path`.
    async fn endpoint(&self, n: u128, path: &str) -> WebhookId {
        self.endpoint_at(n, &self.receiver.url(path)).await
    }

    async fn endpoint_at(&self, n: u128, url: &str) -> WebhookId {
        let new = NewWebhook {
            id: webhook_id(n),
            url: WebhookUrl::parse(url).unwrap(),
            events: [].into(),
            description: String::new(),
            secret: SigningSecret::new(WebhookSecret::generate([7; 32]).reveal()),
            now: self.scene.now(),
        };
        let made = self.scene.ledger.create_webhook(new).await.unwrap();
        assert!(matches!(made, WebhookCreated::Created(_)));
        self.webhooks.wake.notify_one();
        webhook_id(n)
    }

    /// Sends the message of `order`.
    async fn sent(&self, order: &str) -> NotificationId {
        let id = self.scene.post_and_finish(order, Verdict::Sent).await;
        self.webhooks.wake.notify_one();
        id
    }

    /// Sends the message of `order`, and it arrives.
    async fn delivered(&self, order: &str) -> NotificationId {
        let id = self.scene.post_and_finish(order, Verdict::Sent).await;
        take(&self.scene, id, report(ReportKind::Delivered, order)).await;
        self.webhooks.wake.notify_one();
        id
    }

    fn pass(&self, ms: u64) {
        self.scene.clock.advance_ms(ms);
        self.webhooks.wake.notify_one();
    }

    /// Waits until so many calls have ended and their ends are recorded.
    async fn until_ended(&self, calls: usize) {
        let ended = &self.webhooks.metrics.webhook_calls;
        let waiting = async {
            while ended.get() < calls as u64 {
                tokio::task::yield_now().await;
            }
        };
        let is_done = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        assert!(is_done, "only {} of {calls} calls have ended", ended.get());
    }

    async fn webhook(&self, id: WebhookId) -> Webhook {
        webhook(&self.scene, id).await
    }

    /// Waits until the endpoint is as a test wants it.
    async fn until(&self, id: WebhookId, done: impl Fn(&Webhook) -> bool) -> Webhook {
        let waiting = async {
            loop {
                let webhook = self.webhook(id).await;
                if done(&webhook) {
                    return webhook;
                }
                tokio::task::yield_now().await;
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(webhook) => webhook,
            Err(_) => panic!("the endpoint is still {:?}", self.webhook(id).await),
        }
    }
}
