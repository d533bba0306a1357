//! Amazon: the SES mailer and its account, SES events, whether they come over SNS or out of an SQS queue.

pub mod cost;
pub mod emf;
pub mod http_client;
pub mod ingest;
pub mod sdk;
pub mod secret;
pub mod ses;
pub mod ses_event;
pub mod sns;
pub mod sqs;
