//! Every bound of the product in one place, and what must hold between them.

/// Bytes of one request body, unless the configuration says less.
pub const REQUEST_BYTES_MAX: usize = 256 * 1024;
/// Events in one batch request.
pub const BATCH_EVENTS_MAX: usize = 500;
/// Bytes of one batch body. Each of its events is still held to [`REQUEST_BYTES_MAX`].
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Levels of arrays and objects in an event.
pub const JSON_DEPTH_MAX: usize = 64;
/// Characters of one JSON number.
pub const JSON_NUMBER_CHARS_MAX: usize = 64;
/// Decimal exponent of one JSON number: far beyond any price, far below what makes a parser allocate.
pub const JSON_NUMBER_EXPONENT_MAX: i64 = 64;

/// Characters of an event id, source, type, correlation id or locale.
pub const LABEL_CHARS_MAX: usize = 255;
/// Characters of an `Idempotency-Key`.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// How far ahead `sendAt` may lie: 400 days.
pub const SEND_AT_AHEAD_MS_MAX: u64 = 400 * 24 * 60 * 60 * 1000;

/// Notification types that answer one event.
pub const NOTIFICATIONS_PER_EVENT_MAX: usize = 16;
/// Bytes of one rendered message.
pub const MESSAGE_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Bytes one body of a message may have before it is encoded for transport. Quoted-printable can triple it.
pub const RENDERED_BODY_BYTES_MAX: usize = 3 * 512 * 1024;
/// Characters of a rendered subject or display name; what is longer is cut, with an ellipsis.
pub const HEADER_TEXT_CHARS_MAX: usize = 255;
/// Template instructions one rendering may execute.
pub const RENDER_FUEL_MAX: u64 = 1_000_000;
/// Wrong fields one answer names.
pub const FIELD_ERRORS_MAX: usize = 500;
/// Notification types a server loads.
pub const NOTIFICATION_TYPES_MAX: usize = 256;
/// Bytes of one file of a notification type.
pub const TYPE_FILE_BYTES_MAX: usize = 1024 * 1024;
/// Samples of one notification type.
pub const TYPE_SAMPLES_MAX: usize = 64;
/// Bytes of the server's words kept with an attempt.
pub const REPLY_WORDS_BYTES_MAX: usize = 500;
/// Entries of one notification's timeline that an answer shows.
pub const TIMELINE_ENTRIES_MAX: usize = 1_000;

/// Notifications one claim may take.
pub const CLAIM_MAX: usize = 256;
/// Expired leases and unjudged outcomes one sweep step handles.
pub const SWEEP_MAX: usize = 500;
/// Notifications on one page of a listing.
pub const PAGE_MAX: usize = 100;
/// Notifications a page may look at before it answers with what it has and a cursor.
pub const PAGE_SCAN_MAX: usize = 20_000;
/// Dead letters one redrive request may move.
pub const REDRIVE_MAX: usize = 1_000;
/// Distinct causes in a grouped dead-letter listing.
pub const DEAD_LETTER_GROUPS_MAX: usize = 200;

/// Attempts a configuration may ask for.
pub const ATTEMPTS_MAX: u32 = 100;
/// Steps the ledger's writer may have waiting before it refuses with 503.
pub const LEDGER_QUEUE_MAX: usize = 2_048;
/// Steps committed together at most.
pub const LEDGER_GROUP_MAX: usize = 1_024;
/// How long a step waits for the ledger before it is refused with 503.
pub const LEDGER_WAIT_MS_MAX: u64 = 5_000;
/// Bytes of events that steps waiting for the ledger's writer may hold together.
pub const LEDGER_QUEUE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Connections that read the ledger at the same time.
pub const LEDGER_READERS_MAX: usize = 4;
/// Bytes of event data one claim may carry: what is due beyond it is claimed by the next.
pub const CLAIM_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Open connections the HTTP server holds.
pub const HTTP_CONNECTIONS_MAX: usize = 1_024;
/// How long a client may take to send its request head.
pub const HTTP_HEAD_TIMEOUT_MS: u64 = 10_000;
/// How long a client may take to send its request body.
pub const HTTP_BODY_TIMEOUT_MS: u64 = 20_000;

/// Notifications remembered during an outage of the mail route, to be sent first when it ends.
pub const HASTENED_MAX: usize = 10_000;
/// Concurrent deliveries a configuration may ask for.
pub const CONCURRENCY_MAX: usize = 512;

/// Connections to one mail server a configuration may ask for. A delivery uses one, so more would idle.
pub const SMTP_CONNECTIONS_MAX: usize = CONCURRENCY_MAX;
/// The longest a configuration may let one SMTP command take: twice the longest of RFC 5321 §4.5.3.2.
pub const SMTP_TIMEOUT_MS_MAX: u64 = 20 * 60 * 1000;
/// Bytes of one SMTP reply, all its lines together. RFC 5321 §4.5.3.1.5 allows 512 a line.
pub const SMTP_REPLY_BYTES_MAX: usize = 8 * 1024;
/// Lines of one SMTP reply.
pub const SMTP_REPLY_LINES_MAX: usize = 100;
/// Messages one SMTP connection carries before it is replaced.
pub const SMTP_MESSAGES_PER_CONNECTION_MAX: u32 = 1_000;
/// How long an SMTP connection may lie idle and still be used again.
pub const SMTP_IDLE_MS_MAX: u64 = 30_000;
/// Addresses of a mail server's host name that are tried.
pub const SMTP_ADDRESSES_MAX: usize = 8;

// An accepted batch must fit the writer's queue whatever else waits there, and a claim must fit a group.
const _: () = assert!(BATCH_EVENTS_MAX < LEDGER_QUEUE_MAX);
const _: () = assert!(CLAIM_MAX <= LEDGER_GROUP_MAX && LEDGER_GROUP_MAX <= LEDGER_QUEUE_MAX);
const _: () = assert!(REQUEST_BYTES_MAX < BATCH_BYTES_MAX);
// A whole batch must find room in the queue by bytes as well, and the largest event must fit a claim.
const _: () = assert!(BATCH_BYTES_MAX < LEDGER_QUEUE_BYTES_MAX && REQUEST_BYTES_MAX < CLAIM_BYTES_MAX);
const _: () = assert!(REQUEST_BYTES_MAX < MESSAGE_BYTES_MAX);
// Both bodies, tripled by quoted-printable and with a twentieth for soft line breaks, must fit a message.
const _: () = assert!(2 * RENDERED_BODY_BYTES_MAX / 20 * 63 < MESSAGE_BYTES_MAX);
