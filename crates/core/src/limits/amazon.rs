//! Amazon's services, and senders that live for one invocation there.

use super::REQUEST_BYTES_MAX;

/// How long connecting to one of Amazon's services may take, TLS included, unless less is left. Clients share their
/// connections where they would wait equally long.
pub const AWS_CONNECT_TIMEOUT_MS: u64 = 3_000;
/// How long a request to SES that sends nothing may take: what is known of the account, of an identity, of its
/// suppression list.
pub const SES_LOOK_TIMEOUT_MS: u64 = 5_000;
/// The shortest and the longest that a configuration may let SES take for one message.
pub const SES_TIMEOUT_MS_MIN: u64 = 1_000;
/// See [`SES_TIMEOUT_MS_MIN`].
pub const SES_TIMEOUT_MS_MAX: u64 = 120_000;
/// How long what SES said about the account is believed while all is well.
pub const SES_ACCOUNT_FRESH_MS: u64 = 60_000;
/// How long it is believed while sending is paused, or the daily quota is nearly used.
pub const SES_ACCOUNT_FRESH_MS_MIN: u64 = 10_000;
/// How long what SES said about the sender's identity is believed.
pub const SES_IDENTITY_FRESH_MS: u64 = 60_000;
/// Identities one sender's address may fall under: itself, its domain and the domains above it.
pub const SES_IDENTITIES_MAX: usize = 5;

/// How long a change of the account's suppression list may take, tries together.
pub const SES_LIST_TIMEOUT_MS: u64 = 20_000;
/// Between two requests of one pass over it: SES lets an account make one a second of each kind.
pub const SES_REQUEST_GAP_MS: u64 = 1_000;
/// Between two passes.
pub const SES_MIRROR_PAUSE_MS: u64 = 5 * 60 * 1000;
/// Entries of the account's suppression list on one page.
pub const SES_LIST_PAGE: usize = 1_000;
/// Pages of the account's suppression list that one pass looks at.
pub const SES_LIST_PAGES_MAX: usize = 1_000;
/// Entries that one pass puts on the account's suppression list.
pub const SES_PUTS_PER_PASS_MAX: usize = 10_000;
/// How long a mailer whose account is at fault is left alone at first, while another takes over.
pub const FALLBACK_PAUSE_MS_MIN: u64 = 30_000;
/// How long at most, after probes that failed.
pub const FALLBACK_PAUSE_MS_MAX: u64 = 300_000;

/// How long reading one secret may take.
pub const SECRET_TIMEOUT_MS: u64 = 10_000;
/// How long a secret that was read is kept.
pub const SECRET_KEPT_MS: u64 = 15 * 60 * 1000;
/// How old a secret that does not work must be to be read again.
pub const SECRET_REREAD_MS_MIN: u64 = 30_000;
/// Secrets that are kept; an installation has a handful.
pub const SECRETS_KEPT_MAX: usize = 64;
/// Bytes of the answer that brings a parameter.
pub const SECRET_ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a secret.
pub const SECRET_BYTES_MAX: usize = 4 * 1024;

// A message must not be given up before its connection is.
const _: () = assert!(AWS_CONNECT_TIMEOUT_MS < SES_LOOK_TIMEOUT_MS);

// A sender that lives for one invocation: takes events from a queue, or what is due, and must be done by a deadline.

/// How long after the mailer's own deadline the lease of such a sender still holds.
pub const DISPATCH_LEASE_MARGIN_MS: u64 = 60_000;
/// What must be left of its time, besides the mailer's, for a message to be sent: recording what came of it.
pub const DISPATCH_RECORD_MS: u64 = 1_000;
/// Of its time, what is kept for the answer to whoever invoked it.
pub const DISPATCH_ANSWER_MS: u64 = 500;
/// The longest pause between two tries to record what came of an attempt.
pub const DISPATCH_PAUSE_MS_MAX: u64 = 1_000;
/// Bytes of one queue message: an event whose quotation marks are escaped once more, and the envelope around it.
pub const QUEUE_MESSAGE_BYTES_MAX: usize = 2 * REQUEST_BYTES_MAX + 64 * 1024;
/// Wrong fields a log line about an event names.
pub const LOGGED_FIELDS_MAX: usize = 20;
/// Values of one metric in one line of embedded metrics; CloudWatch takes no more.
pub const METRIC_VALUES_MAX: usize = 100;
/// Passes over what was left behind that one sweep makes before it sends what is due.
pub const SWEEP_PASSES_MAX: usize = 20;

// What was sent must be recorded before its lease runs out.
const _: () = assert!(DISPATCH_RECORD_MS + DISPATCH_ANSWER_MS < DISPATCH_LEASE_MARGIN_MS);

// The ledger in DynamoDB.

/// How long one call to DynamoDB may take until it is given up and made again.
pub const DYNAMODB_CALL_MS_MAX: u64 = 2_000;
/// How often one call to DynamoDB is made before its step is refused with 503.
pub const DYNAMODB_CALLS_MAX: u32 = 6;
/// How often one step begins anew because somebody else wrote what it had read.
pub const DYNAMODB_STEPS_MAX: u32 = 40;
/// The longest pause before a call or a step is repeated.
pub const DYNAMODB_PAUSE_MS_MAX: u64 = 400;
/// Items of claims in hand that a process remembers, so that it need not read them to finish them.
pub const DYNAMODB_CLAIMS_REMEMBERED_MAX: usize = 256;
/// How long what is known of webhooks' endpoints together is believed: whether there is any to tell.
pub const DYNAMODB_ENDPOINTS_SEEN_MS: u64 = 1_000;
/// Calls of one step that are under way at the same time.
pub const DYNAMODB_CALLS_AT_ONCE_MAX: usize = 16;
/// Notifications one page of a listing looks at in DynamoDB, where each of them is read by itself.
pub const DYNAMODB_LISTED_MAX: usize = 2_000;
/// Notifications that one answer of statistics counts at most in DynamoDB, for the same reason: some 5,100 read units.
pub const DYNAMODB_STATS_MAX: usize = 10_000;
/// Entries of one partition that are counted, and dead letters that are grouped, at most.
pub const DYNAMODB_COUNTED_MAX: usize = 10_000;
