//! What comes back through Amazon: SES events, whether they come over SNS or out of an SQS queue.

pub mod cost;
pub mod emf;
pub mod ingest;
pub mod ses_event;
pub mod sns;
pub mod sqs;
