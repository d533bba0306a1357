//! What comes to the bounce domain.

use std::sync::Arc;

use async_trait::async_trait;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::outcome::Words;
use postrider_http::state::Api;
use postrider_mail::listener::{Delivery, Inbox, ReceivedMail};
use postrider_mail::verp::Verp;

/// Takes mail for our own signed return paths, reads it and records what it says.
pub(super) struct BounceInbox {
    api: Api,
    return_paths: Arc<Verp>,
}

impl BounceInbox {
    pub(super) fn new(api: Api, return_paths: Arc<Verp>) -> Self {
        Self { api, return_paths }
    }
}

#[async_trait]
impl Inbox for BounceInbox {
    fn recipient(&self, address: &str) -> Option<NotificationId> {
        self.return_paths.verify(address)
    }

    async fn deliver(&self, mail: ReceivedMail) -> Delivery {
        let ReceivedMail { recipients, bytes, .. } = mail;
        for id in recipients {
            match self.api.take_message(bytes.clone(), Some(id)).await {
                Ok(taken) => {
                    tracing::info!(notification_id = %id, kind = ?taken.kind, reports = taken.reports.len(), "mail to a return path");
                }
                Err(error) => {
                    // What was recorded before is known when the same mail comes again.
                    tracing::error!(%error, "mail to a return path could not be recorded; its sender keeps it");
                    return Delivery::TryLater(Words::new("4.3.0 cannot be stored now, try again later"));
                }
            }
        }
        Delivery::Accepted
    }
}
