-- 0004_create_connections_table.sql
-- A Connection leads from a context or an actor to a service. credentials_kv_key is a reference, never a secret.
-- The source is in one of two tables, so no foreign key can hold it: the statement that writes a row does.
-- Nothing to backfill: the table is new.

CREATE TABLE connections (
    connection_id TEXT NOT NULL PRIMARY KEY,
    source_chitty_id TEXT NOT NULL,
    source_type TEXT NOT NULL CHECK (source_type IN ('context', 'actor')),
    target_service TEXT NOT NULL,
    target_endpoint TEXT,
    connection_type TEXT NOT NULL DEFAULT 'api'
        CHECK (connection_type IN ('api', 'webhook', 'oauth', 'direct')),
    credentials_kv_key TEXT,
    status TEXT NOT NULL DEFAULT 'active'
        CHECK (status IN ('active', 'inactive', 'failed', 'disconnected')),
    last_health_check TEXT,
    last_error TEXT,
    error_count INTEGER NOT NULL DEFAULT 0,
    request_count INTEGER NOT NULL DEFAULT 0,
    last_used_at TEXT,
    config TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(config) AND json_type(config) = 'object'),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    disconnected_at TEXT
);
