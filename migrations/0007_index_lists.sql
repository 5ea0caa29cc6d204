-- 0007_index_lists.sql
-- Every list and relation page walks an index that ends in the primary key, either way, and never sorts.
-- Nothing to backfill. There is none on a status or type alone: the planner would use it and then sort.

-- Serves Query.actors in its default order, and by CREATED_AT.
CREATE INDEX actors_by_created_at ON actors (created_at, chitty_id);
-- Serves Query.actors by UPDATED_AT.
CREATE INDEX actors_by_updated_at ON actors (updated_at, chitty_id);
-- Serves Query.actors by LAST_SEEN_AT.
CREATE INDEX actors_by_last_seen_at ON actors (last_seen_at, chitty_id);
-- Serves Query.actors by DISPLAY_NAME.
CREATE INDEX actors_by_display_name ON actors (display_name, chitty_id);
-- Serves Query.actors by SESSION_COUNT.
CREATE INDEX actors_by_session_count ON actors (session_count, chitty_id);

-- Serves Query.contexts in its default order, and by CREATED_AT.
CREATE INDEX contexts_by_created_at ON contexts (created_at, chitty_id);
-- Serves Query.contexts by UPDATED_AT.
CREATE INDEX contexts_by_updated_at ON contexts (updated_at, chitty_id);
-- Serves Query.contexts by NAME, and Query.contextByName where an older table lacks the UNIQUE.
CREATE INDEX contexts_by_name ON contexts (name, chitty_id);
-- Serves Actor.contexts: one owner's rows, newest first, ties by id.
CREATE INDEX contexts_by_owner ON contexts (owner_chitty_id, created_at, chitty_id);

-- Serves Query.installations in its default order, and by INSTALLED_AT.
CREATE INDEX installations_by_installed_at ON installations (installed_at, installation_id);
-- Serves Query.installations by UPDATED_AT.
CREATE INDEX installations_by_updated_at ON installations (updated_at, installation_id);
-- Serves Query.installations by ACCOUNT_LOGIN.
CREATE INDEX installations_by_account_login ON installations (account_login, installation_id);
-- Serves Actor.suspendedInstallations: those that one actor suspended, newest first, ties by id.
CREATE INDEX installations_by_suspended_by
    ON installations (suspended_by_chitty_id, installed_at, installation_id)
    WHERE suspended_by_chitty_id IS NOT NULL;

-- Serves Query.connections in its default order, and by CREATED_AT.
CREATE INDEX connections_by_created_at ON connections (created_at, connection_id);
-- Serves Query.connections by UPDATED_AT.
CREATE INDEX connections_by_updated_at ON connections (updated_at, connection_id);
-- Serves Query.connections by TARGET_SERVICE.
CREATE INDEX connections_by_target_service ON connections (target_service, connection_id);
-- Serves Query.connections by REQUEST_COUNT.
CREATE INDEX connections_by_request_count ON connections (request_count, connection_id);
-- Serves Query.connections by ERROR_COUNT.
CREATE INDEX connections_by_error_count ON connections (error_count, connection_id);
-- Serves Query.connections by LAST_USED_AT.
CREATE INDEX connections_by_last_used_at ON connections (last_used_at, connection_id);
-- Serves Query.connections by LAST_HEALTH_CHECK.
CREATE INDEX connections_by_last_health_check ON connections (last_health_check, connection_id);
-- Serves Context.connections and Actor.connections: one source's rows, newest first, ties by id. The last
-- two columns tell which rows a page shows without a look at the table.
CREATE INDEX connections_by_source
    ON connections (source_chitty_id, created_at, connection_id, source_type, status);

-- Serves the rule that no two actors share a ChittyAuth principal.
CREATE INDEX actors_by_principal ON actors (chitty_auth_principal_id)
    WHERE chitty_auth_principal_id IS NOT NULL;
