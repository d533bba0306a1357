//! Says in the log which message is handed on, before it is.
//!
//! After a table was restored to an earlier moment, the log alone knows what may have been sent since: what was begun and
//! of which nothing says that it was not sent (`deploy/aws/drill`).

use std::sync::Arc;

use async_trait::async_trait;
use postrider_core::domain::outcome::AttemptOutcome;
use postrider_core::ports::mailer::{HandedOn, Mailer, OutgoingMessage, Stop};

/// A mailer that announces.
pub struct Announcing(pub Arc<dyn Mailer>);

fn announce(message: &OutgoingMessage) {
    let (notification_id, attempt) = (&message.notification_id, message.attempt);
    tracing::info!(%notification_id, attempt, "attempt begins");
}

#[async_trait]
impl Mailer for Announcing {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn deadline_ms(&self) -> u64 {
        self.0.deadline_ms()
    }

    async fn send(&self, message: &OutgoingMessage, stop: Stop<'_>) -> AttemptOutcome {
        announce(message);
        self.0.send(message, stop).await
    }

    async fn hand_on(&self, message: &OutgoingMessage, stop: Stop<'_>) -> HandedOn {
        announce(message);
        self.0.hand_on(message, stop).await
    }

    async fn close(&self) {
        self.0.close().await;
    }
}
