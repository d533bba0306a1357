-- Endpoints that hear what becomes of notifications.
CREATE TABLE webhooks (
    seq              INTEGER PRIMARY KEY AUTOINCREMENT,
    id               BLOB NOT NULL UNIQUE,
    url              TEXT NOT NULL,
    events           INTEGER NOT NULL, -- One bit an event (src/codes.rs), none for everything.
    description      TEXT NOT NULL,
    secret           TEXT NOT NULL,
    old_secret       TEXT,
    old_secret_until INTEGER,
    created_at       INTEGER NOT NULL,
    disabled_at      INTEGER,
    disabled_reason  INTEGER,
    failing_since    INTEGER,
    last_success_at  INTEGER,
    last_failure_at  INTEGER,
    lost_calls       INTEGER NOT NULL,
    pending_calls    INTEGER NOT NULL,
    cursor           INTEGER NOT NULL, -- The last change that it was looked through for.
    hasten           INTEGER NOT NULL  -- Whether calls that failed are to be made due.
) STRICT;

-- What became of notifications, as far as anybody outside may want to know. Written only while there is an endpoint.
CREATE TABLE changes (
    n                INTEGER PRIMARY KEY AUTOINCREMENT,
    at               INTEGER NOT NULL,
    notification_seq INTEGER NOT NULL,
    entry            INTEGER NOT NULL, -- timeline.n
    event            INTEGER NOT NULL,
    status           INTEGER NOT NULL
) STRICT;
CREATE INDEX changes_by_at ON changes (at);

-- Which changes are still to be told to which endpoint.
-- States: 0 behind an earlier change of the same notification, 1 waiting, 2 in hand until `due_at`.
-- The earliest of a notification is never in state 0.
CREATE TABLE webhook_calls (
    webhook_seq      INTEGER NOT NULL,
    change_n         INTEGER NOT NULL,
    notification_seq INTEGER NOT NULL,
    attempts         INTEGER NOT NULL,
    due_at           INTEGER NOT NULL,
    state            INTEGER NOT NULL,
    hastened         INTEGER NOT NULL,
    PRIMARY KEY (webhook_seq, change_n)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_calls_by_notification ON webhook_calls (webhook_seq, notification_seq, change_n);
CREATE INDEX webhook_calls_waiting ON webhook_calls (webhook_seq, due_at, change_n) WHERE state = 1;
CREATE INDEX webhook_calls_in_hand ON webhook_calls (webhook_seq, due_at, change_n) WHERE state = 2;

-- Deleted endpoints whose calls are still to be cleared away.
CREATE TABLE webhook_leftovers (
    webhook_seq INTEGER PRIMARY KEY
) STRICT;
