-- 0009_keep_server_keys.sql
-- Keys that every worker and every restart must share, such as the one that authenticates page cursors.
-- Nothing to backfill: a key is made when it is first needed.

CREATE TABLE server_keys (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    created_at TEXT NOT NULL
);
