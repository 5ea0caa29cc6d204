-- 0026_keep_heartbeat.sql
-- When a server last wrote that it was there: replicas read in their copy how old that is, which proves that all
-- that was committed before has been copied. The table has one row, or none as long as no server writes it.
-- Nothing to backfill: the first heartbeat makes the row.

CREATE TABLE heartbeat (
    place INTEGER PRIMARY KEY CHECK (place = 1),
    at TEXT NOT NULL
);
