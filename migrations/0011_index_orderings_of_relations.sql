-- 0011_index_orderings_of_relations.sql
-- A relation's page walks an index in every ordering offered, and so does a list filtered by a text.
-- Nothing to backfill. Each ends in the primary key and is walked either way, like those of 0007.

-- Serves Query.actors with displayName eq, newest first. The columns after the key, here and below, let
-- totalCount be read from the index alone.
CREATE INDEX actors_by_display_name_and_created_at
    ON actors (display_name, created_at, chitty_id, status, actor_type);
-- Serves Query.actors with email eq, newest first.
CREATE INDEX actors_by_email_and_created_at ON actors (email, created_at, chitty_id)
    WHERE email IS NOT NULL;
-- Serves Query.installations with accountLogin eq, newest first.
CREATE INDEX installations_by_account_login_and_installed_at
    ON installations (
        account_login, installed_at, installation_id, uninstalled_at, account_type, repository_selection
    );
-- Serves Query.installations with accountId eq, newest first.
CREATE INDEX installations_by_account_id_and_installed_at
    ON installations (account_id, installed_at, installation_id);
-- Serves Query.connections with targetService eq, newest first.
CREATE INDEX connections_by_target_service_and_created_at
    ON connections (target_service, created_at, connection_id, status, connection_type);
-- Serves Query.connections with targetEndpoint eq, newest first.
CREATE INDEX connections_by_target_endpoint_and_created_at
    ON connections (target_endpoint, created_at, connection_id)
    WHERE target_endpoint IS NOT NULL;
-- Serves Query.connections with lastError eq, newest first.
CREATE INDEX connections_by_last_error_and_created_at
    ON connections (last_error, created_at, connection_id)
    WHERE last_error IS NOT NULL;

-- Serves Actor.contexts by UPDATED_AT.
CREATE INDEX contexts_by_owner_and_updated_at
    ON contexts (owner_chitty_id, updated_at, chitty_id);
-- Serves Actor.contexts by NAME.
CREATE INDEX contexts_by_owner_and_name
    ON contexts (owner_chitty_id, name, chitty_id, status);

-- Serves Actor.suspendedInstallations by UPDATED_AT.
CREATE INDEX installations_by_suspended_by_and_updated_at
    ON installations (suspended_by_chitty_id, updated_at, installation_id)
    WHERE suspended_by_chitty_id IS NOT NULL;
-- Serves Actor.suspendedInstallations by ACCOUNT_LOGIN.
CREATE INDEX installations_by_suspended_by_and_account_login
    ON installations (suspended_by_chitty_id, account_login, installation_id)
    WHERE suspended_by_chitty_id IS NOT NULL;

-- Serves Context.connections and Actor.connections by UPDATED_AT.
CREATE INDEX connections_by_source_and_updated_at
    ON connections (source_chitty_id, updated_at, connection_id);
-- Serves Context.connections and Actor.connections by TARGET_SERVICE.
CREATE INDEX connections_by_source_and_target_service
    ON connections (source_chitty_id, target_service, connection_id);
-- Serves Context.connections and Actor.connections by REQUEST_COUNT.
CREATE INDEX connections_by_source_and_request_count
    ON connections (source_chitty_id, request_count, connection_id);
-- Serves Context.connections and Actor.connections by ERROR_COUNT.
CREATE INDEX connections_by_source_and_error_count
    ON connections (source_chitty_id, error_count, connection_id);
-- Serves Context.connections and Actor.connections by LAST_USED_AT.
CREATE INDEX connections_by_source_and_last_used_at
    ON connections (source_chitty_id, last_used_at, connection_id);
-- Serves Context.connections and Actor.connections by LAST_HEALTH_CHECK.
CREATE INDEX connections_by_source_and_last_health_check
    ON connections (source_chitty_id, last_health_check, connection_id);

-- Serves Installation.connections by UPDATED_AT.
CREATE INDEX connections_by_installation_and_updated_at
    ON connections (installation_id, updated_at, connection_id)
    WHERE installation_id IS NOT NULL;
-- Serves Installation.connections by TARGET_SERVICE.
CREATE INDEX connections_by_installation_and_target_service
    ON connections (installation_id, target_service, connection_id)
    WHERE installation_id IS NOT NULL;
-- Serves Installation.connections by REQUEST_COUNT.
CREATE INDEX connections_by_installation_and_request_count
    ON connections (installation_id, request_count, connection_id)
    WHERE installation_id IS NOT NULL;
-- Serves Installation.connections by ERROR_COUNT.
CREATE INDEX connections_by_installation_and_error_count
    ON connections (installation_id, error_count, connection_id)
    WHERE installation_id IS NOT NULL;
-- Serves Installation.connections by LAST_USED_AT.
CREATE INDEX connections_by_installation_and_last_used_at
    ON connections (installation_id, last_used_at, connection_id)
    WHERE installation_id IS NOT NULL;
-- Serves Installation.connections by LAST_HEALTH_CHECK.
CREATE INDEX connections_by_installation_and_last_health_check
    ON connections (installation_id, last_health_check, connection_id)
    WHERE installation_id IS NOT NULL;
