//! Every bound of the product in one place, and what must hold between them.

mod amazon;
mod budget;

pub use amazon::*;
pub use budget::*;

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
/// Periods one answer of statistics has at most.
pub const STATS_PERIODS_MAX: usize = 400;
/// Notifications that one answer of statistics counts at most, read from a ledger on this machine.
pub const STATS_COUNTED_MAX: usize = 3_000_000;
/// Notifications after which one request to forget a person begins no further one; the next request goes on. Each takes a dozen
/// requests to DynamoDB one after the other, and a gateway waits for 30 s.
pub const ERASE_STEPS_MAX: usize = 100;
/// Notifications of one event's instant, or of one order, that are looked at for what tells of a person too.
pub const ERASE_LOOKED_AT_MAX: usize = 5_000;
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

/// Entries on one notification's timeline beyond which only reports are kept that say more than is known.
pub const TIMELINE_REPORTS_MAX: usize = 200;
/// How long a report is kept whose message is not known under the mail service's id yet: 15 days.
pub const EARLY_REPORT_MS_MAX: u64 = 15 * 24 * 60 * 60 * 1000;
/// Reports kept for one unknown id; half of the places are for reports that establish something.
pub const EARLY_REPORTS_PER_ID_MAX: usize = 32;
/// Reports kept for unknown ids in all; beyond it the oldest go.
pub const EARLY_REPORTS_MAX: usize = 100_000;
/// Bytes of the id a mail service gives a message.
pub const PROVIDER_ID_BYTES_MAX: usize = 128;
/// Soft bounces a configuration may ask to count.
pub const SOFT_BOUNCES_MAX: u32 = 1_000;
/// Bytes of messages to the SNS endpoint that are being checked at the same time.
pub const SNS_BODIES_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of SNS's answer to a confirmation.
pub const SNS_CONFIRMATION_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one mail that is posted as feedback.
pub const FEEDBACK_MESSAGE_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Rows of one CSV file that is imported into the suppression list.
pub const SUPPRESSION_ROWS_MAX: usize = 100_000;
/// Bytes of one of its rows in a file that is imported in parts: far more than any row has, far less than what an
/// unclosed quotation mark would swallow.
pub const SUPPRESSION_ROW_BYTES_MAX: usize = 64 * 1024;
/// Rows that could not be imported, and mails that could not be read, that a command tells one by one as JSON.
pub const IMPORT_FAILURES_TOLD_MAX: usize = 10_000;
/// Entries of the suppression list on one page.
pub const SUPPRESSIONS_PAGE_MAX: usize = 500;

/// Bytes of one SES event: what SNS and SQS can carry.
pub const SES_EVENT_BYTES_MAX: usize = 256 * 1024;
/// Recipients one SES event names: what one SES message can have.
pub const SES_RECIPIENTS_MAX: usize = 50;
/// Bytes of one SNS request: an event whose quotation marks are escaped once more, and the envelope around it.
pub const SNS_BODY_BYTES_MAX: usize = 512 * 1024;
/// How old an SNS message may be. SNS tries an HTTPS endpoint again for an hour at most; the rest is for slow clocks.
pub const SNS_MESSAGE_AGE_MS_MAX: u64 = 2 * 60 * 60 * 1000;
/// How far an SNS message may be ahead of our clock.
pub const SNS_MESSAGE_AHEAD_MS_MAX: u64 = 15 * 60 * 1000;
/// SNS message ids remembered for [`SNS_MESSAGE_AGE_MS_MAX`]; beyond it the oldest go.
pub const SNS_MESSAGES_REMEMBERED_MAX: usize = 100_000;
/// Bytes of one certificate file.
pub const SNS_CERTIFICATE_BYTES_MAX: usize = 64 * 1024;
/// Certificates in one chain, without the root.
pub const SNS_CHAIN_MAX: usize = 4;
/// Signing certificates kept.
pub const SNS_CERTIFICATES_MAX: usize = 16;
/// How long a certificate chain once found good is trusted before it is checked again.
pub const SNS_CHAIN_RECHECK_MS: u64 = 5 * 60 * 1000;
/// How long fetching one certificate file may take.
pub const SNS_FETCH_TIMEOUT_MS: u64 = 5_000;
/// Certificate files fetched within a minute: strangers can make us look for one.
pub const SNS_FETCHES_PER_MINUTE_MAX: usize = 30;
/// Messages one SQS request may bring.
pub const SQS_BATCH_MAX: usize = 10;
/// Receivers a configuration may run on one SQS queue.
pub const SQS_RECEIVERS_MAX: usize = 32;
/// How long SQS holds a request open while the queue is empty.
pub const SQS_WAIT_SECS: u64 = 20;
/// The longest pause after SQS requests that failed.
pub const SQS_PAUSE_MS_MAX: u64 = 60_000;

/// API keys that live at the same time.
pub const API_KEYS_MAX: usize = 100;
/// Revoked API keys that are kept, so that people see what there was; beyond it those revoked first go.
pub const API_KEYS_REVOKED_KEPT_MAX: usize = 20;
/// Characters of an API key's name.
pub const API_KEY_NAME_CHARS_MAX: usize = 64;
/// Requests a second that a configuration may allow a key.
pub const RATE_LIMIT_PER_SECOND_MAX: u32 = 1_000_000;

/// Endpoints that hear what becomes of notifications.
pub const WEBHOOKS_MAX: usize = 50;
/// Bytes of an endpoint's URL.
pub const WEBHOOK_URL_BYTES_MAX: usize = OUTBOUND_URL_CHARS_MAX;
/// Characters of an endpoint's description.
pub const WEBHOOK_DESCRIPTION_CHARS_MAX: usize = 500;
/// Secrets that sign an endpoint's calls at the same time.
pub const WEBHOOK_SECRETS_VALID_MAX: usize = 2;
/// Calls one claim may take.
pub const WEBHOOK_CLAIM_MAX: usize = 256;
/// Changes one step looks through for endpoints that want them, all endpoints together.
pub const WEBHOOK_FAN_OUT_MAX: usize = 500;
/// Calls that may wait for one endpoint. What it would hear beyond them stays in the feed until there is room.
pub const WEBHOOK_CALLS_PENDING_MAX: usize = 100_000;
/// How long changes, and the calls that tell of them, are kept: 30 days.
pub const WEBHOOK_FEED_MS_MAX: u64 = 30 * 24 * 60 * 60 * 1000;
/// Rows one step clears away: changes that are too old, calls of endpoints that are deleted.
pub const WEBHOOK_PRUNE_MAX: usize = 500;
/// Changes one step of a replay looks at.
pub const WEBHOOK_REPLAY_MAX: usize = 500;
/// Waiting calls one step makes due once their endpoint is back.
pub const WEBHOOK_HASTEN_MAX: usize = 500;
/// How long every call to an endpoint must fail before it is disabled: five days.
pub const WEBHOOK_FAILING_MS_MAX: u64 = 5 * 24 * 60 * 60 * 1000;
/// How long every call to an endpoint must have failed for a success to mean that it is back: a minute. Less is one
/// call that fails among others that do not.
pub const WEBHOOK_OUTAGE_MS_MIN: u64 = 60 * 1000;
/// Calls of one endpoint that are on their way at the same time.
pub const WEBHOOK_CALLS_PER_ENDPOINT_MAX: usize = 4;
/// How long after a call's own time a claim on it still holds, for its end to be recorded.
pub const WEBHOOK_LEASE_MARGIN_MS: u64 = 60 * 1000;
/// How long calls on their way may take once the server is told to stop.
pub const WEBHOOK_DRAIN_MS_MAX: u64 = 7_000;
/// Steps of the ledger that one request for a replay makes.
pub const WEBHOOK_REPLAY_STEPS_MAX: usize = 40;
/// How long the secret before may go on signing after a rotation: 30 days.
pub const WEBHOOK_OLD_SECRET_SECS_MAX: u64 = 30 * 24 * 60 * 60;

/// Connections the bounce listener holds.
pub const LISTENER_CONNECTIONS_MAX: usize = 64;
/// Connections the bounce listener holds for one address, an IPv6 address standing for its /64.
pub const LISTENER_CONNECTIONS_PER_PEER_MAX: usize = 32;
/// Bytes of one message the bounce listener takes: a bounce may bring all of ours back, and more.
pub const LISTENER_MESSAGE_BYTES_MAX: usize = MESSAGE_BYTES_MAX + 2 * 1024 * 1024;
/// Bytes of one message that are read at all. What is longer than a message may be is read on and forgotten, so that its
/// sender hears why; up to here.
pub const LISTENER_DRAIN_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Bytes that messages under way hold together.
pub const LISTENER_MEMORY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of one command line with its line end. RFC 5321 §4.5.3.1.4 asks for 512 and the parameters of extensions.
pub const LISTENER_COMMAND_BYTES_MAX: usize = 2 * 1024;
/// Bytes of one line of a message. RFC 5321 §4.5.3.1.6 allows 1,000; programs that write bounces allow more.
pub const LISTENER_LINE_BYTES_MAX: usize = 64 * 1024;
/// Recipients of one message: the least RFC 5321 §4.5.3.1.8 lets a server take.
pub const LISTENER_RECIPIENTS_MAX: usize = 100;
/// Commands refused on one connection before it is ended.
pub const LISTENER_REFUSALS_MAX: usize = 20;
/// Commands on one connection before it is ended.
pub const LISTENER_COMMANDS_MAX: usize = 10_000;
/// How long a client may take for one command: what RFC 5321 §4.5.3.2.7 asks for.
pub const LISTENER_COMMAND_TIMEOUT_MS: u64 = 5 * 60 * 1000;
/// How long a client may fall silent in the middle of a message (RFC 5321 §4.5.3.2.5).
pub const LISTENER_STALL_TIMEOUT_MS: u64 = 3 * 60 * 1000;
/// How long one message may take from DATA to its final dot, however steadily it drips.
pub const LISTENER_DATA_TIMEOUT_MS: u64 = 10 * 60 * 1000;
/// How long a client may leave an answer unread, and a TLS handshake may take.
pub const LISTENER_WRITE_TIMEOUT_MS: u64 = 30_000;
/// How long making a message durable may take before its sender is told to try later.
pub const LISTENER_DELIVERY_TIMEOUT_MS: u64 = 60_000;
/// How long one connection may last before it gets no further command.
pub const LISTENER_SESSION_MS_MAX: u64 = 30 * 60 * 1000;

/// Characters of a URL that we call.
pub const OUTBOUND_URL_CHARS_MAX: usize = 2_048;
/// Addresses of a host that are tried.
pub const OUTBOUND_ADDRESSES_MAX: usize = 8;
/// Names looked up at the same time. A look-up occupies a thread until the resolver gives up.
pub const OUTBOUND_LOOKUPS_MAX: usize = 16;
/// How long it may take to reach a host: look-up, connection and TLS.
pub const OUTBOUND_CONNECT_TIMEOUT_MS: u64 = 5_000;
/// How long a whole call may take.
pub const OUTBOUND_TIMEOUT_MS: u64 = 15_000;
/// Bytes of an answer's head.
pub const OUTBOUND_HEAD_BYTES_MAX: usize = 32 * 1024;
/// Header fields of an answer.
pub const OUTBOUND_HEADERS_MAX: usize = 100;
/// Bytes of the answer to a webhook that are read.
pub const WEBHOOK_ANSWER_BYTES_MAX: usize = 16 * 1024;
/// The longest wait that a webhook's receiver may ask for.
pub const WEBHOOK_RETRY_AFTER_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// Secrets that sign one webhook: the new one, and those not yet retired.
pub const WEBHOOK_SECRETS_MAX: usize = 4;

/// Bytes of a returned message, a complaint or any other mail that are looked at. Reports stand at the beginning.
pub const MAIL_READ_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Levels of parts within parts of one mail.
pub const MIME_DEPTH_MAX: usize = 16;
/// Parts of one mail that are looked at.
pub const MIME_PARTS_MAX: usize = 64;
/// Bytes of one part's header that are looked at.
pub const MIME_HEADER_BYTES_MAX: usize = 64 * 1024;
/// Fields of one header that are looked at.
pub const MIME_FIELDS_MAX: usize = 500;
/// Bytes of one header field's value that are looked at.
pub const MIME_FIELD_BYTES_MAX: usize = 4 * 1024;
/// Bytes of text all parts of one mail may have once they are decoded.
pub const MIME_TEXT_BYTES_MAX: usize = 256 * 1024;
/// Recipients one mail may report about.
pub const MAIL_REPORTS_MAX: usize = 100;

// An accepted batch must fit the writer's queue whatever else waits there, and a claim must fit a group.
const _: () = assert!(BATCH_EVENTS_MAX < LEDGER_QUEUE_MAX);
const _: () = assert!(CLAIM_MAX <= LEDGER_GROUP_MAX && LEDGER_GROUP_MAX <= LEDGER_QUEUE_MAX);
const _: () = assert!(REQUEST_BYTES_MAX < BATCH_BYTES_MAX);
// A whole batch must find room in the queue by bytes as well, and the largest event must fit a claim.
const _: () = assert!(BATCH_BYTES_MAX < LEDGER_QUEUE_BYTES_MAX && REQUEST_BYTES_MAX < CLAIM_BYTES_MAX);
const _: () = assert!(REQUEST_BYTES_MAX < MESSAGE_BYTES_MAX);
// One client with the largest batches must not keep everybody else out, and permits are counted in 32 bits.
const _: () = assert!(4 * BATCH_BYTES_MAX <= HTTP_BODIES_BYTES_MAX && HTTP_BODIES_BYTES_MAX <= 1 << 31);
const _: () = assert!(4 * FEEDBACK_MESSAGE_BYTES_MAX <= HTTP_BODIES_BYTES_MAX);
// What is cut off a mail before it is posted must be nothing that would be looked at.
const _: () = assert!(MAIL_READ_BYTES_MAX <= FEEDBACK_MESSAGE_BYTES_MAX);
// The row of names and one more must fit a part.
const _: () = assert!(2 * SUPPRESSION_ROW_BYTES_MAX < BATCH_BYTES_MAX);
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
const _: () = assert!(TIMELINE_REPORTS_MAX < TIMELINE_ENTRIES_MAX);
// An escaped event and its envelope must fit an SNS request.
const _: () = assert!(2 * SES_EVENT_BYTES_MAX <= SNS_BODY_BYTES_MAX);
// Every endpoint is looked after in each step, and a step's new calls must fit what may wait.
const _: () = assert!(WEBHOOKS_MAX <= WEBHOOK_FAN_OUT_MAX && WEBHOOK_FAN_OUT_MAX < WEBHOOK_CALLS_PENDING_MAX);
const _: () = assert!(WEBHOOK_FAILING_MS_MAX < WEBHOOK_FEED_MS_MAX);
// Whatever the ledger says is valid must be signed with.
const _: () = assert!(WEBHOOK_SECRETS_VALID_MAX <= WEBHOOK_SECRETS_MAX);
// Reading on must go further than taking, a few of the largest messages must fit side by side, and a message must have
// come before its connection ends.
const _: () = assert!(LISTENER_MESSAGE_BYTES_MAX < LISTENER_DRAIN_BYTES_MAX);
const _: () = assert!(4 * LISTENER_MESSAGE_BYTES_MAX <= LISTENER_MEMORY_BYTES_MAX);
const _: () = assert!(LISTENER_DATA_TIMEOUT_MS < LISTENER_SESSION_MS_MAX);
const _: () = assert!(OUTBOUND_CONNECT_TIMEOUT_MS < OUTBOUND_TIMEOUT_MS);
// Each endpoint has a place of its own, so that none waits for another; and stopping does not wait for receivers.
const _: () = assert!(WEBHOOKS_MAX <= CONCURRENCY_MAX && WEBHOOK_CLAIM_MAX <= CONCURRENCY_MAX);
const _: () = assert!(WEBHOOK_DRAIN_MS_MAX < STOP_DRAIN_MS_MAX);

// Messages and types.

/// Characters of a category's name.
pub const CATEGORY_CHARS_MAX: usize = 32;
/// Files that travel with one message.
pub const ATTACHMENTS_MAX: usize = 20;
/// Bytes of all of them together, before they are encoded. Base64 makes a third more of them, and line ends.
pub const ATTACHMENTS_BYTES_MAX: usize = 7 * 1024 * 1024;
/// Characters of one file's name.
pub const ATTACHMENT_NAME_CHARS_MAX: usize = 200;
/// Bytes of one file's media type with its parameters.
pub const ATTACHMENT_TYPE_BYTES_MAX: usize = 200;
/// Bytes of the path by which an event names a file.
pub const ATTACHMENT_PATH_BYTES_MAX: usize = 1024;
/// Header fields that a type or a request may add to a message.
pub const EXTRA_FIELDS_MAX: usize = 20;
/// Bytes of one of them. A line may have 998, the name included (RFC 5322 §2.1.1).
pub const EXTRA_FIELD_BYTES_MAX: usize = 900;
/// Pages of an order's notifications that a guard looks through.
pub const GUARD_PAGES_MAX: usize = 10;
/// Types that one type may wait for, and as many that may make it void.
pub const GUARDED_TYPES_MAX: usize = 20;
/// The longest an e-mail waits for another of its order, in minutes.
pub const GUARD_WAIT_MINUTES_MAX: u64 = 7 * 24 * 60;
/// Recipients of one message without a type; each gets a message of its own.
pub const DIRECT_RECIPIENTS_MAX: usize = 16;
/// Tags of one message without a type.
pub const DIRECT_TAGS_MAX: usize = 16;
/// Characters of a tag's name, and as many of its value.
pub const DIRECT_TAG_CHARS_MAX: usize = 64;

// What is attached must leave room for the bodies that most messages have.
const _: () = assert!(ATTACHMENTS_BYTES_MAX / 57 * 78 + 2 * 128 * 1024 < MESSAGE_BYTES_MAX);
// Each recipient is a notification of one event.
const _: () = assert!(DIRECT_RECIPIENTS_MAX <= NOTIFICATIONS_PER_EVENT_MAX);

// Notification types and what they share.

/// Locales of one notification type, or of the layout.
pub const TYPE_LOCALES_MAX: usize = 64;
/// MJML parts, and as many text parts, of the layout.
pub const LAYOUT_PARTS_MAX: usize = 64;
/// Parts of the layout that include one another.
pub const INCLUDE_DEPTH_MAX: usize = 8;
/// Parts of the layout in one body.
pub const INCLUDES_MAX: usize = 256;
/// Elements of one body inside one another. The shipped ones have about ten.
pub const BODY_DEPTH_MAX: usize = 64;
/// Regional variants of a locale whose conventions one type keeps at hand.
pub const REGIONAL_FORMATS_MAX: usize = 64;
