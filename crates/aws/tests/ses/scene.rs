//! A mailer pointed at an endpoint, and what it is given to send.

use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sesv2::config::{Credentials, SharedCredentialsProvider};
use postrider_aws::http_client::{Roots, http_client};
use postrider_aws::ses::{Account, SesConfig, SesMailer};
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::outcome::{AttemptOutcome, Failure};
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::clock::Clock;
use postrider_core::ports::mailer::{Envelope, Mailer as _, OutgoingMessage};
use postrider_testkit::clock::ManualClock;

use postrider_testkit::http_endpoint::{Answer, Endpoint, Script};
use postrider_testkit::ses_answers::outbound;

/// Ample for a loopback exchange on a busy machine.
pub const TIMEOUT_MS: u64 = 20_000;

/// Everything a test of the mailer needs.
pub struct Scene {
    pub endpoint: Endpoint,
    pub account: Arc<Account>,
    pub clock: Arc<ManualClock>,
    pub mailer: SesMailer,
}

pub fn sdk(url: &str) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client(Roots::BuiltIn))
        .endpoint_url(url)
        .build()
}

pub fn config() -> SesConfig {
    SesConfig {
        from: EmailAddress::parse("orders@shop.example").expect("address"),
        configuration_set: Some("shop".to_owned()),
        timeout_ms: TIMEOUT_MS,
    }
}

impl Scene {
    pub async fn start(script: Box<Script>) -> Self {
        Self::with(script, config()).await
    }

    pub async fn with(script: Box<Script>, config: SesConfig) -> Self {
        let endpoint = Endpoint::start(script).await;
        let (sdk, clock) = (sdk(&endpoint.url), Arc::new(ManualClock::default()));
        let account = Arc::new(Account::new(&sdk, 100, Arc::clone(&clock) as Arc<dyn Clock>));
        let mailer = SesMailer::new(&sdk, config, Arc::clone(&account), Arc::clone(&clock) as Arc<dyn Clock>);
        Self { endpoint, account, clock, mailer }
    }

    pub async fn send(&self) -> AttemptOutcome {
        self.mailer.send(&message("ada@example.com"), &mut std::future::pending()).await
    }

    pub async fn failure(&self) -> Failure {
        match self.send().await {
            AttemptOutcome::NotAccepted(failure) => failure,
            other => panic!("not a failure: {other:?}"),
        }
    }
}

/// What a message comes to that is answered with `answer`.
pub async fn failure_of(answer: Answer) -> Failure {
    Scene::start(outbound(vec![answer])).await.failure().await
}

pub fn message(to: &str) -> OutgoingMessage {
    OutgoingMessage {
        notification_id: NotificationId::new(Timestamp::from_millis(1_795_428_000_000), 7),
        attempt: 1,
        envelope: Envelope {
            return_path: EmailAddress::parse("bounces@shop.example").expect("address"),
            recipient: EmailAddress::parse(to).expect("address"),
        },
        message: b"From: orders@shop.example\r\nTo: Ada <ada@example.com>\r\n\r\nHello\r\n".to_vec(),
    }
}

/// What a message comes to that is sent as `sdk` says.
pub async fn failure_at(sdk: &SdkConfig) -> Failure {
    failure_within(sdk, TIMEOUT_MS).await
}

/// The same where a message may take `timeout_ms`.
pub async fn failure_within(sdk: &SdkConfig, timeout_ms: u64) -> Failure {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let account = Arc::new(Account::new(sdk, 100, Arc::clone(&clock)));
    let mailer = SesMailer::new(sdk, SesConfig { timeout_ms, ..config() }, account, clock);
    match mailer.send(&message("ada@example.com"), &mut std::future::pending()).await {
        AttemptOutcome::NotAccepted(failure) => failure,
        other => panic!("not a failure: {other:?}"),
    }
}
