-- 0016_index_installations_of_sources.sql
-- Whoever may not see everything sees the installations that its own connections go through, which are looked
-- for from the sources that are its own. Nothing to backfill.

-- Serves what an ordinary actor sees of installations, and pages under those that it shares with others.
CREATE INDEX connections_from_source_to_installation
    ON connections (source_chitty_id, installation_id, source_type, status)
    WHERE installation_id IS NOT NULL;
