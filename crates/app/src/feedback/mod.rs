//! The ways by which reports come in on one machine: a listener for the bounce domain, a queue at Amazon, and what the
//! SNS endpoint needs to know whom to believe.

mod inbox;
mod queue;
mod sns;

use std::net::SocketAddr;
use std::sync::Arc;

use postrider_aws::sqs::{self, AwsQueue};
use postrider_http::state::Api;
use postrider_mail::listener::certificate::{InvalidCertificate, server_config};
use postrider_mail::listener::{InvalidListenerConfig, Listener, ListenerConfig, Protocol};
use postrider_mail::verp::Verp;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use postrider_environment::config::{FeedbackSettings, ListenerSettings};

pub use sns::{SnsError, endpoint};

/// Why reports cannot come in.
#[derive(Debug, thiserror::Error)]
pub enum FeedbackError {
    /// The listener's name cannot work.
    #[error(transparent)]
    Listener(#[from] InvalidListenerConfig),
    /// The listener's certificate cannot be shown.
    #[error("STARTTLS cannot be offered: {0}")]
    Certificate(#[from] InvalidCertificate),
    /// The listener's address cannot be listened on.
    #[error("feedback.listen {listen} cannot be listened on: {reason}")]
    Listen {
        /// Which.
        listen: SocketAddr,
        /// The system's words.
        reason: String,
    },
}

/// What brings reports in, as long as it lives.
pub struct Intake {
    /// Where the bounce listener listens, if there is one.
    pub listening: Option<SocketAddr>,
    tasks: JoinSet<()>,
}

impl Intake {
    /// Starts whatever the settings ask for, until `stop` turns true.
    ///
    /// # Errors
    /// [`FeedbackError`].
    pub async fn start(
        settings: &FeedbackSettings,
        api: &Api,
        return_paths: Option<&Arc<Verp>>,
        stop: &watch::Receiver<bool>,
    ) -> Result<Self, FeedbackError> {
        let mut tasks = JoinSet::new();
        let mut listening = None;
        if let (Some(listener), Some(return_paths)) = (&settings.listener, return_paths) {
            let (socket, server) = listen(listener, api, return_paths).await?;
            listening = socket.local_addr().ok();
            let stop = stop.clone();
            tasks.spawn(async move { server.serve(socket, stop).await });
        }
        if let Some(queue) = &settings.sqs {
            let (config, receivers) = (queue.config.clone(), queue.receivers);
            let (handler, random, stop) =
                (queue::Reports::new(api.clone()), Arc::clone(&api.random), stop.clone());
            tasks.spawn(async move {
                let queue = Arc::new(AwsQueue::connect(config).await);
                sqs::poll(queue, Arc::new(handler), random, receivers, stop).await;
            });
        }
        Ok(Self { listening, tasks })
    }

    /// Waits for what is being taken in. The stop signal has been given; the caller bounds the time.
    pub async fn finish(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn listen(
    settings: &ListenerSettings,
    api: &Api,
    return_paths: &Arc<Verp>,
) -> Result<(TcpListener, Listener), FeedbackError> {
    let ListenerSettings { listen, is_lmtp, hostname, certificate } = settings;
    let protocol = if *is_lmtp { Protocol::Lmtp } else { Protocol::Smtp };
    let tls = certificate.as_ref().map(|files| server_config(&files.chain, &files.key)).transpose()?;
    let config = ListenerConfig { protocol, hostname: hostname.clone(), tls };
    let inbox = inbox::BounceInbox::new(api.clone(), Arc::clone(return_paths));
    let server = Listener::new(config, Arc::new(inbox))?;
    let socket = TcpListener::bind(listen)
        .await
        .map_err(|error| FeedbackError::Listen { listen: *listen, reason: error.to_string() })?;
    Ok((socket, server))
}
