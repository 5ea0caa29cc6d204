-- 0001_create_contexts_table.sql
-- A Context is a named piece of work that an actor owns. A deleted one stays, with deleted_at set.
-- Nothing to backfill: the table is new.

CREATE TABLE contexts (
    chitty_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    owner_chitty_id TEXT NOT NULL REFERENCES actors (chitty_id),
    data TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(data) AND json_type(data) = 'array'),
    systems TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(systems) AND json_type(systems) = 'array'),
    tools TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tools) AND json_type(tools) = 'array'),
    chitty_dna_id TEXT,
    chitty_chronicle_timeline_id TEXT,
    status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'deleted')),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    deleted_at TEXT
);
