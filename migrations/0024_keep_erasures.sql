-- 0024_keep_erasures.sql
-- Whose personal data was erased, when, and which columns: the proof that it was done, and why changes up to
-- `through` tell less than they did. It holds no personal data: of the actor only its ChittyID.
-- Nothing to backfill: nothing was erased so far.

CREATE TABLE erasures (
    erasure INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    -- The erased columns of actors, a JSON list.
    columns TEXT NOT NULL,
    -- The last change that was there: those of the actor up to it were rewritten.
    through INTEGER NOT NULL,
    -- How many rows were rewritten, a JSON object by table.
    rows TEXT NOT NULL
);

-- Serves what is known of an actor's erasures.
CREATE INDEX erasures_by_actor ON erasures (actor, at);
