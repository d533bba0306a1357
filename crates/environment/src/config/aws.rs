//! The settings of what is at Amazon: the ledger's table, the queue of events, SES and its suppression list.

use postrider_aws::sdk::SdkPlace;
use postrider_aws::ses::SesConfig;
use postrider_aws::ses::suppressed::Direction;
use postrider_core::limits::{SES_TIMEOUT_MS_MAX, SES_TIMEOUT_MS_MIN};
use postrider_mail::mailers::smtp::SmtpConfig;

use super::feedback::{SqsSettings, read_queue};
use super::load::ConfigError;
use super::reader::Reader;
use super::settings::SenderSettings;

/// Where notifications are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerSettings {
    /// In a file of this machine.
    Sqlite,
    /// In a table that several processes share.
    DynamoDb(DynamoSettings),
}

/// A table at Amazon DynamoDB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamoSettings {
    /// Its name.
    pub table: String,
    /// Where it is.
    pub place: SdkPlace,
}

/// How events come in besides over HTTP.
#[derive(Clone, Debug)]
pub enum IngestSettings {
    /// In no other way.
    Http,
    /// Out of a queue at Amazon SQS.
    Sqs(SqsSettings),
}

/// Amazon SES.
#[derive(Clone, Debug)]
pub struct SesSettings {
    /// How messages are sent.
    pub config: SesConfig,
    /// Where.
    pub place: SdkPlace,
    /// The part of the account's rate that this process takes, in percent.
    pub rate_share_percent: u32,
    /// The mail server that takes over while the account is at fault.
    pub fallback: Option<SmtpConfig>,
}

/// The suppression list of an SES account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorSettings {
    /// Which way entries go.
    pub direction: Direction,
    /// Where the account is.
    pub place: SdkPlace,
}

pub(super) fn read_ledger(read: &Reader<'_>) -> Result<LedgerSettings, ConfigError> {
    let is_dynamodb = read.choice("ledger.kind", &[("sqlite", false), ("dynamodb", true)])?.unwrap_or(false);
    if !is_dynamodb {
        return Ok(LedgerSettings::Sqlite);
    }
    let Some(table) = read.text("ledger.table") else {
        return Err(read.invalid("ledger.table", "must be set where ledger.kind is dynamodb"));
    };
    // DynamoDB's own rule for names, so that a wrong one is told here and not by the first request.
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | b'/');
    if !table.bytes().all(fits) {
        return Err(read.invalid("ledger.table", "must be the name or the ARN of a DynamoDB table"));
    }
    let place =
        SdkPlace { region: read.text("ledger.region"), endpoint_url: read.url("ledger.endpoint_url")? };
    Ok(LedgerSettings::DynamoDb(DynamoSettings { table, place }))
}

pub(super) fn read_ingest(read: &Reader<'_>) -> Result<IngestSettings, ConfigError> {
    let is_sqs = read.choice("ingest.kind", &[("http", false), ("sqs", true)])?.unwrap_or(false);
    let queue = read_queue(read, "ingest")?;
    if !is_sqs {
        return Ok(IngestSettings::Http);
    }
    let Some(queue) = queue else {
        return Err(read.invalid("ingest.sqs_queue_url", "must be set where ingest.kind is sqs"));
    };
    Ok(IngestSettings::Sqs(queue))
}

fn ses_place(read: &Reader<'_>) -> Result<SdkPlace, ConfigError> {
    Ok(SdkPlace {
        region: read.text("mailer.ses.region"),
        endpoint_url: read.url("mailer.ses.endpoint_url")?,
    })
}

pub(super) fn read_ses(
    read: &Reader<'_>,
    sender: &SenderSettings,
    fallback: Option<SmtpConfig>,
) -> Result<SesSettings, ConfigError> {
    if sender.is_default {
        return Err(
            read.invalid("sender.from", "must be set when messages really leave: the default is an example")
        );
    }
    let (min, max) = (SES_TIMEOUT_MS_MIN / 1000, SES_TIMEOUT_MS_MAX / 1000);
    let config = SesConfig {
        from: sender.from.clone(),
        configuration_set: read.text("mailer.ses.configuration_set"),
        timeout_ms: read.number("mailer.ses.timeout_secs", 30, min, max)? * 1000,
    };
    Ok(SesSettings {
        config,
        place: ses_place(read)?,
        rate_share_percent: read.number_u32("mailer.ses.rate_share", 100, 1, 100)?,
        fallback,
    })
}

pub(super) fn read_mirror(read: &Reader<'_>) -> Result<Option<MirrorSettings>, ConfigError> {
    let place = ses_place(read)?;
    let directions = [
        ("off", None),
        ("to", Some(Direction::To)),
        ("from", Some(Direction::From)),
        ("both", Some(Direction::Both)),
    ];
    let direction = read.choice("suppression.ses_mirror", &directions)?.flatten();
    Ok(direction.map(|direction| MirrorSettings { direction, place }))
}
