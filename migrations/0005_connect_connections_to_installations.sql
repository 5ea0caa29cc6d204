-- 0005_connect_connections_to_installations.sql
-- A connection to GitHub goes through an installation. NULL means it goes through none.
-- Existing rows stay NULL: nothing stored before says which installation they use.

ALTER TABLE connections ADD COLUMN installation_id INTEGER REFERENCES installations (installation_id);

-- Serves Installation.connections: one installation's rows, newest first, ties by id.
CREATE INDEX connections_by_installation
    ON connections (installation_id, created_at, connection_id)
    WHERE installation_id IS NOT NULL;

-- Serves Context.installations: the installations that one context's live connections go through.
-- The last two columns repeat the condition, without which SQLite would look each link up in the table.
CREATE INDEX connections_from_context_to_installation
    ON connections (source_chitty_id, installation_id, source_type, status)
    WHERE installation_id IS NOT NULL AND source_type = 'context' AND status <> 'disconnected';

-- Serves Installation.contexts: the same links, walked from the other end.
CREATE INDEX connections_from_installation_to_context
    ON connections (installation_id, source_chitty_id, source_type, status)
    WHERE installation_id IS NOT NULL AND source_type = 'context' AND status <> 'disconnected';
