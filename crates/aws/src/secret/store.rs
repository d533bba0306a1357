//! Fetches secrets, and keeps them for a while.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use futures_util::future::BoxFuture;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{
    AWS_CONNECT_TIMEOUT_MS, SECRET_BYTES_MAX, SECRET_KEPT_MS, SECRET_REREAD_MS_MIN, SECRET_TIMEOUT_MS,
    SECRETS_KEPT_MAX,
};
use postrider_core::ports::clock::Clock;

use super::{SecretReference, SecretText, parameter};
use crate::http_client::Roots;
use crate::sdk::{self, SdkPlace, words_of};

/// Why a secret could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Amazon did not give it.
    #[error(
        "the secret {reference} cannot be read ({code}); check its name and region, and what the credentials allow"
    )]
    Refused {
        /// Which.
        reference: String,
        /// Amazon's code, or what else went wrong.
        code: String,
    },
    /// There is one, and it is not what the reference says.
    #[error("the secret {reference} {what}")]
    Unfit {
        /// Which.
        reference: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// Secrets by reference, each kept for [`SECRET_KEPT_MS`] once it was read.
pub struct Secrets {
    clock: Arc<dyn Clock>,
    sdk: Sdk,
    kept: Mutex<HashMap<SecretReference, (Timestamp, SecretText)>>,
}

/// How Amazon is asked.
enum Sdk {
    /// And whom to believe where something is asked without the SDK.
    Given(SdkConfig, Roots),
    /// Loaded when the first secret is needed: most installations have none here. What loads it is called through a
    /// pointer, so that a program that gives its settings does not carry every way to find them.
    Later(tokio::sync::OnceCell<SdkConfig>, fn() -> BoxFuture<'static, SdkConfig>),
}

impl Sdk {
    async fn get(&self) -> &SdkConfig {
        match self {
            Self::Given(sdk, _) => sdk,
            Self::Later(loaded, load) => loaded.get_or_init(load).await,
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Secrets {
    /// Asks as the environment says: its credentials, its region unless a reference names one.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let load =
            || Box::pin(async { sdk::load(&SdkPlace::default()).await }) as BoxFuture<'static, SdkConfig>;
        Self { clock, sdk: Sdk::Later(tokio::sync::OnceCell::new(), load), kept: Mutex::default() }
    }

    /// The same with settings of one's own.
    #[must_use]
    pub fn with_sdk(sdk: SdkConfig, roots: Roots, clock: Arc<dyn Clock>) -> Self {
        Self { clock, sdk: Sdk::Given(sdk, roots), kept: Mutex::default() }
    }

    fn roots(&self) -> Roots {
        match &self.sdk {
            Sdk::Given(_, roots) => *roots,
            Sdk::Later(..) => Roots::System,
        }
    }

    /// The secret, as it was read not long ago or is now.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn get(&self, reference: &SecretReference) -> Result<SecretText, SecretError> {
        self.younger_than(SECRET_KEPT_MS, reference).await
    }

    /// The secret as it is now, because the one that was kept does not work: it may have been rotated. Asked again and
    /// again, it is read once in [`SECRET_REREAD_MS_MIN`].
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn reread(&self, reference: &SecretReference) -> Result<SecretText, SecretError> {
        self.younger_than(SECRET_REREAD_MS_MIN, reference).await
    }

    async fn younger_than(&self, ms: u64, reference: &SecretReference) -> Result<SecretText, SecretError> {
        let now = self.clock.now();
        let kept = self.kept().get(reference).filter(|(at, _)| now.ms_since(*at) < ms).cloned();
        if let Some((_, secret)) = kept {
            return Ok(secret);
        }
        let secret = self.fetch(reference).await?;
        let mut kept = self.kept();
        if kept.len() >= SECRETS_KEPT_MAX {
            kept.clear();
        }
        kept.insert(reference.clone(), (now, secret.clone()));
        Ok(secret)
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<SecretReference, (Timestamp, SecretText)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, reference: &SecretReference) -> Result<SecretText, SecretError> {
        let sdk = self.sdk.get().await;
        let refused = |code| SecretError::Refused { reference: reference.to_string(), code };
        let unfit = |what| SecretError::Unfit { reference: reference.to_string(), what };
        let region = reference.region().map(|region| Region::new(region.to_owned()));
        let text = match reference {
            SecretReference::SecretsManager { id, json_key } => {
                let mut config =
                    aws_sdk_secretsmanager::config::Builder::from(sdk).timeout_config(timeouts());
                config.set_region(region.or_else(|| sdk.region().cloned()));
                let client = aws_sdk_secretsmanager::Client::from_conf(config.build());
                let answer = client.get_secret_value().secret_id(id).send().await;
                let text = answer.map_err(|error| refused(code_of(&error)))?.secret_string;
                let text = text.ok_or_else(|| unfit("is binary; store it as text"))?;
                match json_key {
                    Some(key) => member(&text, key).map_err(unfit)?,
                    None => text,
                }
            }
            SecretReference::Parameter { name } => {
                let read = parameter::get(sdk, self.roots(), reference.region(), name, self.clock.now());
                let in_time = Duration::from_millis(SECRET_TIMEOUT_MS);
                let late = |_| refused("no answer in time".to_owned());
                tokio::time::timeout(in_time, read).await.map_err(late)?.map_err(refused)?
            }
        };
        if text.is_empty() || text.len() > SECRET_BYTES_MAX {
            return Err(unfit("is empty, or longer than any secret of ours"));
        }
        Ok(SecretText::new(text))
    }
}

/// The text under `key` in the JSON object `text`.
fn member(text: &str, key: &str) -> Result<String, &'static str> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|_| "is no JSON; leave #key away")?;
    match value.get(key) {
        Some(serde_json::Value::String(text)) => Ok(text.clone()),
        Some(_) => Err("has no text under that key"),
        None => Err("has no such key"),
    }
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(AWS_CONNECT_TIMEOUT_MS))
        .operation_timeout(Duration::from_millis(SECRET_TIMEOUT_MS))
        .build()
}

/// The code of a refusal, or what else went wrong.
fn code_of<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.as_service_error() {
        Some(refusal) => refusal.code().unwrap_or("no code").to_owned(),
        None => words_of(error),
    }
}
