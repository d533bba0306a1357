-- Facts as they arrived. Written once, never changed; large.
CREATE TABLE events (
    seq            INTEGER PRIMARY KEY,
    id             TEXT NOT NULL,
    source         TEXT,
    event_type     TEXT NOT NULL,
    data           TEXT NOT NULL,
    correlation_id TEXT,
    locale         TEXT
) STRICT;

-- One row a notification, narrow because it is rewritten at every claim and finish.
-- `seq` is the leading 63 bits of the id, so that rows lie in the order of acceptance and no index on ids is needed.
CREATE TABLE notifications (
    seq               INTEGER PRIMARY KEY,
    id                BLOB NOT NULL,
    event_seq         INTEGER NOT NULL,
    notification_type TEXT NOT NULL,
    business_key      BLOB NOT NULL,
    data_fingerprint  BLOB NOT NULL,
    to_address        TEXT NOT NULL,
    order_id          TEXT,
    priority          INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    send_at           INTEGER,
    -- What changes:
    updated_at        INTEGER NOT NULL,
    status            INTEGER NOT NULL,
    due_at            INTEGER,
    fence             INTEGER NOT NULL,
    attempts          INTEGER NOT NULL,
    cause             TEXT,
    entries           INTEGER NOT NULL,
    -- The leading 32 bits of fingerprints, so that the indexes over unordered values stay small:
    key_hash          INTEGER NOT NULL,
    to_hash           INTEGER NOT NULL,
    order_hash        INTEGER -- Only if the business key cannot be made from type and order (src/queries/order.rs).
) STRICT;

CREATE INDEX notifications_by_key ON notifications (key_hash);
CREATE INDEX notifications_by_recipient ON notifications (to_hash);
CREATE INDEX notifications_by_order ON notifications (order_hash) WHERE order_hash IS NOT NULL;

-- Every type that a notification has had.
CREATE TABLE notification_types (
    name TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Status codes: 0 queued, 1 sending, 2 deferred, 3 sent, 4 delivered, 5 bounced, 6 complained, 7 failed, 8 dead,
-- 9 suppressed, 10 held, 11 canceled, 12 unknown (src/codes.rs).
CREATE INDEX notifications_waiting ON notifications (priority, due_at) WHERE status IN (0, 2);
CREATE INDEX notifications_watched ON notifications (status, due_at) WHERE status IN (1, 12);
CREATE INDEX notifications_dead ON notifications (cause, created_at) WHERE status IN (7, 8, 10);
CREATE INDEX notifications_exceptional ON notifications (seq) WHERE status IN (5, 6, 7, 8, 9, 10, 11, 12);

-- One row a finished attempt, intervention or judgement; with the means to show the message again if it may have left.
CREATE TABLE timeline (
    notification_seq    INTEGER NOT NULL,
    n                   INTEGER NOT NULL,
    at                  INTEGER NOT NULL,
    kind                INTEGER NOT NULL,
    attempt             INTEGER,
    claimed_at          INTEGER,
    mailer              TEXT,
    cause               TEXT,
    words               TEXT,
    rendition           BLOB,
    composed_at         INTEGER,
    message_fingerprint BLOB,
    signature           TEXT,
    PRIMARY KEY (notification_seq, n)
) STRICT, WITHOUT ROWID;

-- How many notifications have each status, kept so that nobody ever counts rows.
CREATE TABLE status_counts (
    status INTEGER PRIMARY KEY,
    count  INTEGER NOT NULL
) STRICT;

-- Answers given under idempotency keys.
CREATE TABLE answers (
    key        BLOB NOT NULL PRIMARY KEY,
    request    BLOB NOT NULL,
    status     INTEGER NOT NULL,
    body       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What messages are made of, by content.
CREATE TABLE renditions (
    id     BLOB NOT NULL PRIMARY KEY,
    bundle BLOB NOT NULL
) STRICT;

-- Written by the readiness probe.
CREATE TABLE heartbeat (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at  INTEGER NOT NULL
) STRICT;
