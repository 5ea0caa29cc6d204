-- 0025_keep_writes_over_http.sql
-- The transactions that came over HTTP to an engine that has several machines: each is recorded by itself, under
-- an identifier of its own. Sent twice, since its answer was lost, it conflicts here and is not applied again;
-- and what it wrote can be looked up. A file that one process writes needs none.
-- Nothing to backfill: nothing came over HTTP before.

CREATE TABLE applied_writes (
    -- In the order of commits; a number is never given twice.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Random.
    operation TEXT NOT NULL UNIQUE,
    at TEXT NOT NULL,
    -- Which of its statements have written rows that are returned: "program.statement", each with a space.
    wrote TEXT NOT NULL DEFAULT ''
);
