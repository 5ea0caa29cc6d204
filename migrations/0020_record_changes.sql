-- 0020_record_changes.sql
-- Every change of a row of the four tables is recorded in the same transaction by triggers, whatever program
-- makes it. Sequence numbers are in the order of commits and have no gap. Times are bound by whoever writes; of
-- what another program writes, the row's updated_at is taken if it changed, else the time of its change before.
-- Every row that is there already gets its first change.

CREATE TABLE changes (
    sequence INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    actor TEXT,
    cause TEXT NOT NULL,
    request_id TEXT,
    kind TEXT NOT NULL,
    key NOT NULL,
    -- Two lists of two: of a longer one SQLite makes a temporary table for each row.
    operation TEXT NOT NULL
        CHECK (operation IN ('created', 'updated') OR operation IN ('deleted', 'restored')),
    -- Whether only columns changed that are private.
    is_private INTEGER NOT NULL,
    -- The columns that changed, as they were; NULL if there was no row.
    before TEXT,
    -- The whole row; NULL if it is gone.
    after TEXT
);

-- The present writer, why it writes, and when: there is a row only while a transaction is open that filled it.
CREATE TABLE writing (
    place INTEGER PRIMARY KEY CHECK (place = 1),
    actor TEXT,
    cause TEXT NOT NULL,
    request_id TEXT,
    at TEXT NOT NULL
);

-- Rows that the last write may have replaced, whose deletion has no trigger of its own then.
CREATE TABLE replaced_rows (
    kind TEXT NOT NULL,
    key NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;

-- Serves the history of a row, and its state at any sequence number.
CREATE INDEX changes_by_row ON changes (kind, key, sequence);

-- Serves Query.changes of one actor.
CREATE INDEX changes_by_actor ON changes (actor, sequence) WHERE actor IS NOT NULL;

INSERT INTO replaced_rows (kind, key)
SELECT 'actors', row.chitty_id FROM actors AS row
WHERE NOT EXISTS (SELECT 1 FROM changes WHERE kind = 'actors' AND key = row.chitty_id);
INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
SELECT coalesce(iif(row.updated_at GLOB '????-??-??T??:??:??.???Z', row.updated_at, NULL), '1970-01-01T00:00:00.000Z'), NULL, 'migrate', NULL,
    'actors', row.chitty_id, 'created', FALSE, NULL, json_object('chitty_id', iif(typeof(row.chitty_id) = 'blob', json_object('blob', hex(row.chitty_id)), row.chitty_id), 'actor_type', iif(typeof(row.actor_type) = 'blob', json_object('blob', hex(row.actor_type)), row.actor_type), 'display_name', iif(typeof(row.display_name) = 'blob', json_object('blob', hex(row.display_name)), row.display_name), 'email', iif(typeof(row.email) = 'blob', json_object('blob', hex(row.email)), row.email), 'avatar_url', iif(typeof(row.avatar_url) = 'blob', json_object('blob', hex(row.avatar_url)), row.avatar_url), 'capabilities', iif(typeof(row.capabilities) = 'blob', json_object('blob', hex(row.capabilities)), row.capabilities), 'chitty_dna_id', iif(typeof(row.chitty_dna_id) = 'blob', json_object('blob', hex(row.chitty_dna_id)), row.chitty_dna_id), 'chitty_auth_principal_id', iif(typeof(row.chitty_auth_principal_id) = 'blob', json_object('blob', hex(row.chitty_auth_principal_id)), row.chitty_auth_principal_id), 'last_seen_at', iif(typeof(row.last_seen_at) = 'blob', json_object('blob', hex(row.last_seen_at)), row.last_seen_at), 'session_count', iif(typeof(row.session_count) = 'blob', json_object('blob', hex(row.session_count)), row.session_count), 'status', iif(typeof(row.status) = 'blob', json_object('blob', hex(row.status)), row.status), 'created_at', iif(typeof(row.created_at) = 'blob', json_object('blob', hex(row.created_at)), row.created_at), 'updated_at', iif(typeof(row.updated_at) = 'blob', json_object('blob', hex(row.updated_at)), row.updated_at))
FROM replaced_rows AS begun JOIN actors AS row ON row.chitty_id = begun.key
WHERE begun.kind = 'actors';
DELETE FROM replaced_rows;

INSERT INTO replaced_rows (kind, key)
SELECT 'installations', row.installation_id FROM installations AS row
WHERE NOT EXISTS (SELECT 1 FROM changes WHERE kind = 'installations' AND key = row.installation_id);
INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
SELECT coalesce(iif(row.updated_at GLOB '????-??-??T??:??:??.???Z', row.updated_at, NULL), '1970-01-01T00:00:00.000Z'), NULL, 'migrate', NULL,
    'installations', row.installation_id, 'created', FALSE, NULL, json_object('installation_id', iif(typeof(row.installation_id) = 'blob', json_object('blob', hex(row.installation_id)), row.installation_id), 'chitty_id', iif(typeof(row.chitty_id) = 'blob', json_object('blob', hex(row.chitty_id)), row.chitty_id), 'chitty_dna_id', iif(typeof(row.chitty_dna_id) = 'blob', json_object('blob', hex(row.chitty_dna_id)), row.chitty_dna_id), 'account_id', iif(typeof(row.account_id) = 'blob', json_object('blob', hex(row.account_id)), row.account_id), 'account_login', iif(typeof(row.account_login) = 'blob', json_object('blob', hex(row.account_login)), row.account_login), 'account_type', iif(typeof(row.account_type) = 'blob', json_object('blob', hex(row.account_type)), row.account_type), 'account_avatar_url', iif(typeof(row.account_avatar_url) = 'blob', json_object('blob', hex(row.account_avatar_url)), row.account_avatar_url), 'repository_selection', iif(typeof(row.repository_selection) = 'blob', json_object('blob', hex(row.repository_selection)), row.repository_selection), 'permissions', iif(typeof(row.permissions) = 'blob', json_object('blob', hex(row.permissions)), row.permissions), 'events', iif(typeof(row.events) = 'blob', json_object('blob', hex(row.events)), row.events), 'selected_repositories', iif(typeof(row.selected_repositories) = 'blob', json_object('blob', hex(row.selected_repositories)), row.selected_repositories), 'suspended_at', iif(typeof(row.suspended_at) = 'blob', json_object('blob', hex(row.suspended_at)), row.suspended_at), 'suspended_by_chitty_id', iif(typeof(row.suspended_by_chitty_id) = 'blob', json_object('blob', hex(row.suspended_by_chitty_id)), row.suspended_by_chitty_id), 'installed_at', iif(typeof(row.installed_at) = 'blob', json_object('blob', hex(row.installed_at)), row.installed_at), 'updated_at', iif(typeof(row.updated_at) = 'blob', json_object('blob', hex(row.updated_at)), row.updated_at), 'uninstalled_at', iif(typeof(row.uninstalled_at) = 'blob', json_object('blob', hex(row.uninstalled_at)), row.uninstalled_at))
FROM replaced_rows AS begun JOIN installations AS row ON row.installation_id = begun.key
WHERE begun.kind = 'installations';
DELETE FROM replaced_rows;

INSERT INTO replaced_rows (kind, key)
SELECT 'contexts', row.chitty_id FROM contexts AS row
WHERE NOT EXISTS (SELECT 1 FROM changes WHERE kind = 'contexts' AND key = row.chitty_id);
INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
SELECT coalesce(iif(row.updated_at GLOB '????-??-??T??:??:??.???Z', row.updated_at, NULL), '1970-01-01T00:00:00.000Z'), NULL, 'migrate', NULL,
    'contexts', row.chitty_id, 'created', FALSE, NULL, json_object('chitty_id', iif(typeof(row.chitty_id) = 'blob', json_object('blob', hex(row.chitty_id)), row.chitty_id), 'name', iif(typeof(row.name) = 'blob', json_object('blob', hex(row.name)), row.name), 'owner_chitty_id', iif(typeof(row.owner_chitty_id) = 'blob', json_object('blob', hex(row.owner_chitty_id)), row.owner_chitty_id), 'data', iif(typeof(row.data) = 'blob', json_object('blob', hex(row.data)), row.data), 'systems', iif(typeof(row.systems) = 'blob', json_object('blob', hex(row.systems)), row.systems), 'tools', iif(typeof(row.tools) = 'blob', json_object('blob', hex(row.tools)), row.tools), 'chitty_dna_id', iif(typeof(row.chitty_dna_id) = 'blob', json_object('blob', hex(row.chitty_dna_id)), row.chitty_dna_id), 'chitty_chronicle_timeline_id', iif(typeof(row.chitty_chronicle_timeline_id) = 'blob', json_object('blob', hex(row.chitty_chronicle_timeline_id)), row.chitty_chronicle_timeline_id), 'status', iif(typeof(row.status) = 'blob', json_object('blob', hex(row.status)), row.status), 'created_at', iif(typeof(row.created_at) = 'blob', json_object('blob', hex(row.created_at)), row.created_at), 'updated_at', iif(typeof(row.updated_at) = 'blob', json_object('blob', hex(row.updated_at)), row.updated_at), 'deleted_at', iif(typeof(row.deleted_at) = 'blob', json_object('blob', hex(row.deleted_at)), row.deleted_at))
FROM replaced_rows AS begun JOIN contexts AS row ON row.chitty_id = begun.key
WHERE begun.kind = 'contexts';
DELETE FROM replaced_rows;

INSERT INTO replaced_rows (kind, key)
SELECT 'connections', row.connection_id FROM connections AS row
WHERE NOT EXISTS (SELECT 1 FROM changes WHERE kind = 'connections' AND key = row.connection_id);
INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
SELECT coalesce(iif(row.updated_at GLOB '????-??-??T??:??:??.???Z', row.updated_at, NULL), '1970-01-01T00:00:00.000Z'), NULL, 'migrate', NULL,
    'connections', row.connection_id, 'created', FALSE, NULL, json_object('connection_id', iif(typeof(row.connection_id) = 'blob', json_object('blob', hex(row.connection_id)), row.connection_id), 'source_chitty_id', iif(typeof(row.source_chitty_id) = 'blob', json_object('blob', hex(row.source_chitty_id)), row.source_chitty_id), 'source_type', iif(typeof(row.source_type) = 'blob', json_object('blob', hex(row.source_type)), row.source_type), 'target_service', iif(typeof(row.target_service) = 'blob', json_object('blob', hex(row.target_service)), row.target_service), 'target_endpoint', iif(typeof(row.target_endpoint) = 'blob', json_object('blob', hex(row.target_endpoint)), row.target_endpoint), 'connection_type', iif(typeof(row.connection_type) = 'blob', json_object('blob', hex(row.connection_type)), row.connection_type), 'credentials_kv_key', iif(typeof(row.credentials_kv_key) = 'blob', json_object('blob', hex(row.credentials_kv_key)), row.credentials_kv_key), 'status', iif(typeof(row.status) = 'blob', json_object('blob', hex(row.status)), row.status), 'last_health_check', iif(typeof(row.last_health_check) = 'blob', json_object('blob', hex(row.last_health_check)), row.last_health_check), 'last_error', iif(typeof(row.last_error) = 'blob', json_object('blob', hex(row.last_error)), row.last_error), 'error_count', iif(typeof(row.error_count) = 'blob', json_object('blob', hex(row.error_count)), row.error_count), 'request_count', iif(typeof(row.request_count) = 'blob', json_object('blob', hex(row.request_count)), row.request_count), 'last_used_at', iif(typeof(row.last_used_at) = 'blob', json_object('blob', hex(row.last_used_at)), row.last_used_at), 'config', iif(typeof(row.config) = 'blob', json_object('blob', hex(row.config)), row.config), 'installation_id', iif(typeof(row.installation_id) = 'blob', json_object('blob', hex(row.installation_id)), row.installation_id), 'created_at', iif(typeof(row.created_at) = 'blob', json_object('blob', hex(row.created_at)), row.created_at), 'updated_at', iif(typeof(row.updated_at) = 'blob', json_object('blob', hex(row.updated_at)), row.updated_at), 'disconnected_at', iif(typeof(row.disconnected_at) = 'blob', json_object('blob', hex(row.disconnected_at)), row.disconnected_at))
FROM replaced_rows AS begun JOIN connections AS row ON row.connection_id = begun.key
WHERE begun.kind = 'connections';
DELETE FROM replaced_rows;

-- The history is appended to, and nothing else. No pragma is needed: INSERT OR REPLACE deletes without a trigger,
-- but only the next sequence number is taken. Where none is given, which SQLite shows as -1, it is the next one.
CREATE TRIGGER changes_are_appended BEFORE INSERT ON changes
WHEN NEW.sequence <> -1 AND NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM changes)
BEGIN
    SELECT RAISE(ABORT, 'a change has the next sequence number: the history is appended to only');
END;

CREATE TRIGGER changes_are_numbered AFTER INSERT ON changes
WHEN NEW.sequence < 1
BEGIN
    SELECT RAISE(ABORT, 'a change has the next sequence number: the history is appended to only');
END;

CREATE TRIGGER changes_are_not_updated BEFORE UPDATE ON changes
BEGIN
    SELECT RAISE(ABORT, 'the history is appended to only: a change is never updated');
END;

CREATE TRIGGER changes_are_not_deleted BEFORE DELETE ON changes
BEGIN
    SELECT RAISE(ABORT, 'the history is appended to only: use chittygraph audit prune');
END;

-- The changes of actors.
CREATE TRIGGER actors_history_of_new AFTER INSERT ON actors
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), iif(row.updated_at GLOB '????-??-??T??:??:??.???Z', row.updated_at, NULL), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'actors' AND key = row.chitty_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'actors', row.chitty_id, CASE WHEN row.last IS NULL THEN 'created' WHEN ((row.last ->> 'status') <> 'deleted') IS (row.status <> 'deleted') THEN 'updated' WHEN row.status <> 'deleted' THEN 'restored' ELSE 'deleted' END, FALSE, row.last, row.now
    FROM (
        SELECT *, json_object('chitty_id', iif(typeof(row.chitty_id) = 'blob', json_object('blob', hex(row.chitty_id)), row.chitty_id), 'actor_type', iif(typeof(row.actor_type) = 'blob', json_object('blob', hex(row.actor_type)), row.actor_type), 'display_name', iif(typeof(row.display_name) = 'blob', json_object('blob', hex(row.display_name)), row.display_name), 'email', iif(typeof(row.email) = 'blob', json_object('blob', hex(row.email)), row.email), 'avatar_url', iif(typeof(row.avatar_url) = 'blob', json_object('blob', hex(row.avatar_url)), row.avatar_url), 'capabilities', iif(typeof(row.capabilities) = 'blob', json_object('blob', hex(row.capabilities)), row.capabilities), 'chitty_dna_id', iif(typeof(row.chitty_dna_id) = 'blob', json_object('blob', hex(row.chitty_dna_id)), row.chitty_dna_id), 'chitty_auth_principal_id', iif(typeof(row.chitty_auth_principal_id) = 'blob', json_object('blob', hex(row.chitty_auth_principal_id)), row.chitty_auth_principal_id), 'last_seen_at', iif(typeof(row.last_seen_at) = 'blob', json_object('blob', hex(row.last_seen_at)), row.last_seen_at), 'session_count', iif(typeof(row.session_count) = 'blob', json_object('blob', hex(row.session_count)), row.session_count), 'status', iif(typeof(row.status) = 'blob', json_object('blob', hex(row.status)), row.status), 'created_at', iif(typeof(row.created_at) = 'blob', json_object('blob', hex(row.created_at)), row.created_at), 'updated_at', iif(typeof(row.updated_at) = 'blob', json_object('blob', hex(row.updated_at)), row.updated_at)) AS now, (SELECT after AS row FROM changes WHERE kind = 'actors' AND key = NEW.chitty_id
            ORDER BY sequence DESC LIMIT 1) AS last
        FROM actors AS row WHERE row.rowid = NEW.rowid LIMIT 1
    ) AS row
    WHERE row.last IS NOT row.now;
END;

CREATE TRIGGER actors_history AFTER UPDATE ON actors
WHEN OLD.chitty_id IS NEW.chitty_id AND (
        OLD.chitty_id IS NOT NEW.chitty_id COLLATE BINARY
        OR OLD.actor_type IS NOT NEW.actor_type COLLATE BINARY
        OR OLD.display_name IS NOT NEW.display_name COLLATE BINARY
        OR OLD.email IS NOT NEW.email COLLATE BINARY
        OR OLD.avatar_url IS NOT NEW.avatar_url COLLATE BINARY
        OR OLD.capabilities IS NOT NEW.capabilities COLLATE BINARY
        OR OLD.chitty_dna_id IS NOT NEW.chitty_dna_id COLLATE BINARY
        OR OLD.chitty_auth_principal_id IS NOT NEW.chitty_auth_principal_id COLLATE BINARY
        OR OLD.last_seen_at IS NOT NEW.last_seen_at COLLATE BINARY
        OR OLD.session_count IS NOT NEW.session_count COLLATE BINARY
        OR OLD.status IS NOT NEW.status COLLATE BINARY
        OR OLD.created_at IS NOT NEW.created_at COLLATE BINARY
        OR OLD.updated_at IS NOT NEW.updated_at COLLATE BINARY
    )
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT
        coalesce(
            (SELECT at FROM writing),
            iif(row.updated_at IS NOT OLD.updated_at, iif(row.updated_at GLOB '????-??-??T??:??:??.???Z', row.updated_at, NULL), NULL),
            coalesce(
            (
                SELECT at FROM changes WHERE kind = 'actors' AND key = row.chitty_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )
        ),
        (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing), 'actors', row.chitty_id, CASE WHEN row.last IS NULL THEN 'created' WHEN ((row.last ->> 'status') <> 'deleted') IS (row.status <> 'deleted') THEN 'updated' WHEN row.status <> 'deleted' THEN 'restored' ELSE 'deleted' END, iif(row.last IS row.old, NOT (
        OLD.chitty_id IS NOT row.chitty_id COLLATE BINARY
        OR OLD.actor_type IS NOT row.actor_type COLLATE BINARY
        OR OLD.display_name IS NOT row.display_name COLLATE BINARY
        OR OLD.avatar_url IS NOT row.avatar_url COLLATE BINARY
        OR OLD.status IS NOT row.status COLLATE BINARY
        OR OLD.created_at IS NOT row.created_at COLLATE BINARY
        OR OLD.updated_at IS NOT row.updated_at COLLATE BINARY
        ),
            json_remove(row.last, '$.email', '$.capabilities', '$.chitty_dna_id', '$.chitty_auth_principal_id', '$.last_seen_at', '$.session_count') IS json_remove(row.now, '$.email', '$.capabilities', '$.chitty_dna_id', '$.chitty_auth_principal_id', '$.last_seen_at', '$.session_count')),
        iif(row.last IS row.old, '{' || substr(iif(OLD.chitty_id IS NOT row.chitty_id COLLATE BINARY, ',"chitty_id":' || json_quote(iif(typeof(OLD.chitty_id) = 'blob', json_object('blob', hex(OLD.chitty_id)), OLD.chitty_id)), '')
            || iif(OLD.actor_type IS NOT row.actor_type COLLATE BINARY, ',"actor_type":' || json_quote(iif(typeof(OLD.actor_type) = 'blob', json_object('blob', hex(OLD.actor_type)), OLD.actor_type)), '')
            || iif(OLD.display_name IS NOT row.display_name COLLATE BINARY, ',"display_name":' || json_quote(iif(typeof(OLD.display_name) = 'blob', json_object('blob', hex(OLD.display_name)), OLD.display_name)), '')
            || iif(OLD.email IS NOT row.email COLLATE BINARY, ',"email":' || json_quote(iif(typeof(OLD.email) = 'blob', json_object('blob', hex(OLD.email)), OLD.email)), '')
            || iif(OLD.avatar_url IS NOT row.avatar_url COLLATE BINARY, ',"avatar_url":' || json_quote(iif(typeof(OLD.avatar_url) = 'blob', json_object('blob', hex(OLD.avatar_url)), OLD.avatar_url)), '')
            || iif(OLD.capabilities IS NOT row.capabilities COLLATE BINARY, ',"capabilities":' || json_quote(iif(typeof(OLD.capabilities) = 'blob', json_object('blob', hex(OLD.capabilities)), OLD.capabilities)), '')
            || iif(OLD.chitty_dna_id IS NOT row.chitty_dna_id COLLATE BINARY, ',"chitty_dna_id":' || json_quote(iif(typeof(OLD.chitty_dna_id) = 'blob', json_object('blob', hex(OLD.chitty_dna_id)), OLD.chitty_dna_id)), '')
            || iif(OLD.chitty_auth_principal_id IS NOT row.chitty_auth_principal_id COLLATE BINARY, ',"chitty_auth_principal_id":' || json_quote(iif(typeof(OLD.chitty_auth_principal_id) = 'blob', json_object('blob', hex(OLD.chitty_auth_principal_id)), OLD.chitty_auth_principal_id)), '')
            || iif(OLD.last_seen_at IS NOT row.last_seen_at COLLATE BINARY, ',"last_seen_at":' || json_quote(iif(typeof(OLD.last_seen_at) = 'blob', json_object('blob', hex(OLD.last_seen_at)), OLD.last_seen_at)), '')
            || iif(OLD.session_count IS NOT row.session_count COLLATE BINARY, ',"session_count":' || json_quote(iif(typeof(OLD.session_count) = 'blob', json_object('blob', hex(OLD.session_count)), OLD.session_count)), '')
            || iif(OLD.status IS NOT row.status COLLATE BINARY, ',"status":' || json_quote(iif(typeof(OLD.status) = 'blob', json_object('blob', hex(OLD.status)), OLD.status)), '')
            || iif(OLD.created_at IS NOT row.created_at COLLATE BINARY, ',"created_at":' || json_quote(iif(typeof(OLD.created_at) = 'blob', json_object('blob', hex(OLD.created_at)), OLD.created_at)), '')
            || iif(OLD.updated_at IS NOT row.updated_at COLLATE BINARY, ',"updated_at":' || json_quote(iif(typeof(OLD.updated_at) = 'blob', json_object('blob', hex(OLD.updated_at)), OLD.updated_at)), ''), 2) || '}', row.last), row.now
    FROM (
        SELECT *, json_object('chitty_id', iif(typeof(row.chitty_id) = 'blob', json_object('blob', hex(row.chitty_id)), row.chitty_id), 'actor_type', iif(typeof(row.actor_type) = 'blob', json_object('blob', hex(row.actor_type)), row.actor_type), 'display_name', iif(typeof(row.display_name) = 'blob', json_object('blob', hex(row.display_name)), row.display_name), 'email', iif(typeof(row.email) = 'blob', json_object('blob', hex(row.email)), row.email), 'avatar_url', iif(typeof(row.avatar_url) = 'blob', json_object('blob', hex(row.avatar_url)), row.avatar_url), 'capabilities', iif(typeof(row.capabilities) = 'blob', json_object('blob', hex(row.capabilities)), row.capabilities), 'chitty_dna_id', iif(typeof(row.chitty_dna_id) = 'blob', json_object('blob', hex(row.chitty_dna_id)), row.chitty_dna_id), 'chitty_auth_principal_id', iif(typeof(row.chitty_auth_principal_id) = 'blob', json_object('blob', hex(row.chitty_auth_principal_id)), row.chitty_auth_principal_id), 'last_seen_at', iif(typeof(row.last_seen_at) = 'blob', json_object('blob', hex(row.last_seen_at)), row.last_seen_at), 'session_count', iif(typeof(row.session_count) = 'blob', json_object('blob', hex(row.session_count)), row.session_count), 'status', iif(typeof(row.status) = 'blob', json_object('blob', hex(row.status)), row.status), 'created_at', iif(typeof(row.created_at) = 'blob', json_object('blob', hex(row.created_at)), row.created_at), 'updated_at', iif(typeof(row.updated_at) = 'blob', json_object('blob', hex(row.updated_at)), row.updated_at)) AS now, json_object('chitty_id', iif(typeof(OLD.chitty_id) = 'blob', json_object('blob', hex(OLD.chitty_id)), OLD.chitty_id), 'actor_type', iif(typeof(OLD.actor_type) = 'blob', json_object('blob', hex(OLD.actor_type)), OLD.actor_type), 'display_name', iif(typeof(OLD.display_name) = 'blob', json_object('blob', hex(OLD.display_name)), OLD.display_name), 'email', iif(typeof(OLD.email) = 'blob', json_object('blob', hex(OLD.email)), OLD.email), 'avatar_url', iif(typeof(OLD.avatar_url) = 'blob', json_object('blob', hex(OLD.avatar_url)), OLD.avatar_url), 'capabilities', iif(typeof(OLD.capabilities) = 'blob', json_object('blob', hex(OLD.capabilities)), OLD.capabilities), 'chitty_dna_id', iif(typeof(OLD.chitty_dna_id) = 'blob', json_object('blob', hex(OLD.chitty_dna_id)), OLD.chitty_dna_id), 'chitty_auth_principal_id', iif(typeof(OLD.chitty_auth_principal_id) = 'blob', json_object('blob', hex(OLD.chitty_auth_principal_id)), OLD.chitty_auth_principal_id), 'last_seen_at', iif(typeof(OLD.last_seen_at) = 'blob', json_object('blob', hex(OLD.last_seen_at)), OLD.last_seen_at), 'session_count', iif(typeof(OLD.session_count) = 'blob', json_object('blob', hex(OLD.session_count)), OLD.session_count), 'status', iif(typeof(OLD.status) = 'blob', json_object('blob', hex(OLD.status)), OLD.status), 'created_at', iif(typeof(OLD.created_at) = 'blob', json_object('blob', hex(OLD.created_at)), OLD.created_at), 'updated_at', iif(typeof(OLD.updated_at) = 'blob', json_object('blob', hex(OLD.updated_at)), OLD.updated_at)) AS old, (SELECT after AS row FROM changes WHERE kind = 'actors' AND key = NEW.chitty_id
            ORDER BY sequence DESC LIMIT 1) AS last
        FROM actors AS row WHERE row.rowid = NEW.rowid LIMIT 1
    ) AS row
    WHERE row.last IS NOT row.now;
END;

CREATE TRIGGER actors_history_of_key AFTER UPDATE OF chitty_id ON actors
WHEN OLD.chitty_id IS NOT NEW.chitty_id
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'actors' AND key = OLD.chitty_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'actors', OLD.chitty_id, 'deleted', FALSE, last.row, NULL
    FROM (SELECT after AS row FROM changes WHERE kind = 'actors' AND key = OLD.chitty_id
            ORDER BY sequence DESC LIMIT 1) AS last WHERE last.row IS NOT NULL;
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), iif(row.updated_at GLOB '????-??-??T??:??:??.???Z', row.updated_at, NULL), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'actors' AND key = row.chitty_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'actors', row.chitty_id, CASE WHEN row.last IS NULL THEN 'created' WHEN ((row.last ->> 'status') <> 'deleted') IS (row.status <> 'deleted') THEN 'updated' WHEN row.status <> 'deleted' THEN 'restored' ELSE 'deleted' END, FALSE, row.last, row.now
    FROM (
        SELECT *, json_object('chitty_id', iif(typeof(row.chitty_id) = 'blob', json_object('blob', hex(row.chitty_id)), row.chitty_id), 'actor_type', iif(typeof(row.actor_type) = 'blob', json_object('blob', hex(row.actor_type)), row.actor_type), 'display_name', iif(typeof(row.display_name) = 'blob', json_object('blob', hex(row.display_name)), row.display_name), 'email', iif(typeof(row.email) = 'blob', json_object('blob', hex(row.email)), row.email), 'avatar_url', iif(typeof(row.avatar_url) = 'blob', json_object('blob', hex(row.avatar_url)), row.avatar_url), 'capabilities', iif(typeof(row.capabilities) = 'blob', json_object('blob', hex(row.capabilities)), row.capabilities), 'chitty_dna_id', iif(typeof(row.chitty_dna_id) = 'blob', json_object('blob', hex(row.chitty_dna_id)), row.chitty_dna_id), 'chitty_auth_principal_id', iif(typeof(row.chitty_auth_principal_id) = 'blob', json_object('blob', hex(row.chitty_auth_principal_id)), row.chitty_auth_principal_id), 'last_seen_at', iif(typeof(row.last_seen_at) = 'blob', json_object('blob', hex(row.last_seen_at)), row.last_seen_at), 'session_count', iif(typeof(row.session_count) = 'blob', json_object('blob', hex(row.session_count)), row.session_count), 'status', iif(typeof(row.status) = 'blob', json_object('blob', hex(row.status)), row.status), 'created_at', iif(typeof(row.created_at) = 'blob', json_object('blob', hex(row.created_at)), row.created_at), 'updated_at', iif(typeof(row.updated_at) = 'blob', json_object('blob', hex(row.updated_at)), row.updated_at)) AS now, (SELECT after AS row FROM changes WHERE kind = 'actors' AND key = NEW.chitty_id
            ORDER BY sequence DESC LIMIT 1) AS last
        FROM actors AS row WHERE row.rowid = NEW.rowid LIMIT 1
    ) AS row
    WHERE row.last IS NOT row.now;
END;

CREATE TRIGGER actors_history_of_old AFTER DELETE ON actors
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'actors' AND key = OLD.chitty_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'actors', OLD.chitty_id, 'deleted', FALSE, last.row, NULL
    FROM (SELECT after AS row FROM changes WHERE kind = 'actors' AND key = OLD.chitty_id
            ORDER BY sequence DESC LIMIT 1) AS last WHERE last.row IS NOT NULL;
END;

CREATE TRIGGER actors_met_by_new BEFORE INSERT ON actors
WHEN EXISTS (SELECT 1 FROM actors AS row WHERE row.chitty_id = NEW.chitty_id OR row.chitty_auth_principal_id = NEW.chitty_auth_principal_id)
BEGIN
    DELETE FROM replaced_rows;
    INSERT INTO replaced_rows (kind, key)
    SELECT 'actors', row.chitty_id FROM actors AS row WHERE row.chitty_id = NEW.chitty_id OR row.chitty_auth_principal_id = NEW.chitty_auth_principal_id;
END;

CREATE TRIGGER actors_met BEFORE UPDATE OF chitty_id, chitty_auth_principal_id ON actors
WHEN EXISTS (SELECT 1 FROM actors AS row WHERE (row.chitty_id = NEW.chitty_id OR row.chitty_auth_principal_id = NEW.chitty_auth_principal_id) AND row.rowid <> OLD.rowid)
BEGIN
    DELETE FROM replaced_rows;
    INSERT INTO replaced_rows (kind, key)
    SELECT 'actors', row.chitty_id FROM actors AS row
    WHERE (row.chitty_id = NEW.chitty_id OR row.chitty_auth_principal_id = NEW.chitty_auth_principal_id) AND row.rowid <> OLD.rowid;
END;

CREATE TRIGGER actors_replaced_by_new AFTER INSERT ON actors
WHEN EXISTS (SELECT 1 FROM replaced_rows WHERE kind = 'actors')
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'actors' AND key = gone.key
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'actors', gone.key, 'deleted', FALSE, gone.row, NULL
    FROM (
        SELECT met.key, (SELECT after AS row FROM changes WHERE kind = 'actors' AND key = met.key
            ORDER BY sequence DESC LIMIT 1) AS row
        FROM replaced_rows AS met
        WHERE met.kind = 'actors'
            AND NOT EXISTS (SELECT 1 FROM actors AS row WHERE row.chitty_id = met.key)
    ) AS gone
    WHERE gone.row IS NOT NULL;
END;

CREATE TRIGGER actors_replaced AFTER UPDATE OF chitty_id, chitty_auth_principal_id ON actors
WHEN EXISTS (SELECT 1 FROM replaced_rows WHERE kind = 'actors')
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'actors' AND key = gone.key
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'actors', gone.key, 'deleted', FALSE, gone.row, NULL
    FROM (
        SELECT met.key, (SELECT after AS row FROM changes WHERE kind = 'actors' AND key = met.key
            ORDER BY sequence DESC LIMIT 1) AS row
        FROM replaced_rows AS met
        WHERE met.kind = 'actors'
            AND NOT EXISTS (SELECT 1 FROM actors AS row WHERE row.chitty_id = met.key)
    ) AS gone
    WHERE gone.row IS NOT NULL AND gone.key IS NOT OLD.chitty_id;
END;

-- The changes of installations.
CREATE TRIGGER installations_history_of_new AFTER INSERT ON installations
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), iif(row.updated_at GLOB '????-??-??T??:??:??.???Z', row.updated_at, NULL), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'installations' AND key = row.installation_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'installations', row.installation_id, CASE WHEN row.last IS NULL THEN 'created' WHEN ((row.last ->> 'uninstalled_at') IS NULL) IS (row.uninstalled_at IS NULL) THEN 'updated' WHEN row.uninstalled_at IS NULL THEN 'restored' ELSE 'deleted' END, FALSE, row.last, row.now
    FROM (
        SELECT *, json_object('installation_id', iif(typeof(row.installation_id) = 'blob', json_object('blob', hex(row.installation_id)), row.installation_id), 'chitty_id', iif(typeof(row.chitty_id) = 'blob', json_object('blob', hex(row.chitty_id)), row.chitty_id), 'chitty_dna_id', iif(typeof(row.chitty_dna_id) = 'blob', json_object('blob', hex(row.chitty_dna_id)), row.chitty_dna_id), 'account_id', iif(typeof(row.account_id) = 'blob', json_object('blob', hex(row.account_id)), row.account_id), 'account_login', iif(typeof(row.account_login) = 'blob', json_object('blob', hex(row.account_login)), row.account_login), 'account_type', iif(typeof(row.account_type) = 'blob', json_object('blob', hex(row.account_type)), row.account_type), 'account_avatar_url', iif(typeof(row.account_avatar_url) = 'blob', json_object('blob', hex(row.account_avatar_url)), row.account_avatar_url), 'repository_selection', iif(typeof(row.repository_selection) = 'blob', json_object('blob', hex(row.repository_selection)), row.repository_selection), 'permissions', iif(typeof(row.permissions) = 'blob', json_object('blob', hex(row.permissions)), row.permissions), 'events', iif(typeof(row.events) = 'blob', json_object('blob', hex(row.events)), row.events), 'selected_repositories', iif(typeof(row.selected_repositories) = 'blob', json_object('blob', hex(row.selected_repositories)), row.selected_repositories), 'suspended_at', iif(typeof(row.suspended_at) = 'blob', json_object('blob', hex(row.suspended_at)), row.suspended_at), 'suspended_by_chitty_id', iif(typeof(row.suspended_by_chitty_id) = 'blob', json_object('blob', hex(row.suspended_by_chitty_id)), row.suspended_by_chitty_id), 'installed_at', iif(typeof(row.installed_at) = 'blob', json_object('blob', hex(row.installed_at)), row.installed_at), 'updated_at', iif(typeof(row.updated_at) = 'blob', json_object('blob', hex(row.updated_at)), row.updated_at), 'uninstalled_at', iif(typeof(row.uninstalled_at) = 'blob', json_object('blob', hex(row.uninstalled_at)), row.uninstalled_at)) AS now, (SELECT after AS row FROM changes WHERE kind = 'installations' AND key = NEW.installation_id
            ORDER BY sequence DESC LIMIT 1) AS last
        FROM installations AS row WHERE row.rowid = NEW.rowid LIMIT 1
    ) AS row
    WHERE row.last IS NOT row.now;
END;

CREATE TRIGGER installations_history AFTER UPDATE ON installations
WHEN OLD.installation_id IS NEW.installation_id AND (
        OLD.installation_id IS NOT NEW.installation_id COLLATE BINARY
        OR OLD.chitty_id IS NOT NEW.chitty_id COLLATE BINARY
        OR OLD.chitty_dna_id IS NOT NEW.chitty_dna_id COLLATE BINARY
        OR OLD.account_id IS NOT NEW.account_id COLLATE BINARY
        OR OLD.account_login IS NOT NEW.account_login COLLATE BINARY
        OR OLD.account_type IS NOT NEW.account_type COLLATE BINARY
        OR OLD.account_avatar_url IS NOT NEW.account_avatar_url COLLATE BINARY
        OR OLD.repository_selection IS NOT NEW.repository_selection COLLATE BINARY
        OR OLD.permissions IS NOT NEW.permissions COLLATE BINARY
        OR OLD.events IS NOT NEW.events COLLATE BINARY
        OR OLD.selected_repositories IS NOT NEW.selected_repositories COLLATE BINARY
        OR OLD.suspended_at IS NOT NEW.suspended_at COLLATE BINARY
        OR OLD.suspended_by_chitty_id IS NOT NEW.suspended_by_chitty_id COLLATE BINARY
        OR OLD.installed_at IS NOT NEW.installed_at COLLATE BINARY
        OR OLD.updated_at IS NOT NEW.updated_at COLLATE BINARY
        OR OLD.uninstalled_at IS NOT NEW.uninstalled_at COLLATE BINARY
    )
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT
        coalesce(
            (SELECT at FROM writing),
            iif(row.updated_at IS NOT OLD.updated_at, iif(row.updated_at GLOB '????-??-??T??:??:??.???Z', row.updated_at, NULL), NULL),
            coalesce(
            (
                SELECT at FROM changes WHERE kind = 'installations' AND key = row.installation_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )
        ),
        (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing), 'installations', row.installation_id, CASE WHEN row.last IS NULL THEN 'created' WHEN ((row.last ->> 'uninstalled_at') IS NULL) IS (row.uninstalled_at IS NULL) THEN 'updated' WHEN row.uninstalled_at IS NULL THEN 'restored' ELSE 'deleted' END, FALSE,
        iif(row.last IS row.old, '{' || substr(iif(OLD.installation_id IS NOT row.installation_id COLLATE BINARY, ',"installation_id":' || json_quote(iif(typeof(OLD.installation_id) = 'blob', json_object('blob', hex(OLD.installation_id)), OLD.installation_id)), '')
            || iif(OLD.chitty_id IS NOT row.chitty_id COLLATE BINARY, ',"chitty_id":' || json_quote(iif(typeof(OLD.chitty_id) = 'blob', json_object('blob', hex(OLD.chitty_id)), OLD.chitty_id)), '')
            || iif(OLD.chitty_dna_id IS NOT row.chitty_dna_id COLLATE BINARY, ',"chitty_dna_id":' || json_quote(iif(typeof(OLD.chitty_dna_id) = 'blob', json_object('blob', hex(OLD.chitty_dna_id)), OLD.chitty_dna_id)), '')
            || iif(OLD.account_id IS NOT row.account_id COLLATE BINARY, ',"account_id":' || json_quote(iif(typeof(OLD.account_id) = 'blob', json_object('blob', hex(OLD.account_id)), OLD.account_id)), '')
            || iif(OLD.account_login IS NOT row.account_login COLLATE BINARY, ',"account_login":' || json_quote(iif(typeof(OLD.account_login) = 'blob', json_object('blob', hex(OLD.account_login)), OLD.account_login)), '')
            || iif(OLD.account_type IS NOT row.account_type COLLATE BINARY, ',"account_type":' || json_quote(iif(typeof(OLD.account_type) = 'blob', json_object('blob', hex(OLD.account_type)), OLD.account_type)), '')
            || iif(OLD.account_avatar_url IS NOT row.account_avatar_url COLLATE BINARY, ',"account_avatar_url":' || json_quote(iif(typeof(OLD.account_avatar_url) = 'blob', json_object('blob', hex(OLD.account_avatar_url)), OLD.account_avatar_url)), '')
            || iif(OLD.repository_selection IS NOT row.repository_selection COLLATE BINARY, ',"repository_selection":' || json_quote(iif(typeof(OLD.repository_selection) = 'blob', json_object('blob', hex(OLD.repository_selection)), OLD.repository_selection)), '')
            || iif(OLD.permissions IS NOT row.permissions COLLATE BINARY, ',"permissions":' || json_quote(iif(typeof(OLD.permissions) = 'blob', json_object('blob', hex(OLD.permissions)), OLD.permissions)), '')
            || iif(OLD.events IS NOT row.events COLLATE BINARY, ',"events":' || json_quote(iif(typeof(OLD.events) = 'blob', json_object('blob', hex(OLD.events)), OLD.events)), '')
            || iif(OLD.selected_repositories IS NOT row.selected_repositories COLLATE BINARY, ',"selected_repositories":' || json_quote(iif(typeof(OLD.selected_repositories) = 'blob', json_object('blob', hex(OLD.selected_repositories)), OLD.selected_repositories)), '')
            || iif(OLD.suspended_at IS NOT row.suspended_at COLLATE BINARY, ',"suspended_at":' || json_quote(iif(typeof(OLD.suspended_at) = 'blob', json_object('blob', hex(OLD.suspended_at)), OLD.suspended_at)), '')
            || iif(OLD.suspended_by_chitty_id IS NOT row.suspended_by_chitty_id COLLATE BINARY, ',"suspended_by_chitty_id":' || json_quote(iif(typeof(OLD.suspended_by_chitty_id) = 'blob', json_object('blob', hex(OLD.suspended_by_chitty_id)), OLD.suspended_by_chitty_id)), '')
            || iif(OLD.installed_at IS NOT row.installed_at COLLATE BINARY, ',"installed_at":' || json_quote(iif(typeof(OLD.installed_at) = 'blob', json_object('blob', hex(OLD.installed_at)), OLD.installed_at)), '')
            || iif(OLD.updated_at IS NOT row.updated_at COLLATE BINARY, ',"updated_at":' || json_quote(iif(typeof(OLD.updated_at) = 'blob', json_object('blob', hex(OLD.updated_at)), OLD.updated_at)), '')
            || iif(OLD.uninstalled_at IS NOT row.uninstalled_at COLLATE BINARY, ',"uninstalled_at":' || json_quote(iif(typeof(OLD.uninstalled_at) = 'blob', json_object('blob', hex(OLD.uninstalled_at)), OLD.uninstalled_at)), ''), 2) || '}', row.last), row.now
    FROM (
        SELECT *, json_object('installation_id', iif(typeof(row.installation_id) = 'blob', json_object('blob', hex(row.installation_id)), row.installation_id), 'chitty_id', iif(typeof(row.chitty_id) = 'blob', json_object('blob', hex(row.chitty_id)), row.chitty_id), 'chitty_dna_id', iif(typeof(row.chitty_dna_id) = 'blob', json_object('blob', hex(row.chitty_dna_id)), row.chitty_dna_id), 'account_id', iif(typeof(row.account_id) = 'blob', json_object('blob', hex(row.account_id)), row.account_id), 'account_login', iif(typeof(row.account_login) = 'blob', json_object('blob', hex(row.account_login)), row.account_login), 'account_type', iif(typeof(row.account_type) = 'blob', json_object('blob', hex(row.account_type)), row.account_type), 'account_avatar_url', iif(typeof(row.account_avatar_url) = 'blob', json_object('blob', hex(row.account_avatar_url)), row.account_avatar_url), 'repository_selection', iif(typeof(row.repository_selection) = 'blob', json_object('blob', hex(row.repository_selection)), row.repository_selection), 'permissions', iif(typeof(row.permissions) = 'blob', json_object('blob', hex(row.permissions)), row.permissions), 'events', iif(typeof(row.events) = 'blob', json_object('blob', hex(row.events)), row.events), 'selected_repositories', iif(typeof(row.selected_repositories) = 'blob', json_object('blob', hex(row.selected_repositories)), row.selected_repositories), 'suspended_at', iif(typeof(row.suspended_at) = 'blob', json_object('blob', hex(row.suspended_at)), row.suspended_at), 'suspended_by_chitty_id', iif(typeof(row.suspended_by_chitty_id) = 'blob', json_object('blob', hex(row.suspended_by_chitty_id)), row.suspended_by_chitty_id), 'installed_at', iif(typeof(row.installed_at) = 'blob', json_object('blob', hex(row.installed_at)), row.installed_at), 'updated_at', iif(typeof(row.updated_at) = 'blob', json_object('blob', hex(row.updated_at)), row.updated_at), 'uninstalled_at', iif(typeof(row.uninstalled_at) = 'blob', json_object('blob', hex(row.uninstalled_at)), row.uninstalled_at)) AS now, json_object('installation_id', iif(typeof(OLD.installation_id) = 'blob', json_object('blob', hex(OLD.installation_id)), OLD.installation_id), 'chitty_id', iif(typeof(OLD.chitty_id) = 'blob', json_object('blob', hex(OLD.chitty_id)), OLD.chitty_id), 'chitty_dna_id', iif(typeof(OLD.chitty_dna_id) = 'blob', json_object('blob', hex(OLD.chitty_dna_id)), OLD.chitty_dna_id), 'account_id', iif(typeof(OLD.account_id) = 'blob', json_object('blob', hex(OLD.account_id)), OLD.account_id), 'account_login', iif(typeof(OLD.account_login) = 'blob', json_object('blob', hex(OLD.account_login)), OLD.account_login), 'account_type', iif(typeof(OLD.account_type) = 'blob', json_object('blob', hex(OLD.account_type)), OLD.account_type), 'account_avatar_url', iif(typeof(OLD.account_avatar_url) = 'blob', json_object('blob', hex(OLD.account_avatar_url)), OLD.account_avatar_url), 'repository_selection', iif(typeof(OLD.repository_selection) = 'blob', json_object('blob', hex(OLD.repository_selection)), OLD.repository_selection), 'permissions', iif(typeof(OLD.permissions) = 'blob', json_object('blob', hex(OLD.permissions)), OLD.permissions), 'events', iif(typeof(OLD.events) = 'blob', json_object('blob', hex(OLD.events)), OLD.events), 'selected_repositories', iif(typeof(OLD.selected_repositories) = 'blob', json_object('blob', hex(OLD.selected_repositories)), OLD.selected_repositories), 'suspended_at', iif(typeof(OLD.suspended_at) = 'blob', json_object('blob', hex(OLD.suspended_at)), OLD.suspended_at), 'suspended_by_chitty_id', iif(typeof(OLD.suspended_by_chitty_id) = 'blob', json_object('blob', hex(OLD.suspended_by_chitty_id)), OLD.suspended_by_chitty_id), 'installed_at', iif(typeof(OLD.installed_at) = 'blob', json_object('blob', hex(OLD.installed_at)), OLD.installed_at), 'updated_at', iif(typeof(OLD.updated_at) = 'blob', json_object('blob', hex(OLD.updated_at)), OLD.updated_at), 'uninstalled_at', iif(typeof(OLD.uninstalled_at) = 'blob', json_object('blob', hex(OLD.uninstalled_at)), OLD.uninstalled_at)) AS old, (SELECT after AS row FROM changes WHERE kind = 'installations' AND key = NEW.installation_id
            ORDER BY sequence DESC LIMIT 1) AS last
        FROM installations AS row WHERE row.rowid = NEW.rowid LIMIT 1
    ) AS row
    WHERE row.last IS NOT row.now;
END;

CREATE TRIGGER installations_history_of_key AFTER UPDATE OF installation_id ON installations
WHEN OLD.installation_id IS NOT NEW.installation_id
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'installations' AND key = OLD.installation_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'installations', OLD.installation_id, 'deleted', FALSE, last.row, NULL
    FROM (SELECT after AS row FROM changes WHERE kind = 'installations' AND key = OLD.installation_id
            ORDER BY sequence DESC LIMIT 1) AS last WHERE last.row IS NOT NULL;
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), iif(row.updated_at GLOB '????-??-??T??:??:??.???Z', row.updated_at, NULL), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'installations' AND key = row.installation_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'installations', row.installation_id, CASE WHEN row.last IS NULL THEN 'created' WHEN ((row.last ->> 'uninstalled_at') IS NULL) IS (row.uninstalled_at IS NULL) THEN 'updated' WHEN row.uninstalled_at IS NULL THEN 'restored' ELSE 'deleted' END, FALSE, row.last, row.now
    FROM (
        SELECT *, json_object('installation_id', iif(typeof(row.installation_id) = 'blob', json_object('blob', hex(row.installation_id)), row.installation_id), 'chitty_id', iif(typeof(row.chitty_id) = 'blob', json_object('blob', hex(row.chitty_id)), row.chitty_id), 'chitty_dna_id', iif(typeof(row.chitty_dna_id) = 'blob', json_object('blob', hex(row.chitty_dna_id)), row.chitty_dna_id), 'account_id', iif(typeof(row.account_id) = 'blob', json_object('blob', hex(row.account_id)), row.account_id), 'account_login', iif(typeof(row.account_login) = 'blob', json_object('blob', hex(row.account_login)), row.account_login), 'account_type', iif(typeof(row.account_type) = 'blob', json_object('blob', hex(row.account_type)), row.account_type), 'account_avatar_url', iif(typeof(row.account_avatar_url) = 'blob', json_object('blob', hex(row.account_avatar_url)), row.account_avatar_url), 'repository_selection', iif(typeof(row.repository_selection) = 'blob', json_object('blob', hex(row.repository_selection)), row.repository_selection), 'permissions', iif(typeof(row.permissions) = 'blob', json_object('blob', hex(row.permissions)), row.permissions), 'events', iif(typeof(row.events) = 'blob', json_object('blob', hex(row.events)), row.events), 'selected_repositories', iif(typeof(row.selected_repositories) = 'blob', json_object('blob', hex(row.selected_repositories)), row.selected_repositories), 'suspended_at', iif(typeof(row.suspended_at) = 'blob', json_object('blob', hex(row.suspended_at)), row.suspended_at), 'suspended_by_chitty_id', iif(typeof(row.suspended_by_chitty_id) = 'blob', json_object('blob', hex(row.suspended_by_chitty_id)), row.suspended_by_chitty_id), 'installed_at', iif(typeof(row.installed_at) = 'blob', json_object('blob', hex(row.installed_at)), row.installed_at), 'updated_at', iif(typeof(row.updated_at) = 'blob', json_object('blob', hex(row.updated_at)), row.updated_at), 'uninstalled_at', iif(typeof(row.uninstalled_at) = 'blob', json_object('blob', hex(row.uninstalled_at)), row.uninstalled_at)) AS now, (SELECT after AS row FROM changes WHERE kind = 'installations' AND key = NEW.installation_id
            ORDER BY sequence DESC LIMIT 1) AS last
        FROM installations AS row WHERE row.rowid = NEW.rowid LIMIT 1
    ) AS row
    WHERE row.last IS NOT row.now;
END;

CREATE TRIGGER installations_history_of_old AFTER DELETE ON installations
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'installations' AND key = OLD.installation_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'installations', OLD.installation_id, 'deleted', FALSE, last.row, NULL
    FROM (SELECT after AS row FROM changes WHERE kind = 'installations' AND key = OLD.installation_id
            ORDER BY sequence DESC LIMIT 1) AS last WHERE last.row IS NOT NULL;
END;

CREATE TRIGGER installations_met_by_new BEFORE INSERT ON installations
WHEN EXISTS (SELECT 1 FROM installations AS row WHERE row.installation_id = NEW.installation_id OR row.chitty_id = NEW.chitty_id)
BEGIN
    DELETE FROM replaced_rows;
    INSERT INTO replaced_rows (kind, key)
    SELECT 'installations', row.installation_id FROM installations AS row WHERE row.installation_id = NEW.installation_id OR row.chitty_id = NEW.chitty_id;
END;

CREATE TRIGGER installations_met BEFORE UPDATE OF installation_id, chitty_id ON installations
WHEN EXISTS (SELECT 1 FROM installations AS row WHERE (row.installation_id = NEW.installation_id OR row.chitty_id = NEW.chitty_id) AND row.rowid <> OLD.rowid)
BEGIN
    DELETE FROM replaced_rows;
    INSERT INTO replaced_rows (kind, key)
    SELECT 'installations', row.installation_id FROM installations AS row
    WHERE (row.installation_id = NEW.installation_id OR row.chitty_id = NEW.chitty_id) AND row.rowid <> OLD.rowid;
END;

CREATE TRIGGER installations_replaced_by_new AFTER INSERT ON installations
WHEN EXISTS (SELECT 1 FROM replaced_rows WHERE kind = 'installations')
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'installations' AND key = gone.key
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'installations', gone.key, 'deleted', FALSE, gone.row, NULL
    FROM (
        SELECT met.key, (SELECT after AS row FROM changes WHERE kind = 'installations' AND key = met.key
            ORDER BY sequence DESC LIMIT 1) AS row
        FROM replaced_rows AS met
        WHERE met.kind = 'installations'
            AND NOT EXISTS (SELECT 1 FROM installations AS row WHERE row.installation_id = met.key)
    ) AS gone
    WHERE gone.row IS NOT NULL;
END;

CREATE TRIGGER installations_replaced AFTER UPDATE OF installation_id, chitty_id ON installations
WHEN EXISTS (SELECT 1 FROM replaced_rows WHERE kind = 'installations')
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'installations' AND key = gone.key
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'installations', gone.key, 'deleted', FALSE, gone.row, NULL
    FROM (
        SELECT met.key, (SELECT after AS row FROM changes WHERE kind = 'installations' AND key = met.key
            ORDER BY sequence DESC LIMIT 1) AS row
        FROM replaced_rows AS met
        WHERE met.kind = 'installations'
            AND NOT EXISTS (SELECT 1 FROM installations AS row WHERE row.installation_id = met.key)
    ) AS gone
    WHERE gone.row IS NOT NULL AND gone.key IS NOT OLD.installation_id;
END;

-- The changes of contexts.
CREATE TRIGGER contexts_history_of_new AFTER INSERT ON contexts
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), iif(row.updated_at GLOB '????-??-??T??:??:??.???Z', row.updated_at, NULL), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'contexts' AND key = row.chitty_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'contexts', row.chitty_id, CASE WHEN row.last IS NULL THEN 'created' WHEN ((row.last ->> 'status') <> 'deleted') IS (row.status <> 'deleted') THEN 'updated' WHEN row.status <> 'deleted' THEN 'restored' ELSE 'deleted' END, FALSE, row.last, row.now
    FROM (
        SELECT *, json_object('chitty_id', iif(typeof(row.chitty_id) = 'blob', json_object('blob', hex(row.chitty_id)), row.chitty_id), 'name', iif(typeof(row.name) = 'blob', json_object('blob', hex(row.name)), row.name), 'owner_chitty_id', iif(typeof(row.owner_chitty_id) = 'blob', json_object('blob', hex(row.owner_chitty_id)), row.owner_chitty_id), 'data', iif(typeof(row.data) = 'blob', json_object('blob', hex(row.data)), row.data), 'systems', iif(typeof(row.systems) = 'blob', json_object('blob', hex(row.systems)), row.systems), 'tools', iif(typeof(row.tools) = 'blob', json_object('blob', hex(row.tools)), row.tools), 'chitty_dna_id', iif(typeof(row.chitty_dna_id) = 'blob', json_object('blob', hex(row.chitty_dna_id)), row.chitty_dna_id), 'chitty_chronicle_timeline_id', iif(typeof(row.chitty_chronicle_timeline_id) = 'blob', json_object('blob', hex(row.chitty_chronicle_timeline_id)), row.chitty_chronicle_timeline_id), 'status', iif(typeof(row.status) = 'blob', json_object('blob', hex(row.status)), row.status), 'created_at', iif(typeof(row.created_at) = 'blob', json_object('blob', hex(row.created_at)), row.created_at), 'updated_at', iif(typeof(row.updated_at) = 'blob', json_object('blob', hex(row.updated_at)), row.updated_at), 'deleted_at', iif(typeof(row.deleted_at) = 'blob', json_object('blob', hex(row.deleted_at)), row.deleted_at)) AS now, (SELECT after AS row FROM changes WHERE kind = 'contexts' AND key = NEW.chitty_id
            ORDER BY sequence DESC LIMIT 1) AS last
        FROM contexts AS row WHERE row.rowid = NEW.rowid LIMIT 1
    ) AS row
    WHERE row.last IS NOT row.now;
END;

CREATE TRIGGER contexts_history AFTER UPDATE ON contexts
WHEN OLD.chitty_id IS NEW.chitty_id AND (
        OLD.chitty_id IS NOT NEW.chitty_id COLLATE BINARY
        OR OLD.name IS NOT NEW.name COLLATE BINARY
        OR OLD.owner_chitty_id IS NOT NEW.owner_chitty_id COLLATE BINARY
        OR OLD.data IS NOT NEW.data COLLATE BINARY
        OR OLD.systems IS NOT NEW.systems COLLATE BINARY
        OR OLD.tools IS NOT NEW.tools COLLATE BINARY
        OR OLD.chitty_dna_id IS NOT NEW.chitty_dna_id COLLATE BINARY
        OR OLD.chitty_chronicle_timeline_id IS NOT NEW.chitty_chronicle_timeline_id COLLATE BINARY
        OR OLD.status IS NOT NEW.status COLLATE BINARY
        OR OLD.created_at IS NOT NEW.created_at COLLATE BINARY
        OR OLD.updated_at IS NOT NEW.updated_at COLLATE BINARY
        OR OLD.deleted_at IS NOT NEW.deleted_at COLLATE BINARY
    )
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT
        coalesce(
            (SELECT at FROM writing),
            iif(row.updated_at IS NOT OLD.updated_at, iif(row.updated_at GLOB '????-??-??T??:??:??.???Z', row.updated_at, NULL), NULL),
            coalesce(
            (
                SELECT at FROM changes WHERE kind = 'contexts' AND key = row.chitty_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )
        ),
        (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing), 'contexts', row.chitty_id, CASE WHEN row.last IS NULL THEN 'created' WHEN ((row.last ->> 'status') <> 'deleted') IS (row.status <> 'deleted') THEN 'updated' WHEN row.status <> 'deleted' THEN 'restored' ELSE 'deleted' END, FALSE,
        iif(row.last IS row.old, '{' || substr(iif(OLD.chitty_id IS NOT row.chitty_id COLLATE BINARY, ',"chitty_id":' || json_quote(iif(typeof(OLD.chitty_id) = 'blob', json_object('blob', hex(OLD.chitty_id)), OLD.chitty_id)), '')
            || iif(OLD.name IS NOT row.name COLLATE BINARY, ',"name":' || json_quote(iif(typeof(OLD.name) = 'blob', json_object('blob', hex(OLD.name)), OLD.name)), '')
            || iif(OLD.owner_chitty_id IS NOT row.owner_chitty_id COLLATE BINARY, ',"owner_chitty_id":' || json_quote(iif(typeof(OLD.owner_chitty_id) = 'blob', json_object('blob', hex(OLD.owner_chitty_id)), OLD.owner_chitty_id)), '')
            || iif(OLD.data IS NOT row.data COLLATE BINARY, ',"data":' || json_quote(iif(typeof(OLD.data) = 'blob', json_object('blob', hex(OLD.data)), OLD.data)), '')
            || iif(OLD.systems IS NOT row.systems COLLATE BINARY, ',"systems":' || json_quote(iif(typeof(OLD.systems) = 'blob', json_object('blob', hex(OLD.systems)), OLD.systems)), '')
            || iif(OLD.tools IS NOT row.tools COLLATE BINARY, ',"tools":' || json_quote(iif(typeof(OLD.tools) = 'blob', json_object('blob', hex(OLD.tools)), OLD.tools)), '')
            || iif(OLD.chitty_dna_id IS NOT row.chitty_dna_id COLLATE BINARY, ',"chitty_dna_id":' || json_quote(iif(typeof(OLD.chitty_dna_id) = 'blob', json_object('blob', hex(OLD.chitty_dna_id)), OLD.chitty_dna_id)), '')
            || iif(OLD.chitty_chronicle_timeline_id IS NOT row.chitty_chronicle_timeline_id COLLATE BINARY, ',"chitty_chronicle_timeline_id":' || json_quote(iif(typeof(OLD.chitty_chronicle_timeline_id) = 'blob', json_object('blob', hex(OLD.chitty_chronicle_timeline_id)), OLD.chitty_chronicle_timeline_id)), '')
            || iif(OLD.status IS NOT row.status COLLATE BINARY, ',"status":' || json_quote(iif(typeof(OLD.status) = 'blob', json_object('blob', hex(OLD.status)), OLD.status)), '')
            || iif(OLD.created_at IS NOT row.created_at COLLATE BINARY, ',"created_at":' || json_quote(iif(typeof(OLD.created_at) = 'blob', json_object('blob', hex(OLD.created_at)), OLD.created_at)), '')
            || iif(OLD.updated_at IS NOT row.updated_at COLLATE BINARY, ',"updated_at":' || json_quote(iif(typeof(OLD.updated_at) = 'blob', json_object('blob', hex(OLD.updated_at)), OLD.updated_at)), '')
            || iif(OLD.deleted_at IS NOT row.deleted_at COLLATE BINARY, ',"deleted_at":' || json_quote(iif(typeof(OLD.deleted_at) = 'blob', json_object('blob', hex(OLD.deleted_at)), OLD.deleted_at)), ''), 2) || '}', row.last), row.now
    FROM (
        SELECT *, json_object('chitty_id', iif(typeof(row.chitty_id) = 'blob', json_object('blob', hex(row.chitty_id)), row.chitty_id), 'name', iif(typeof(row.name) = 'blob', json_object('blob', hex(row.name)), row.name), 'owner_chitty_id', iif(typeof(row.owner_chitty_id) = 'blob', json_object('blob', hex(row.owner_chitty_id)), row.owner_chitty_id), 'data', iif(typeof(row.data) = 'blob', json_object('blob', hex(row.data)), row.data), 'systems', iif(typeof(row.systems) = 'blob', json_object('blob', hex(row.systems)), row.systems), 'tools', iif(typeof(row.tools) = 'blob', json_object('blob', hex(row.tools)), row.tools), 'chitty_dna_id', iif(typeof(row.chitty_dna_id) = 'blob', json_object('blob', hex(row.chitty_dna_id)), row.chitty_dna_id), 'chitty_chronicle_timeline_id', iif(typeof(row.chitty_chronicle_timeline_id) = 'blob', json_object('blob', hex(row.chitty_chronicle_timeline_id)), row.chitty_chronicle_timeline_id), 'status', iif(typeof(row.status) = 'blob', json_object('blob', hex(row.status)), row.status), 'created_at', iif(typeof(row.created_at) = 'blob', json_object('blob', hex(row.created_at)), row.created_at), 'updated_at', iif(typeof(row.updated_at) = 'blob', json_object('blob', hex(row.updated_at)), row.updated_at), 'deleted_at', iif(typeof(row.deleted_at) = 'blob', json_object('blob', hex(row.deleted_at)), row.deleted_at)) AS now, json_object('chitty_id', iif(typeof(OLD.chitty_id) = 'blob', json_object('blob', hex(OLD.chitty_id)), OLD.chitty_id), 'name', iif(typeof(OLD.name) = 'blob', json_object('blob', hex(OLD.name)), OLD.name), 'owner_chitty_id', iif(typeof(OLD.owner_chitty_id) = 'blob', json_object('blob', hex(OLD.owner_chitty_id)), OLD.owner_chitty_id), 'data', iif(typeof(OLD.data) = 'blob', json_object('blob', hex(OLD.data)), OLD.data), 'systems', iif(typeof(OLD.systems) = 'blob', json_object('blob', hex(OLD.systems)), OLD.systems), 'tools', iif(typeof(OLD.tools) = 'blob', json_object('blob', hex(OLD.tools)), OLD.tools), 'chitty_dna_id', iif(typeof(OLD.chitty_dna_id) = 'blob', json_object('blob', hex(OLD.chitty_dna_id)), OLD.chitty_dna_id), 'chitty_chronicle_timeline_id', iif(typeof(OLD.chitty_chronicle_timeline_id) = 'blob', json_object('blob', hex(OLD.chitty_chronicle_timeline_id)), OLD.chitty_chronicle_timeline_id), 'status', iif(typeof(OLD.status) = 'blob', json_object('blob', hex(OLD.status)), OLD.status), 'created_at', iif(typeof(OLD.created_at) = 'blob', json_object('blob', hex(OLD.created_at)), OLD.created_at), 'updated_at', iif(typeof(OLD.updated_at) = 'blob', json_object('blob', hex(OLD.updated_at)), OLD.updated_at), 'deleted_at', iif(typeof(OLD.deleted_at) = 'blob', json_object('blob', hex(OLD.deleted_at)), OLD.deleted_at)) AS old, (SELECT after AS row FROM changes WHERE kind = 'contexts' AND key = NEW.chitty_id
            ORDER BY sequence DESC LIMIT 1) AS last
        FROM contexts AS row WHERE row.rowid = NEW.rowid LIMIT 1
    ) AS row
    WHERE row.last IS NOT row.now;
END;

CREATE TRIGGER contexts_history_of_key AFTER UPDATE OF chitty_id ON contexts
WHEN OLD.chitty_id IS NOT NEW.chitty_id
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'contexts' AND key = OLD.chitty_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'contexts', OLD.chitty_id, 'deleted', FALSE, last.row, NULL
    FROM (SELECT after AS row FROM changes WHERE kind = 'contexts' AND key = OLD.chitty_id
            ORDER BY sequence DESC LIMIT 1) AS last WHERE last.row IS NOT NULL;
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), iif(row.updated_at GLOB '????-??-??T??:??:??.???Z', row.updated_at, NULL), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'contexts' AND key = row.chitty_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'contexts', row.chitty_id, CASE WHEN row.last IS NULL THEN 'created' WHEN ((row.last ->> 'status') <> 'deleted') IS (row.status <> 'deleted') THEN 'updated' WHEN row.status <> 'deleted' THEN 'restored' ELSE 'deleted' END, FALSE, row.last, row.now
    FROM (
        SELECT *, json_object('chitty_id', iif(typeof(row.chitty_id) = 'blob', json_object('blob', hex(row.chitty_id)), row.chitty_id), 'name', iif(typeof(row.name) = 'blob', json_object('blob', hex(row.name)), row.name), 'owner_chitty_id', iif(typeof(row.owner_chitty_id) = 'blob', json_object('blob', hex(row.owner_chitty_id)), row.owner_chitty_id), 'data', iif(typeof(row.data) = 'blob', json_object('blob', hex(row.data)), row.data), 'systems', iif(typeof(row.systems) = 'blob', json_object('blob', hex(row.systems)), row.systems), 'tools', iif(typeof(row.tools) = 'blob', json_object('blob', hex(row.tools)), row.tools), 'chitty_dna_id', iif(typeof(row.chitty_dna_id) = 'blob', json_object('blob', hex(row.chitty_dna_id)), row.chitty_dna_id), 'chitty_chronicle_timeline_id', iif(typeof(row.chitty_chronicle_timeline_id) = 'blob', json_object('blob', hex(row.chitty_chronicle_timeline_id)), row.chitty_chronicle_timeline_id), 'status', iif(typeof(row.status) = 'blob', json_object('blob', hex(row.status)), row.status), 'created_at', iif(typeof(row.created_at) = 'blob', json_object('blob', hex(row.created_at)), row.created_at), 'updated_at', iif(typeof(row.updated_at) = 'blob', json_object('blob', hex(row.updated_at)), row.updated_at), 'deleted_at', iif(typeof(row.deleted_at) = 'blob', json_object('blob', hex(row.deleted_at)), row.deleted_at)) AS now, (SELECT after AS row FROM changes WHERE kind = 'contexts' AND key = NEW.chitty_id
            ORDER BY sequence DESC LIMIT 1) AS last
        FROM contexts AS row WHERE row.rowid = NEW.rowid LIMIT 1
    ) AS row
    WHERE row.last IS NOT row.now;
END;

CREATE TRIGGER contexts_history_of_old AFTER DELETE ON contexts
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'contexts' AND key = OLD.chitty_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'contexts', OLD.chitty_id, 'deleted', FALSE, last.row, NULL
    FROM (SELECT after AS row FROM changes WHERE kind = 'contexts' AND key = OLD.chitty_id
            ORDER BY sequence DESC LIMIT 1) AS last WHERE last.row IS NOT NULL;
END;

CREATE TRIGGER contexts_met_by_new BEFORE INSERT ON contexts
WHEN EXISTS (SELECT 1 FROM contexts AS row WHERE row.chitty_id = NEW.chitty_id OR row.name = NEW.name)
BEGIN
    DELETE FROM replaced_rows;
    INSERT INTO replaced_rows (kind, key)
    SELECT 'contexts', row.chitty_id FROM contexts AS row WHERE row.chitty_id = NEW.chitty_id OR row.name = NEW.name;
END;

CREATE TRIGGER contexts_met BEFORE UPDATE OF chitty_id, name ON contexts
WHEN EXISTS (SELECT 1 FROM contexts AS row WHERE (row.chitty_id = NEW.chitty_id OR row.name = NEW.name) AND row.rowid <> OLD.rowid)
BEGIN
    DELETE FROM replaced_rows;
    INSERT INTO replaced_rows (kind, key)
    SELECT 'contexts', row.chitty_id FROM contexts AS row
    WHERE (row.chitty_id = NEW.chitty_id OR row.name = NEW.name) AND row.rowid <> OLD.rowid;
END;

CREATE TRIGGER contexts_replaced_by_new AFTER INSERT ON contexts
WHEN EXISTS (SELECT 1 FROM replaced_rows WHERE kind = 'contexts')
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'contexts' AND key = gone.key
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'contexts', gone.key, 'deleted', FALSE, gone.row, NULL
    FROM (
        SELECT met.key, (SELECT after AS row FROM changes WHERE kind = 'contexts' AND key = met.key
            ORDER BY sequence DESC LIMIT 1) AS row
        FROM replaced_rows AS met
        WHERE met.kind = 'contexts'
            AND NOT EXISTS (SELECT 1 FROM contexts AS row WHERE row.chitty_id = met.key)
    ) AS gone
    WHERE gone.row IS NOT NULL;
END;

CREATE TRIGGER contexts_replaced AFTER UPDATE OF chitty_id, name ON contexts
WHEN EXISTS (SELECT 1 FROM replaced_rows WHERE kind = 'contexts')
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'contexts' AND key = gone.key
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'contexts', gone.key, 'deleted', FALSE, gone.row, NULL
    FROM (
        SELECT met.key, (SELECT after AS row FROM changes WHERE kind = 'contexts' AND key = met.key
            ORDER BY sequence DESC LIMIT 1) AS row
        FROM replaced_rows AS met
        WHERE met.kind = 'contexts'
            AND NOT EXISTS (SELECT 1 FROM contexts AS row WHERE row.chitty_id = met.key)
    ) AS gone
    WHERE gone.row IS NOT NULL AND gone.key IS NOT OLD.chitty_id;
END;

-- The changes of connections.
CREATE TRIGGER connections_history_of_new AFTER INSERT ON connections
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), iif(row.updated_at GLOB '????-??-??T??:??:??.???Z', row.updated_at, NULL), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'connections' AND key = row.connection_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'connections', row.connection_id, CASE WHEN row.last IS NULL THEN 'created' WHEN ((row.last ->> 'status') <> 'disconnected') IS (row.status <> 'disconnected') THEN 'updated' WHEN row.status <> 'disconnected' THEN 'restored' ELSE 'deleted' END, FALSE, row.last, row.now
    FROM (
        SELECT *, json_object('connection_id', iif(typeof(row.connection_id) = 'blob', json_object('blob', hex(row.connection_id)), row.connection_id), 'source_chitty_id', iif(typeof(row.source_chitty_id) = 'blob', json_object('blob', hex(row.source_chitty_id)), row.source_chitty_id), 'source_type', iif(typeof(row.source_type) = 'blob', json_object('blob', hex(row.source_type)), row.source_type), 'target_service', iif(typeof(row.target_service) = 'blob', json_object('blob', hex(row.target_service)), row.target_service), 'target_endpoint', iif(typeof(row.target_endpoint) = 'blob', json_object('blob', hex(row.target_endpoint)), row.target_endpoint), 'connection_type', iif(typeof(row.connection_type) = 'blob', json_object('blob', hex(row.connection_type)), row.connection_type), 'credentials_kv_key', iif(typeof(row.credentials_kv_key) = 'blob', json_object('blob', hex(row.credentials_kv_key)), row.credentials_kv_key), 'status', iif(typeof(row.status) = 'blob', json_object('blob', hex(row.status)), row.status), 'last_health_check', iif(typeof(row.last_health_check) = 'blob', json_object('blob', hex(row.last_health_check)), row.last_health_check), 'last_error', iif(typeof(row.last_error) = 'blob', json_object('blob', hex(row.last_error)), row.last_error), 'error_count', iif(typeof(row.error_count) = 'blob', json_object('blob', hex(row.error_count)), row.error_count), 'request_count', iif(typeof(row.request_count) = 'blob', json_object('blob', hex(row.request_count)), row.request_count), 'last_used_at', iif(typeof(row.last_used_at) = 'blob', json_object('blob', hex(row.last_used_at)), row.last_used_at), 'config', iif(typeof(row.config) = 'blob', json_object('blob', hex(row.config)), row.config), 'installation_id', iif(typeof(row.installation_id) = 'blob', json_object('blob', hex(row.installation_id)), row.installation_id), 'created_at', iif(typeof(row.created_at) = 'blob', json_object('blob', hex(row.created_at)), row.created_at), 'updated_at', iif(typeof(row.updated_at) = 'blob', json_object('blob', hex(row.updated_at)), row.updated_at), 'disconnected_at', iif(typeof(row.disconnected_at) = 'blob', json_object('blob', hex(row.disconnected_at)), row.disconnected_at)) AS now, (SELECT after AS row FROM changes WHERE kind = 'connections' AND key = NEW.connection_id
            ORDER BY sequence DESC LIMIT 1) AS last
        FROM connections AS row WHERE row.rowid = NEW.rowid LIMIT 1
    ) AS row
    WHERE row.last IS NOT row.now;
END;

CREATE TRIGGER connections_history AFTER UPDATE ON connections
WHEN OLD.connection_id IS NEW.connection_id AND (
        OLD.connection_id IS NOT NEW.connection_id COLLATE BINARY
        OR OLD.source_chitty_id IS NOT NEW.source_chitty_id COLLATE BINARY
        OR OLD.source_type IS NOT NEW.source_type COLLATE BINARY
        OR OLD.target_service IS NOT NEW.target_service COLLATE BINARY
        OR OLD.target_endpoint IS NOT NEW.target_endpoint COLLATE BINARY
        OR OLD.connection_type IS NOT NEW.connection_type COLLATE BINARY
        OR OLD.credentials_kv_key IS NOT NEW.credentials_kv_key COLLATE BINARY
        OR OLD.status IS NOT NEW.status COLLATE BINARY
        OR OLD.last_health_check IS NOT NEW.last_health_check COLLATE BINARY
        OR OLD.last_error IS NOT NEW.last_error COLLATE BINARY
        OR OLD.error_count IS NOT NEW.error_count COLLATE BINARY
        OR OLD.request_count IS NOT NEW.request_count COLLATE BINARY
        OR OLD.last_used_at IS NOT NEW.last_used_at COLLATE BINARY
        OR OLD.config IS NOT NEW.config COLLATE BINARY
        OR OLD.installation_id IS NOT NEW.installation_id COLLATE BINARY
        OR OLD.created_at IS NOT NEW.created_at COLLATE BINARY
        OR OLD.updated_at IS NOT NEW.updated_at COLLATE BINARY
        OR OLD.disconnected_at IS NOT NEW.disconnected_at COLLATE BINARY
    )
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT
        coalesce(
            (SELECT at FROM writing),
            iif(row.updated_at IS NOT OLD.updated_at, iif(row.updated_at GLOB '????-??-??T??:??:??.???Z', row.updated_at, NULL), NULL),
            coalesce(
            (
                SELECT at FROM changes WHERE kind = 'connections' AND key = row.connection_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )
        ),
        (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing), 'connections', row.connection_id, CASE WHEN row.last IS NULL THEN 'created' WHEN ((row.last ->> 'status') <> 'disconnected') IS (row.status <> 'disconnected') THEN 'updated' WHEN row.status <> 'disconnected' THEN 'restored' ELSE 'deleted' END, iif(row.last IS row.old, NOT (
        OLD.connection_id IS NOT row.connection_id COLLATE BINARY
        OR OLD.source_chitty_id IS NOT row.source_chitty_id COLLATE BINARY
        OR OLD.source_type IS NOT row.source_type COLLATE BINARY
        OR OLD.target_service IS NOT row.target_service COLLATE BINARY
        OR OLD.target_endpoint IS NOT row.target_endpoint COLLATE BINARY
        OR OLD.connection_type IS NOT row.connection_type COLLATE BINARY
        OR OLD.status IS NOT row.status COLLATE BINARY
        OR OLD.last_health_check IS NOT row.last_health_check COLLATE BINARY
        OR OLD.last_error IS NOT row.last_error COLLATE BINARY
        OR OLD.error_count IS NOT row.error_count COLLATE BINARY
        OR OLD.request_count IS NOT row.request_count COLLATE BINARY
        OR OLD.last_used_at IS NOT row.last_used_at COLLATE BINARY
        OR OLD.config IS NOT row.config COLLATE BINARY
        OR OLD.installation_id IS NOT row.installation_id COLLATE BINARY
        OR OLD.created_at IS NOT row.created_at COLLATE BINARY
        OR OLD.updated_at IS NOT row.updated_at COLLATE BINARY
        OR OLD.disconnected_at IS NOT row.disconnected_at COLLATE BINARY
        ),
            json_remove(row.last, '$.credentials_kv_key') IS json_remove(row.now, '$.credentials_kv_key')),
        iif(row.last IS row.old, '{' || substr(iif(OLD.connection_id IS NOT row.connection_id COLLATE BINARY, ',"connection_id":' || json_quote(iif(typeof(OLD.connection_id) = 'blob', json_object('blob', hex(OLD.connection_id)), OLD.connection_id)), '')
            || iif(OLD.source_chitty_id IS NOT row.source_chitty_id COLLATE BINARY, ',"source_chitty_id":' || json_quote(iif(typeof(OLD.source_chitty_id) = 'blob', json_object('blob', hex(OLD.source_chitty_id)), OLD.source_chitty_id)), '')
            || iif(OLD.source_type IS NOT row.source_type COLLATE BINARY, ',"source_type":' || json_quote(iif(typeof(OLD.source_type) = 'blob', json_object('blob', hex(OLD.source_type)), OLD.source_type)), '')
            || iif(OLD.target_service IS NOT row.target_service COLLATE BINARY, ',"target_service":' || json_quote(iif(typeof(OLD.target_service) = 'blob', json_object('blob', hex(OLD.target_service)), OLD.target_service)), '')
            || iif(OLD.target_endpoint IS NOT row.target_endpoint COLLATE BINARY, ',"target_endpoint":' || json_quote(iif(typeof(OLD.target_endpoint) = 'blob', json_object('blob', hex(OLD.target_endpoint)), OLD.target_endpoint)), '')
            || iif(OLD.connection_type IS NOT row.connection_type COLLATE BINARY, ',"connection_type":' || json_quote(iif(typeof(OLD.connection_type) = 'blob', json_object('blob', hex(OLD.connection_type)), OLD.connection_type)), '')
            || iif(OLD.credentials_kv_key IS NOT row.credentials_kv_key COLLATE BINARY, ',"credentials_kv_key":' || json_quote(iif(typeof(OLD.credentials_kv_key) = 'blob', json_object('blob', hex(OLD.credentials_kv_key)), OLD.credentials_kv_key)), '')
            || iif(OLD.status IS NOT row.status COLLATE BINARY, ',"status":' || json_quote(iif(typeof(OLD.status) = 'blob', json_object('blob', hex(OLD.status)), OLD.status)), '')
            || iif(OLD.last_health_check IS NOT row.last_health_check COLLATE BINARY, ',"last_health_check":' || json_quote(iif(typeof(OLD.last_health_check) = 'blob', json_object('blob', hex(OLD.last_health_check)), OLD.last_health_check)), '')
            || iif(OLD.last_error IS NOT row.last_error COLLATE BINARY, ',"last_error":' || json_quote(iif(typeof(OLD.last_error) = 'blob', json_object('blob', hex(OLD.last_error)), OLD.last_error)), '')
            || iif(OLD.error_count IS NOT row.error_count COLLATE BINARY, ',"error_count":' || json_quote(iif(typeof(OLD.error_count) = 'blob', json_object('blob', hex(OLD.error_count)), OLD.error_count)), '')
            || iif(OLD.request_count IS NOT row.request_count COLLATE BINARY, ',"request_count":' || json_quote(iif(typeof(OLD.request_count) = 'blob', json_object('blob', hex(OLD.request_count)), OLD.request_count)), '')
            || iif(OLD.last_used_at IS NOT row.last_used_at COLLATE BINARY, ',"last_used_at":' || json_quote(iif(typeof(OLD.last_used_at) = 'blob', json_object('blob', hex(OLD.last_used_at)), OLD.last_used_at)), '')
            || iif(OLD.config IS NOT row.config COLLATE BINARY, ',"config":' || json_quote(iif(typeof(OLD.config) = 'blob', json_object('blob', hex(OLD.config)), OLD.config)), '')
            || iif(OLD.installation_id IS NOT row.installation_id COLLATE BINARY, ',"installation_id":' || json_quote(iif(typeof(OLD.installation_id) = 'blob', json_object('blob', hex(OLD.installation_id)), OLD.installation_id)), '')
            || iif(OLD.created_at IS NOT row.created_at COLLATE BINARY, ',"created_at":' || json_quote(iif(typeof(OLD.created_at) = 'blob', json_object('blob', hex(OLD.created_at)), OLD.created_at)), '')
            || iif(OLD.updated_at IS NOT row.updated_at COLLATE BINARY, ',"updated_at":' || json_quote(iif(typeof(OLD.updated_at) = 'blob', json_object('blob', hex(OLD.updated_at)), OLD.updated_at)), '')
            || iif(OLD.disconnected_at IS NOT row.disconnected_at COLLATE BINARY, ',"disconnected_at":' || json_quote(iif(typeof(OLD.disconnected_at) = 'blob', json_object('blob', hex(OLD.disconnected_at)), OLD.disconnected_at)), ''), 2) || '}', row.last), row.now
    FROM (
        SELECT *, json_object('connection_id', iif(typeof(row.connection_id) = 'blob', json_object('blob', hex(row.connection_id)), row.connection_id), 'source_chitty_id', iif(typeof(row.source_chitty_id) = 'blob', json_object('blob', hex(row.source_chitty_id)), row.source_chitty_id), 'source_type', iif(typeof(row.source_type) = 'blob', json_object('blob', hex(row.source_type)), row.source_type), 'target_service', iif(typeof(row.target_service) = 'blob', json_object('blob', hex(row.target_service)), row.target_service), 'target_endpoint', iif(typeof(row.target_endpoint) = 'blob', json_object('blob', hex(row.target_endpoint)), row.target_endpoint), 'connection_type', iif(typeof(row.connection_type) = 'blob', json_object('blob', hex(row.connection_type)), row.connection_type), 'credentials_kv_key', iif(typeof(row.credentials_kv_key) = 'blob', json_object('blob', hex(row.credentials_kv_key)), row.credentials_kv_key), 'status', iif(typeof(row.status) = 'blob', json_object('blob', hex(row.status)), row.status), 'last_health_check', iif(typeof(row.last_health_check) = 'blob', json_object('blob', hex(row.last_health_check)), row.last_health_check), 'last_error', iif(typeof(row.last_error) = 'blob', json_object('blob', hex(row.last_error)), row.last_error), 'error_count', iif(typeof(row.error_count) = 'blob', json_object('blob', hex(row.error_count)), row.error_count), 'request_count', iif(typeof(row.request_count) = 'blob', json_object('blob', hex(row.request_count)), row.request_count), 'last_used_at', iif(typeof(row.last_used_at) = 'blob', json_object('blob', hex(row.last_used_at)), row.last_used_at), 'config', iif(typeof(row.config) = 'blob', json_object('blob', hex(row.config)), row.config), 'installation_id', iif(typeof(row.installation_id) = 'blob', json_object('blob', hex(row.installation_id)), row.installation_id), 'created_at', iif(typeof(row.created_at) = 'blob', json_object('blob', hex(row.created_at)), row.created_at), 'updated_at', iif(typeof(row.updated_at) = 'blob', json_object('blob', hex(row.updated_at)), row.updated_at), 'disconnected_at', iif(typeof(row.disconnected_at) = 'blob', json_object('blob', hex(row.disconnected_at)), row.disconnected_at)) AS now, json_object('connection_id', iif(typeof(OLD.connection_id) = 'blob', json_object('blob', hex(OLD.connection_id)), OLD.connection_id), 'source_chitty_id', iif(typeof(OLD.source_chitty_id) = 'blob', json_object('blob', hex(OLD.source_chitty_id)), OLD.source_chitty_id), 'source_type', iif(typeof(OLD.source_type) = 'blob', json_object('blob', hex(OLD.source_type)), OLD.source_type), 'target_service', iif(typeof(OLD.target_service) = 'blob', json_object('blob', hex(OLD.target_service)), OLD.target_service), 'target_endpoint', iif(typeof(OLD.target_endpoint) = 'blob', json_object('blob', hex(OLD.target_endpoint)), OLD.target_endpoint), 'connection_type', iif(typeof(OLD.connection_type) = 'blob', json_object('blob', hex(OLD.connection_type)), OLD.connection_type), 'credentials_kv_key', iif(typeof(OLD.credentials_kv_key) = 'blob', json_object('blob', hex(OLD.credentials_kv_key)), OLD.credentials_kv_key), 'status', iif(typeof(OLD.status) = 'blob', json_object('blob', hex(OLD.status)), OLD.status), 'last_health_check', iif(typeof(OLD.last_health_check) = 'blob', json_object('blob', hex(OLD.last_health_check)), OLD.last_health_check), 'last_error', iif(typeof(OLD.last_error) = 'blob', json_object('blob', hex(OLD.last_error)), OLD.last_error), 'error_count', iif(typeof(OLD.error_count) = 'blob', json_object('blob', hex(OLD.error_count)), OLD.error_count), 'request_count', iif(typeof(OLD.request_count) = 'blob', json_object('blob', hex(OLD.request_count)), OLD.request_count), 'last_used_at', iif(typeof(OLD.last_used_at) = 'blob', json_object('blob', hex(OLD.last_used_at)), OLD.last_used_at), 'config', iif(typeof(OLD.config) = 'blob', json_object('blob', hex(OLD.config)), OLD.config), 'installation_id', iif(typeof(OLD.installation_id) = 'blob', json_object('blob', hex(OLD.installation_id)), OLD.installation_id), 'created_at', iif(typeof(OLD.created_at) = 'blob', json_object('blob', hex(OLD.created_at)), OLD.created_at), 'updated_at', iif(typeof(OLD.updated_at) = 'blob', json_object('blob', hex(OLD.updated_at)), OLD.updated_at), 'disconnected_at', iif(typeof(OLD.disconnected_at) = 'blob', json_object('blob', hex(OLD.disconnected_at)), OLD.disconnected_at)) AS old, (SELECT after AS row FROM changes WHERE kind = 'connections' AND key = NEW.connection_id
            ORDER BY sequence DESC LIMIT 1) AS last
        FROM connections AS row WHERE row.rowid = NEW.rowid LIMIT 1
    ) AS row
    WHERE row.last IS NOT row.now;
END;

CREATE TRIGGER connections_history_of_key AFTER UPDATE OF connection_id ON connections
WHEN OLD.connection_id IS NOT NEW.connection_id
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'connections' AND key = OLD.connection_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'connections', OLD.connection_id, 'deleted', FALSE, last.row, NULL
    FROM (SELECT after AS row FROM changes WHERE kind = 'connections' AND key = OLD.connection_id
            ORDER BY sequence DESC LIMIT 1) AS last WHERE last.row IS NOT NULL;
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), iif(row.updated_at GLOB '????-??-??T??:??:??.???Z', row.updated_at, NULL), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'connections' AND key = row.connection_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'connections', row.connection_id, CASE WHEN row.last IS NULL THEN 'created' WHEN ((row.last ->> 'status') <> 'disconnected') IS (row.status <> 'disconnected') THEN 'updated' WHEN row.status <> 'disconnected' THEN 'restored' ELSE 'deleted' END, FALSE, row.last, row.now
    FROM (
        SELECT *, json_object('connection_id', iif(typeof(row.connection_id) = 'blob', json_object('blob', hex(row.connection_id)), row.connection_id), 'source_chitty_id', iif(typeof(row.source_chitty_id) = 'blob', json_object('blob', hex(row.source_chitty_id)), row.source_chitty_id), 'source_type', iif(typeof(row.source_type) = 'blob', json_object('blob', hex(row.source_type)), row.source_type), 'target_service', iif(typeof(row.target_service) = 'blob', json_object('blob', hex(row.target_service)), row.target_service), 'target_endpoint', iif(typeof(row.target_endpoint) = 'blob', json_object('blob', hex(row.target_endpoint)), row.target_endpoint), 'connection_type', iif(typeof(row.connection_type) = 'blob', json_object('blob', hex(row.connection_type)), row.connection_type), 'credentials_kv_key', iif(typeof(row.credentials_kv_key) = 'blob', json_object('blob', hex(row.credentials_kv_key)), row.credentials_kv_key), 'status', iif(typeof(row.status) = 'blob', json_object('blob', hex(row.status)), row.status), 'last_health_check', iif(typeof(row.last_health_check) = 'blob', json_object('blob', hex(row.last_health_check)), row.last_health_check), 'last_error', iif(typeof(row.last_error) = 'blob', json_object('blob', hex(row.last_error)), row.last_error), 'error_count', iif(typeof(row.error_count) = 'blob', json_object('blob', hex(row.error_count)), row.error_count), 'request_count', iif(typeof(row.request_count) = 'blob', json_object('blob', hex(row.request_count)), row.request_count), 'last_used_at', iif(typeof(row.last_used_at) = 'blob', json_object('blob', hex(row.last_used_at)), row.last_used_at), 'config', iif(typeof(row.config) = 'blob', json_object('blob', hex(row.config)), row.config), 'installation_id', iif(typeof(row.installation_id) = 'blob', json_object('blob', hex(row.installation_id)), row.installation_id), 'created_at', iif(typeof(row.created_at) = 'blob', json_object('blob', hex(row.created_at)), row.created_at), 'updated_at', iif(typeof(row.updated_at) = 'blob', json_object('blob', hex(row.updated_at)), row.updated_at), 'disconnected_at', iif(typeof(row.disconnected_at) = 'blob', json_object('blob', hex(row.disconnected_at)), row.disconnected_at)) AS now, (SELECT after AS row FROM changes WHERE kind = 'connections' AND key = NEW.connection_id
            ORDER BY sequence DESC LIMIT 1) AS last
        FROM connections AS row WHERE row.rowid = NEW.rowid LIMIT 1
    ) AS row
    WHERE row.last IS NOT row.now;
END;

CREATE TRIGGER connections_history_of_old AFTER DELETE ON connections
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'connections' AND key = OLD.connection_id
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'connections', OLD.connection_id, 'deleted', FALSE, last.row, NULL
    FROM (SELECT after AS row FROM changes WHERE kind = 'connections' AND key = OLD.connection_id
            ORDER BY sequence DESC LIMIT 1) AS last WHERE last.row IS NOT NULL;
END;

CREATE TRIGGER connections_met_by_new BEFORE INSERT ON connections
WHEN EXISTS (SELECT 1 FROM connections AS row WHERE row.connection_id = NEW.connection_id OR row.status = 'active' AND NEW.status = 'active'
        AND row.source_chitty_id = NEW.source_chitty_id AND row.target_service = NEW.target_service
        AND coalesce(row.target_endpoint, '') = coalesce(NEW.target_endpoint, ''))
BEGIN
    DELETE FROM replaced_rows;
    INSERT INTO replaced_rows (kind, key)
    SELECT 'connections', row.connection_id FROM connections AS row WHERE row.connection_id = NEW.connection_id OR row.status = 'active' AND NEW.status = 'active'
        AND row.source_chitty_id = NEW.source_chitty_id AND row.target_service = NEW.target_service
        AND coalesce(row.target_endpoint, '') = coalesce(NEW.target_endpoint, '');
END;

CREATE TRIGGER connections_met BEFORE UPDATE OF connection_id, source_chitty_id, target_service, target_endpoint, status ON connections
WHEN EXISTS (SELECT 1 FROM connections AS row WHERE (row.connection_id = NEW.connection_id OR row.status = 'active' AND NEW.status = 'active'
        AND row.source_chitty_id = NEW.source_chitty_id AND row.target_service = NEW.target_service
        AND coalesce(row.target_endpoint, '') = coalesce(NEW.target_endpoint, '')) AND row.rowid <> OLD.rowid)
BEGIN
    DELETE FROM replaced_rows;
    INSERT INTO replaced_rows (kind, key)
    SELECT 'connections', row.connection_id FROM connections AS row
    WHERE (row.connection_id = NEW.connection_id OR row.status = 'active' AND NEW.status = 'active'
        AND row.source_chitty_id = NEW.source_chitty_id AND row.target_service = NEW.target_service
        AND coalesce(row.target_endpoint, '') = coalesce(NEW.target_endpoint, '')) AND row.rowid <> OLD.rowid;
END;

CREATE TRIGGER connections_replaced_by_new AFTER INSERT ON connections
WHEN EXISTS (SELECT 1 FROM replaced_rows WHERE kind = 'connections')
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'connections' AND key = gone.key
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'connections', gone.key, 'deleted', FALSE, gone.row, NULL
    FROM (
        SELECT met.key, (SELECT after AS row FROM changes WHERE kind = 'connections' AND key = met.key
            ORDER BY sequence DESC LIMIT 1) AS row
        FROM replaced_rows AS met
        WHERE met.kind = 'connections'
            AND NOT EXISTS (SELECT 1 FROM connections AS row WHERE row.connection_id = met.key)
    ) AS gone
    WHERE gone.row IS NOT NULL;
END;

CREATE TRIGGER connections_replaced AFTER UPDATE OF connection_id, source_chitty_id, target_service, target_endpoint, status ON connections
WHEN EXISTS (SELECT 1 FROM replaced_rows WHERE kind = 'connections')
BEGIN
    INSERT INTO changes (at, actor, cause, request_id, kind, key, operation, is_private, before, after)
    SELECT coalesce((SELECT at FROM writing), coalesce(
            (
                SELECT at FROM changes WHERE kind = 'connections' AND key = gone.key
                ORDER BY sequence DESC LIMIT 1
            ),
            '1970-01-01T00:00:00.000Z'
        )), (SELECT actor FROM writing), coalesce((SELECT cause FROM writing), 'external'), (SELECT request_id FROM writing),
        'connections', gone.key, 'deleted', FALSE, gone.row, NULL
    FROM (
        SELECT met.key, (SELECT after AS row FROM changes WHERE kind = 'connections' AND key = met.key
            ORDER BY sequence DESC LIMIT 1) AS row
        FROM replaced_rows AS met
        WHERE met.kind = 'connections'
            AND NOT EXISTS (SELECT 1 FROM connections AS row WHERE row.connection_id = met.key)
    ) AS gone
    WHERE gone.row IS NOT NULL AND gone.key IS NOT OLD.connection_id;
END;

-- SQLite runs the newest trigger first. These take the place of those that were made before, so that instants are
-- canonical before they are recorded.
DROP TRIGGER IF EXISTS actors_instants;
DROP TRIGGER IF EXISTS actors_instants_of_new;
CREATE TRIGGER actors_canonical_instants AFTER UPDATE OF last_seen_at, created_at, updated_at ON actors
WHEN NOT (
    coalesce(NEW.last_seen_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.created_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.updated_at GLOB '????-??-??T??:??:??.???Z', FALSE)
)
BEGIN
    DELETE FROM instants_to_read;
    INSERT INTO instants_to_read (place, stored)
    VALUES (1, NEW.last_seen_at), (2, NEW.created_at), (3, NEW.updated_at);
    UPDATE actors SET
        last_seen_at = canonical.last_seen_at,
        created_at = canonical.created_at,
        updated_at = canonical.updated_at
    FROM (
        SELECT
            nullif(coalesce(max(iif(place = 1, instant, NULL)), NEW.last_seen_at), '') AS last_seen_at,
            coalesce(max(iif(place = 2, instant, NULL)), NEW.created_at, max(iif(place = 3, instant, NULL))) AS created_at,
            coalesce(max(iif(place = 3, instant, NULL)), NEW.updated_at, max(iif(place = 2, instant, NULL))) AS updated_at
        FROM instants_to_read
    ) AS canonical
    WHERE actors.rowid = NEW.rowid AND (
        canonical.last_seen_at IS NOT actors.last_seen_at COLLATE BINARY
        OR canonical.created_at IS NOT actors.created_at COLLATE BINARY
        OR canonical.updated_at IS NOT actors.updated_at COLLATE BINARY
    );
    DELETE FROM instants_to_read;
END;

CREATE TRIGGER actors_canonical_instants_of_new AFTER INSERT ON actors
WHEN NOT (
    coalesce(NEW.last_seen_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.created_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.updated_at GLOB '????-??-??T??:??:??.???Z', FALSE)
)
BEGIN
    UPDATE actors SET last_seen_at = last_seen_at WHERE actors.rowid = NEW.rowid;
END;

DROP TRIGGER IF EXISTS contexts_instants;
DROP TRIGGER IF EXISTS contexts_instants_of_new;
CREATE TRIGGER contexts_canonical_instants AFTER UPDATE OF created_at, updated_at, deleted_at ON contexts
WHEN NOT (
    coalesce(NEW.created_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.updated_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.deleted_at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    DELETE FROM instants_to_read;
    INSERT INTO instants_to_read (place, stored)
    VALUES (1, NEW.created_at), (2, NEW.updated_at), (3, NEW.deleted_at);
    UPDATE contexts SET
        created_at = canonical.created_at,
        updated_at = canonical.updated_at,
        deleted_at = canonical.deleted_at
    FROM (
        SELECT
            coalesce(max(iif(place = 1, instant, NULL)), NEW.created_at, max(iif(place = 2, instant, NULL))) AS created_at,
            coalesce(max(iif(place = 2, instant, NULL)), NEW.updated_at, max(iif(place = 1, instant, NULL))) AS updated_at,
            nullif(coalesce(max(iif(place = 3, instant, NULL)), NEW.deleted_at), '') AS deleted_at
        FROM instants_to_read
    ) AS canonical
    WHERE contexts.rowid = NEW.rowid AND (
        canonical.created_at IS NOT contexts.created_at COLLATE BINARY
        OR canonical.updated_at IS NOT contexts.updated_at COLLATE BINARY
        OR canonical.deleted_at IS NOT contexts.deleted_at COLLATE BINARY
    );
    DELETE FROM instants_to_read;
END;

CREATE TRIGGER contexts_canonical_instants_of_new AFTER INSERT ON contexts
WHEN NOT (
    coalesce(NEW.created_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.updated_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.deleted_at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    UPDATE contexts SET created_at = created_at WHERE contexts.rowid = NEW.rowid;
END;

DROP TRIGGER IF EXISTS installations_instants;
DROP TRIGGER IF EXISTS installations_instants_of_new;
CREATE TRIGGER installations_canonical_instants AFTER UPDATE OF suspended_at, installed_at, updated_at, uninstalled_at ON installations
WHEN NOT (
    coalesce(NEW.suspended_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.installed_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.updated_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.uninstalled_at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    DELETE FROM instants_to_read;
    INSERT INTO instants_to_read (place, stored)
    VALUES (1, NEW.suspended_at), (2, NEW.installed_at), (3, NEW.updated_at), (4, NEW.uninstalled_at);
    UPDATE installations SET
        suspended_at = canonical.suspended_at,
        installed_at = canonical.installed_at,
        updated_at = canonical.updated_at,
        uninstalled_at = canonical.uninstalled_at
    FROM (
        SELECT
            nullif(coalesce(max(iif(place = 1, instant, NULL)), NEW.suspended_at), '') AS suspended_at,
            coalesce(max(iif(place = 2, instant, NULL)), NEW.installed_at, max(iif(place = 3, instant, NULL))) AS installed_at,
            coalesce(max(iif(place = 3, instant, NULL)), NEW.updated_at, max(iif(place = 2, instant, NULL))) AS updated_at,
            nullif(coalesce(max(iif(place = 4, instant, NULL)), NEW.uninstalled_at), '') AS uninstalled_at
        FROM instants_to_read
    ) AS canonical
    WHERE installations.rowid = NEW.rowid AND (
        canonical.suspended_at IS NOT installations.suspended_at COLLATE BINARY
        OR canonical.installed_at IS NOT installations.installed_at COLLATE BINARY
        OR canonical.updated_at IS NOT installations.updated_at COLLATE BINARY
        OR canonical.uninstalled_at IS NOT installations.uninstalled_at COLLATE BINARY
    );
    DELETE FROM instants_to_read;
END;

CREATE TRIGGER installations_canonical_instants_of_new AFTER INSERT ON installations
WHEN NOT (
    coalesce(NEW.suspended_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.installed_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.updated_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.uninstalled_at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    UPDATE installations SET suspended_at = suspended_at WHERE installations.rowid = NEW.rowid;
END;

DROP TRIGGER IF EXISTS connections_instants;
DROP TRIGGER IF EXISTS connections_instants_of_new;
CREATE TRIGGER connections_canonical_instants AFTER UPDATE OF last_health_check, last_used_at, created_at, updated_at, disconnected_at ON connections
WHEN NOT (
    coalesce(NEW.last_health_check GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.last_used_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.created_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.updated_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.disconnected_at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    DELETE FROM instants_to_read;
    INSERT INTO instants_to_read (place, stored)
    VALUES (1, NEW.last_health_check), (2, NEW.last_used_at), (3, NEW.created_at), (4, NEW.updated_at), (5, NEW.disconnected_at);
    UPDATE connections SET
        last_health_check = canonical.last_health_check,
        last_used_at = canonical.last_used_at,
        created_at = canonical.created_at,
        updated_at = canonical.updated_at,
        disconnected_at = canonical.disconnected_at
    FROM (
        SELECT
            nullif(coalesce(max(iif(place = 1, instant, NULL)), NEW.last_health_check), '') AS last_health_check,
            nullif(coalesce(max(iif(place = 2, instant, NULL)), NEW.last_used_at), '') AS last_used_at,
            coalesce(max(iif(place = 3, instant, NULL)), NEW.created_at, max(iif(place = 4, instant, NULL))) AS created_at,
            coalesce(max(iif(place = 4, instant, NULL)), NEW.updated_at, max(iif(place = 3, instant, NULL))) AS updated_at,
            nullif(coalesce(max(iif(place = 5, instant, NULL)), NEW.disconnected_at), '') AS disconnected_at
        FROM instants_to_read
    ) AS canonical
    WHERE connections.rowid = NEW.rowid AND (
        canonical.last_health_check IS NOT connections.last_health_check COLLATE BINARY
        OR canonical.last_used_at IS NOT connections.last_used_at COLLATE BINARY
        OR canonical.created_at IS NOT connections.created_at COLLATE BINARY
        OR canonical.updated_at IS NOT connections.updated_at COLLATE BINARY
        OR canonical.disconnected_at IS NOT connections.disconnected_at COLLATE BINARY
    );
    DELETE FROM instants_to_read;
END;

CREATE TRIGGER connections_canonical_instants_of_new AFTER INSERT ON connections
WHEN NOT (
    coalesce(NEW.last_health_check GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.last_used_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.created_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.updated_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.disconnected_at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    UPDATE connections SET last_health_check = last_health_check WHERE connections.rowid = NEW.rowid;
END;

DROP TRIGGER IF EXISTS api_keys_instants;
DROP TRIGGER IF EXISTS api_keys_instants_of_new;
CREATE TRIGGER api_keys_canonical_instants AFTER UPDATE OF created_at, expires_at, revoked_at ON api_keys
WHEN NOT (
    coalesce(NEW.created_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.expires_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.revoked_at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    DELETE FROM instants_to_read;
    INSERT INTO instants_to_read (place, stored)
    VALUES (1, NEW.created_at), (2, NEW.expires_at), (3, NEW.revoked_at);
    UPDATE api_keys SET
        created_at = canonical.created_at,
        expires_at = canonical.expires_at,
        revoked_at = canonical.revoked_at
    FROM (
        SELECT
            coalesce(max(iif(place = 1, instant, NULL)), NEW.created_at) AS created_at,
            coalesce(max(iif(place = 2, instant, NULL)), NEW.expires_at) AS expires_at,
            coalesce(max(iif(place = 3, instant, NULL)), NEW.revoked_at) AS revoked_at
        FROM instants_to_read
    ) AS canonical
    WHERE api_keys.rowid = NEW.rowid AND (
        canonical.created_at IS NOT api_keys.created_at COLLATE BINARY
        OR canonical.expires_at IS NOT api_keys.expires_at COLLATE BINARY
        OR canonical.revoked_at IS NOT api_keys.revoked_at COLLATE BINARY
    );
    DELETE FROM instants_to_read;
END;

CREATE TRIGGER api_keys_canonical_instants_of_new AFTER INSERT ON api_keys
WHEN NOT (
    coalesce(NEW.created_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.expires_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.revoked_at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    UPDATE api_keys SET created_at = created_at WHERE api_keys.rowid = NEW.rowid;
END;

DROP TRIGGER IF EXISTS webhook_deliveries_instants;
DROP TRIGGER IF EXISTS webhook_deliveries_instants_of_new;
CREATE TRIGGER webhook_deliveries_canonical_instants AFTER UPDATE OF received_at, last_received_at ON webhook_deliveries
WHEN NOT (
    coalesce(NEW.received_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.last_received_at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    DELETE FROM instants_to_read;
    INSERT INTO instants_to_read (place, stored)
    VALUES (1, NEW.received_at), (2, NEW.last_received_at);
    UPDATE webhook_deliveries SET
        received_at = canonical.received_at,
        last_received_at = canonical.last_received_at
    FROM (
        SELECT
            coalesce(max(iif(place = 1, instant, NULL)), NEW.received_at) AS received_at,
            coalesce(max(iif(place = 2, instant, NULL)), NEW.last_received_at) AS last_received_at
        FROM instants_to_read
    ) AS canonical
    WHERE webhook_deliveries.rowid = NEW.rowid AND (
        canonical.received_at IS NOT webhook_deliveries.received_at COLLATE BINARY
        OR canonical.last_received_at IS NOT webhook_deliveries.last_received_at COLLATE BINARY
    );
    DELETE FROM instants_to_read;
END;

CREATE TRIGGER webhook_deliveries_canonical_instants_of_new AFTER INSERT ON webhook_deliveries
WHEN NOT (
    coalesce(NEW.received_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.last_received_at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    UPDATE webhook_deliveries SET received_at = received_at WHERE webhook_deliveries.rowid = NEW.rowid;
END;

DROP TRIGGER IF EXISTS installation_facts_instants;
DROP TRIGGER IF EXISTS installation_facts_instants_of_new;
CREATE TRIGGER installation_facts_canonical_instants AFTER UPDATE OF at ON installation_facts
WHEN NOT (
    coalesce(NEW.at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    DELETE FROM instants_to_read;
    INSERT INTO instants_to_read (place, stored)
    VALUES (1, NEW.at);
    UPDATE installation_facts SET
        at = canonical.at
    FROM (
        SELECT
            coalesce(max(iif(place = 1, instant, NULL)), NEW.at) AS at
        FROM instants_to_read
    ) AS canonical
    WHERE installation_facts.installation_id = NEW.installation_id AND installation_facts.aspect = NEW.aspect AND (
        canonical.at IS NOT installation_facts.at COLLATE BINARY
    );
    DELETE FROM instants_to_read;
END;

CREATE TRIGGER installation_facts_canonical_instants_of_new AFTER INSERT ON installation_facts
WHEN NOT (
    coalesce(NEW.at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    UPDATE installation_facts SET at = at WHERE installation_facts.installation_id = NEW.installation_id AND installation_facts.aspect = NEW.aspect;
END;

DROP TRIGGER IF EXISTS waiting_installations_instants;
DROP TRIGGER IF EXISTS waiting_installations_instants_of_new;
CREATE TRIGGER waiting_installations_canonical_instants AFTER UPDATE OF since, claimed_until, retry_at ON waiting_installations
WHEN NOT (
    coalesce(NEW.since GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.claimed_until GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.retry_at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    DELETE FROM instants_to_read;
    INSERT INTO instants_to_read (place, stored)
    VALUES (1, NEW.since), (2, NEW.claimed_until), (3, NEW.retry_at);
    UPDATE waiting_installations SET
        since = canonical.since,
        claimed_until = canonical.claimed_until,
        retry_at = canonical.retry_at
    FROM (
        SELECT
            coalesce(max(iif(place = 1, instant, NULL)), NEW.since) AS since,
            coalesce(max(iif(place = 2, instant, NULL)), NEW.claimed_until) AS claimed_until,
            coalesce(max(iif(place = 3, instant, NULL)), NEW.retry_at) AS retry_at
        FROM instants_to_read
    ) AS canonical
    WHERE waiting_installations.rowid = NEW.rowid AND (
        canonical.since IS NOT waiting_installations.since COLLATE BINARY
        OR canonical.claimed_until IS NOT waiting_installations.claimed_until COLLATE BINARY
        OR canonical.retry_at IS NOT waiting_installations.retry_at COLLATE BINARY
    );
    DELETE FROM instants_to_read;
END;

CREATE TRIGGER waiting_installations_canonical_instants_of_new AFTER INSERT ON waiting_installations
WHEN NOT (
    coalesce(NEW.since GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.claimed_until GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.retry_at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    UPDATE waiting_installations SET since = since WHERE waiting_installations.rowid = NEW.rowid;
END;
