-- 0021_keep_checkpoint.sql
-- Old changes can be removed. Up to the checkpoint, only the base of each row is left: its last change before the
-- cut, with the cause `prune`, as if the row had been created in that state.
-- Nothing to backfill: no change was removed so far.

CREATE TABLE checkpoint (
    place INTEGER PRIMARY KEY CHECK (place = 1),
    -- The last change that was cut off; changes are retained from the next one on.
    sequence INTEGER NOT NULL,
    -- When that was done.
    at TEXT NOT NULL,
    -- How many changes were removed in all; the others up to `sequence` became bases.
    removed INTEGER NOT NULL,
    -- Of all changes up to `sequence`, as `chittygraph audit export` writes them: the SHA-256 of the digest before
    -- and the next line, begun with nothing.
    digest TEXT NOT NULL
);
