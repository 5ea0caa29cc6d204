-- 0013_index_odd_rows.sql
-- A row is odd when a value in it is not plainly of its column's kind: its table's lists are then read with care.
-- Nothing to backfill: each index holds the odd rows alone, none where all was written by chittygraph.
-- The conditions are db.spelling's, word for word: SQLite answers from an index of part of a table only
-- what is asked in the index's own words.

-- Serves lists of actors: whether any is odd.
CREATE INDEX actors_odd ON actors (chitty_id)
WHERE (
    typeof(chitty_id) = 'text'
    AND actor_type COLLATE BINARY IN ('human', 'ai', 'service', 'system')
    AND (display_name IS NULL OR typeof(display_name) = 'text')
    AND (email IS NULL OR typeof(email) = 'text')
    AND (avatar_url IS NULL OR typeof(avatar_url) = 'text')
    AND (chitty_dna_id IS NULL OR typeof(chitty_dna_id) = 'text')
    AND (chitty_auth_principal_id IS NULL OR typeof(chitty_auth_principal_id) = 'text')
    AND (last_seen_at IS NULL OR CASE WHEN last_seen_at BETWEEN '0001' AND 'A'
        THEN strftime('%Y-%m-%dT%H:%M:%fZ', last_seen_at, '+0 days') END = last_seen_at COLLATE BINARY)
    AND typeof(session_count) = 'integer'
    AND status COLLATE BINARY IN ('active', 'suspended', 'deleted')
    AND CASE WHEN created_at BETWEEN '0001' AND 'A'
        THEN strftime('%Y-%m-%dT%H:%M:%fZ', created_at, '+0 days') END = created_at COLLATE BINARY
    AND CASE WHEN updated_at BETWEEN '0001' AND 'A'
        THEN strftime('%Y-%m-%dT%H:%M:%fZ', updated_at, '+0 days') END = updated_at COLLATE BINARY
) IS NOT TRUE;

-- Serves lists of contexts: whether any is odd.
CREATE INDEX contexts_odd ON contexts (chitty_id)
WHERE (
    typeof(chitty_id) = 'text'
    AND typeof(name) = 'text'
    AND typeof(owner_chitty_id) = 'text'
    AND (chitty_dna_id IS NULL OR typeof(chitty_dna_id) = 'text')
    AND (chitty_chronicle_timeline_id IS NULL OR typeof(chitty_chronicle_timeline_id) = 'text')
    AND status COLLATE BINARY IN ('active', 'inactive', 'deleted')
    AND CASE WHEN created_at BETWEEN '0001' AND 'A'
        THEN strftime('%Y-%m-%dT%H:%M:%fZ', created_at, '+0 days') END = created_at COLLATE BINARY
    AND CASE WHEN updated_at BETWEEN '0001' AND 'A'
        THEN strftime('%Y-%m-%dT%H:%M:%fZ', updated_at, '+0 days') END = updated_at COLLATE BINARY
    AND (deleted_at IS NULL OR CASE WHEN deleted_at BETWEEN '0001' AND 'A'
        THEN strftime('%Y-%m-%dT%H:%M:%fZ', deleted_at, '+0 days') END = deleted_at COLLATE BINARY)
) IS NOT TRUE;

-- Serves lists of installations: whether any is odd.
CREATE INDEX installations_odd ON installations (installation_id)
WHERE (
    typeof(installation_id) = 'integer'
    AND typeof(chitty_id) = 'text'
    AND (chitty_dna_id IS NULL OR typeof(chitty_dna_id) = 'text')
    AND typeof(account_id) = 'integer'
    AND typeof(account_login) = 'text'
    AND account_type COLLATE BINARY IN ('User', 'Organization', 'Enterprise')
    AND (account_avatar_url IS NULL OR typeof(account_avatar_url) = 'text')
    AND repository_selection COLLATE BINARY IN ('all', 'selected')
    AND (suspended_at IS NULL OR CASE WHEN suspended_at BETWEEN '0001' AND 'A'
        THEN strftime('%Y-%m-%dT%H:%M:%fZ', suspended_at, '+0 days') END = suspended_at COLLATE BINARY)
    AND (suspended_by_chitty_id IS NULL OR typeof(suspended_by_chitty_id) = 'text')
    AND CASE WHEN installed_at BETWEEN '0001' AND 'A'
        THEN strftime('%Y-%m-%dT%H:%M:%fZ', installed_at, '+0 days') END = installed_at COLLATE BINARY
    AND CASE WHEN updated_at BETWEEN '0001' AND 'A'
        THEN strftime('%Y-%m-%dT%H:%M:%fZ', updated_at, '+0 days') END = updated_at COLLATE BINARY
    AND (uninstalled_at IS NULL OR CASE WHEN uninstalled_at BETWEEN '0001' AND 'A'
        THEN strftime('%Y-%m-%dT%H:%M:%fZ', uninstalled_at, '+0 days') END = uninstalled_at COLLATE BINARY)
) IS NOT TRUE;

-- Serves lists of connections: whether any is odd.
CREATE INDEX connections_odd ON connections (connection_id)
WHERE (
    typeof(connection_id) = 'text'
    AND typeof(source_chitty_id) = 'text'
    AND source_type COLLATE BINARY IN ('context', 'actor')
    AND typeof(target_service) = 'text'
    AND (target_endpoint IS NULL OR typeof(target_endpoint) = 'text')
    AND connection_type COLLATE BINARY IN ('api', 'webhook', 'oauth', 'direct')
    AND (credentials_kv_key IS NULL OR typeof(credentials_kv_key) = 'text')
    AND status COLLATE BINARY IN ('active', 'inactive', 'failed', 'disconnected')
    AND (last_health_check IS NULL OR CASE WHEN last_health_check BETWEEN '0001' AND 'A'
        THEN strftime('%Y-%m-%dT%H:%M:%fZ', last_health_check, '+0 days') END = last_health_check COLLATE BINARY)
    AND (last_error IS NULL OR typeof(last_error) = 'text')
    AND typeof(error_count) = 'integer'
    AND error_count BETWEEN -2147483648 AND 2147483647
    AND typeof(request_count) = 'integer'
    AND (last_used_at IS NULL OR CASE WHEN last_used_at BETWEEN '0001' AND 'A'
        THEN strftime('%Y-%m-%dT%H:%M:%fZ', last_used_at, '+0 days') END = last_used_at COLLATE BINARY)
    AND (installation_id IS NULL OR typeof(installation_id) = 'integer')
    AND CASE WHEN created_at BETWEEN '0001' AND 'A'
        THEN strftime('%Y-%m-%dT%H:%M:%fZ', created_at, '+0 days') END = created_at COLLATE BINARY
    AND CASE WHEN updated_at BETWEEN '0001' AND 'A'
        THEN strftime('%Y-%m-%dT%H:%M:%fZ', updated_at, '+0 days') END = updated_at COLLATE BINARY
    AND (disconnected_at IS NULL OR CASE WHEN disconnected_at BETWEEN '0001' AND 'A'
        THEN strftime('%Y-%m-%dT%H:%M:%fZ', disconnected_at, '+0 days') END = disconnected_at COLLATE BINARY)
) IS NOT TRUE;
