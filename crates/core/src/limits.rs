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

/// Open connections the HTTP server holds.
pub const HTTP_CONNECTIONS_MAX: usize = 1_024;
/// How long a client may take to send its request head.
pub const HTTP_HEAD_TIMEOUT_MS: u64 = 10_000;
/// How long a client may take to send its request body.
pub const HTTP_BODY_TIMEOUT_MS: u64 = 20_000;

/// Concurrent deliveries a configuration may ask for.
pub const CONCURRENCY_MAX: usize = 512;

// An accepted batch must fit the writer's queue whatever else waits there, and a claim must fit a group.
const _: () = assert!(BATCH_EVENTS_MAX < LEDGER_QUEUE_MAX);
const _: () = assert!(CLAIM_MAX <= LEDGER_GROUP_MAX && LEDGER_GROUP_MAX <= LEDGER_QUEUE_MAX);
const _: () = assert!(REQUEST_BYTES_MAX < BATCH_BYTES_MAX);
const _: () = assert!(REQUEST_BYTES_MAX < MESSAGE_BYTES_MAX);
