-- 0008_keep_webhook_deliveries.sql
-- A delivery is what GitHub sent once, known by its body and event: a redelivery only counts up `times`.
-- A fact is the newest known value of one aspect of an installation and since when it holds. Late and
-- replayed events are decided by it: the later instant wins, and at the same instant the higher rank.
-- Nothing to backfill: no delivery was kept before.

CREATE TABLE webhook_deliveries (
    body_sha256 TEXT NOT NULL,
    event TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    action TEXT,
    installation_id INTEGER,
    outcome TEXT NOT NULL,
    received_at TEXT NOT NULL,
    last_received_at TEXT NOT NULL,
    times INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (body_sha256, event)
);

CREATE TABLE installation_facts (
    installation_id INTEGER NOT NULL,
    aspect TEXT NOT NULL,
    at TEXT NOT NULL,
    rank INTEGER NOT NULL,
    value TEXT NOT NULL CHECK (json_valid(value)),
    PRIMARY KEY (installation_id, aspect)
) WITHOUT ROWID;
