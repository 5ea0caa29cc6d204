-- 0014_keep_api_keys.sql
-- API keys: what an actor proves itself with. Of the secret, which is 256 random bits, only the SHA-256 is kept;
-- last_used_on is a day, so that a key which is used all the time is written once a day.
-- Nothing to backfill: there were no keys before.

CREATE TABLE api_keys (
    key_id TEXT NOT NULL PRIMARY KEY,
    actor_chitty_id TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL,
    label TEXT,
    created_at TEXT NOT NULL,
    expires_at TEXT,
    last_used_on TEXT,
    revoked_at TEXT
);

-- Serves `keys list --actor`.
CREATE INDEX api_keys_of_actor ON api_keys (actor_chitty_id, created_at);
