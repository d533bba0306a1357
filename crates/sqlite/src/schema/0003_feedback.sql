-- The best that reports have said (src/codes.rs: truth), which waits here while a sender has the notification.
ALTER TABLE notifications ADD COLUMN reported INTEGER;
ALTER TABLE notifications ADD COLUMN reported_cause TEXT;

-- What a report's entry keeps beyond kind, cause and words.
ALTER TABLE timeline ADD COLUMN report BLOB;
ALTER TABLE timeline ADD COLUMN source INTEGER;
ALTER TABLE timeline ADD COLUMN class INTEGER;
ALTER TABLE timeline ADD COLUMN status_code TEXT;
ALTER TABLE timeline ADD COLUMN occurred_at INTEGER;

-- Whom not to write to. `recipient` is a keyed hash; `address` is gone once the person was erased. Category '' is all.
CREATE TABLE suppressions (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    recipient  BLOB NOT NULL,
    category   TEXT NOT NULL,
    address    TEXT,
    reason     INTEGER NOT NULL,
    source     TEXT NOT NULL,
    since      INTEGER NOT NULL,
    expires_at INTEGER
) STRICT;
CREATE UNIQUE INDEX suppressions_by_recipient ON suppressions (recipient, category);

-- Which messages bounced softly for whom, until they are too old to count.
CREATE TABLE soft_bounces (
    recipient        BLOB NOT NULL,
    notification_seq INTEGER NOT NULL,
    at               INTEGER NOT NULL,
    PRIMARY KEY (recipient, notification_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX soft_bounces_by_age ON soft_bounces (at);

-- Under which id a mail service took which message.
CREATE TABLE provider_ids (
    id               TEXT NOT NULL PRIMARY KEY,
    notification_seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Reports whose message is not known under the mail service's id yet.
CREATE TABLE early_reports (
    seq         INTEGER PRIMARY KEY,
    provider_id TEXT NOT NULL,
    report      BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    source      INTEGER NOT NULL,
    class       INTEGER,
    status_code TEXT,
    diagnostic  TEXT,
    occurred_at INTEGER,
    recipient   TEXT
) STRICT;
CREATE UNIQUE INDEX early_reports_by_id ON early_reports (provider_id, report);
CREATE INDEX early_reports_by_age ON early_reports (received_at);

-- Proves that the secret given at start is the one under which this ledger's keyed hashes were made.
CREATE TABLE secret_mark (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    mark BLOB NOT NULL
) STRICT;
