//! The SNS endpoint's parts: whom to believe, and how to say yes to a subscription.

use std::sync::Arc;

use async_trait::async_trait;
use postrider_aws::sns::SnsVerifier;

use crate::body::BodyRoom;

/// Says yes to subscriptions.
#[async_trait]
pub trait SubscriptionConfirmer: Send + Sync {
    /// GETs a URL that [`SnsVerifier`] has checked.
    ///
    /// # Errors
    /// In words, if SNS did not answer with a success.
    async fn confirm(&self, url: &str) -> Result<(), String>;
}

/// What it takes to be an SNS endpoint.
pub struct SnsEndpoint {
    /// Tells SNS from anybody else.
    pub verifier: SnsVerifier,
    /// Room for messages that are being checked. Anybody may post here, and must not take the room of others.
    pub room: BodyRoom,
    /// Says yes to subscriptions of allowed topics.
    pub confirmer: Arc<dyn SubscriptionConfirmer>,
}
