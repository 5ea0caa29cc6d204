-- 0023_keep_outgoing_webhooks.sql
-- An outgoing webhook is a URL that gets the changes that its filter selects, in order. The secret signs them, so
-- it is kept as it is. `position` is the sequence of the last change that is settled: delivered, given up or not
-- selected. `attempts` and the columns after it are about the next one. A worker delivers only while it holds
-- the lease. A delivery is what became of one change at one webhook.
-- Nothing to backfill: there were no outgoing webhooks before.

CREATE TABLE outgoing_webhooks (
    webhook_id TEXT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    filter TEXT NOT NULL CHECK (json_valid(filter)),
    secret TEXT NOT NULL,
    -- NULL: made in open mode, with the rights of the server itself.
    creator_chitty_id TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    -- NULL: not paused.
    paused_because TEXT CHECK (paused_because IN ('requested', 'rights_lost', 'gone', 'changes_pruned')),
    paused_at TEXT,
    position INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    failing_since TEXT,
    next_attempt_at TEXT,
    last_attempt_at TEXT,
    last_success_at TEXT,
    last_error TEXT,
    lease_holder TEXT,
    lease_until TEXT
);

CREATE TABLE outgoing_deliveries (
    webhook_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('delivered', 'failing', 'dead', 'replaying')),
    attempts INTEGER NOT NULL,
    first_attempt_at TEXT NOT NULL,
    last_attempt_at TEXT NOT NULL,
    response_status INTEGER,
    error TEXT,
    -- The beginning of the body of a response that was no success.
    excerpt TEXT,
    milliseconds INTEGER,
    PRIMARY KEY (webhook_id, sequence)
) WITHOUT ROWID;

-- Serves pages of the deliveries with one status, the next one to replay, and the removal of the oldest.
CREATE INDEX outgoing_deliveries_by_status ON outgoing_deliveries (webhook_id, status, sequence);
