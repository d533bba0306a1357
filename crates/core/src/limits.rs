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
/// How long the answer under an `Idempotency-Key` is given again, by our clock: 35 days.
pub const IDEMPOTENCY_KEPT_MS: u64 = 35 * 24 * 60 * 60 * 1000;
/// The longest any source keeps delivering one message again: SQS retention and its dead-letter queue, 28 days.
pub const REDELIVERY_MS_MAX: u64 = 28 * 24 * 60 * 60 * 1000;
/// Expired answers one sweep step forgets.
pub const ANSWERS_FORGOTTEN_MAX: usize = 500;
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
/// Bytes the pointers to those fields may have together; the one that goes beyond is the last.
pub const FIELD_POINTERS_BYTES_MAX: usize = 256 * 1024;
/// Bytes the wrong fields of one batch may have together; beyond, each bad item names only its first.
pub const BATCH_ERRORS_BYTES_MAX: usize = 4 * 1024 * 1024;
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
/// How long the ledger may take to close before the process ends without it.
pub const LEDGER_CLOSE_MS_MAX: u64 = 1_200;
/// Bytes of events that steps waiting for the ledger's writer may hold together.
pub const LEDGER_QUEUE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Connections that read the ledger at the same time.
pub const LEDGER_READERS_MAX: usize = 4;
/// Bytes of event data one claim may carry: what is due beyond it is claimed by the next.
pub const CLAIM_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes of a file of events that is one JSON document and so has to be read whole. One event a line has no such bound.
pub const SEND_DOCUMENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long the server may take to stop after it was told to, whatever hangs.
pub const STOP_MS_MAX: u64 = 9_800;
/// Of this, how long running requests and messages on their way may take.
pub const STOP_DRAIN_MS_MAX: u64 = 8_000;
/// Of this, how long a message on its way may take until it is given back. Healthy ones need less; the rest is for
/// answers to messages that were written whole, and for recording.
pub const STOP_GRACE_MS: u64 = 3_000;
/// Of this, how long saying goodbye to the mail server may take.
pub const STOP_GOODBYE_MS_MAX: u64 = 200;
/// Of this, how long work that nobody waits for any more, such as a write to a slow disk, may take to end.
pub const STOP_REMAINDER_MS_MAX: u64 = 200;

/// Open connections the HTTP server holds.
pub const HTTP_CONNECTIONS_MAX: usize = 1_024;
/// How long a client may take to send its request head.
pub const HTTP_HEAD_TIMEOUT_MS: u64 = 10_000;
/// How long a client may take to send its request body.
pub const HTTP_BODY_TIMEOUT_MS: u64 = 20_000;
/// Bytes of request bodies that may be in hand together, from the first byte read to the answer.
pub const HTTP_BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long a request waits for room for its body before it is refused with 503.
pub const HTTP_BODIES_WAIT_MS_MAX: u64 = 2_000;
/// How long a client may take nothing of an answer that waits for it.
pub const HTTP_WRITE_STALL_MS_MAX: u64 = 20_000;
/// How long a client may take for a whole answer, however steadily it reads.
pub const HTTP_ANSWER_MS_MAX: u64 = 120_000;

/// Notifications remembered during an outage of the mail route, to be sent first when it ends.
pub const HASTENED_MAX: usize = 10_000;
/// Of these, steps of the ledger asked for at once: enough to be committed together, few enough to stop quickly.
pub const HASTENING_MAX: usize = 64;
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
// One client with the largest batches must not keep everybody else out, and permits are counted in 32 bits.
const _: () = assert!(4 * BATCH_BYTES_MAX <= HTTP_BODIES_BYTES_MAX && HTTP_BODIES_BYTES_MAX <= 1 << 31);
// Whoever waits for room must be answered before a slow body in front of it is given up.
const _: () = assert!(HTTP_BODIES_WAIT_MS_MAX < HTTP_BODY_TIMEOUT_MS);
// Hastening after an outage must leave room in the queue for everybody else.
const _: () = assert!(HASTENING_MAX <= LEDGER_QUEUE_MAX / 4);
// What is given back at a stop must still be recorded.
const _: () = assert!(2 * STOP_GRACE_MS < STOP_DRAIN_MS_MAX);
// A stop that goes as it should must be over before it is cut short.
const _: () = assert!(
    STOP_DRAIN_MS_MAX + STOP_GOODBYE_MS_MAX + LEDGER_CLOSE_MS_MAX + STOP_REMAINDER_MS_MAX < STOP_MS_MAX
);
const _: () = assert!(HTTP_WRITE_STALL_MS_MAX < HTTP_ANSWER_MS_MAX);
// A source that delivers a message again must find the answer to its first delivery.
const _: () = assert!(IDEMPOTENCY_KEPT_MS > REDELIVERY_MS_MAX);
// Both bodies, tripled by quoted-printable and with a twentieth for soft line breaks, must fit a message.
const _: () = assert!(2 * RENDERED_BODY_BYTES_MAX / 20 * 63 < MESSAGE_BYTES_MAX);
