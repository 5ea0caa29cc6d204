-- 0003_create_actors_table.sql
-- An Actor is a person, an AI agent, a service or a system that owns contexts and opens connections.
-- Nothing to backfill: the table is new.

CREATE TABLE actors (
    chitty_id TEXT NOT NULL PRIMARY KEY,
    actor_type TEXT NOT NULL CHECK (actor_type IN ('human', 'ai', 'service', 'system')),
    display_name TEXT,
    email TEXT,
    avatar_url TEXT,
    capabilities TEXT NOT NULL DEFAULT '[]'
        CHECK (json_valid(capabilities) AND json_type(capabilities) = 'array'),
    chitty_dna_id TEXT,
    chitty_auth_principal_id TEXT,
    last_seen_at TEXT,
    session_count INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'deleted')),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
