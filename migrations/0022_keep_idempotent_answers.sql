-- 0022_keep_idempotent_answers.sql
-- What mutations answered that came with an Idempotency-Key, for a day: the same request gets the same answer
-- again and writes nothing. Of keys, fields and requests only SHA-256 digests are kept. A viewer is an actor's
-- ChittyID, or empty in open mode. A row whose answer is NULL stands for a request that wrote nothing and has
-- not been answered: whoever comes next may have its place.
-- Nothing to backfill: no answer was kept before.

CREATE TABLE idempotent_answers (
    viewer TEXT NOT NULL,
    key_sha256 TEXT NOT NULL,
    field_sha256 TEXT NOT NULL,
    request_sha256 TEXT NOT NULL,
    -- Random: tells who has the row.
    attempt TEXT NOT NULL,
    kept_at TEXT NOT NULL,
    -- JSON: the capabilities that the viewer held.
    capabilities TEXT NOT NULL,
    has_written INTEGER NOT NULL DEFAULT FALSE,
    -- JSON: the rows that were written, or why nothing was.
    answer TEXT,
    bytes INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (viewer, key_sha256, field_sha256)
);

-- Serves the removal of old answers.
CREATE INDEX idempotent_answers_by_age ON idempotent_answers (kept_at);

-- Serves the limits of a viewer.
CREATE INDEX idempotent_answers_of_viewer ON idempotent_answers (viewer, kept_at, bytes);
