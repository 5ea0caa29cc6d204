-- 0016_index_installations_of_sources.sql
-- Whoever may not see everything sees the installations that its own connections go through: they are
-- looked for from the sources that are its own. Nothing to backfill: an index takes the place of a narrower one.

DROP INDEX IF EXISTS connections_from_context_to_installation;

-- Serves Context.installations, and what an ordinary actor sees of installations.
CREATE INDEX connections_from_source_to_installation
    ON connections (source_chitty_id, installation_id, source_type, status)
    WHERE installation_id IS NOT NULL;
