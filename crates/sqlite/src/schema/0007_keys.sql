-- API keys: who may ask. Of a key that was revoked the row stays for a while; once there was a key, there is always a row.
CREATE TABLE api_keys (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         BLOB NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    scopes     INTEGER NOT NULL, -- One bit a scope (core/src/domain/api_key).
    hash       BLOB NOT NULL,    -- SHA-256 of the token, which is kept nowhere.
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
