-- 0018_write_instants_canonically.sql
-- Other programs store instants in many forms: without an offset, with one, as Unix time. Lists compare text,
-- off indexes, so each row is brought to canonical form by triggers, whoever writes it. A value that cannot be
-- read stays as it is. The triggers do nothing to canonical rows.
-- What is stored already is converted too, by the triggers themselves.

-- Reads instants in all forms. It has rows only while a trigger acts.
CREATE TABLE instants_to_read (
    place INTEGER PRIMARY KEY,
    stored,
    written TEXT AS (CASE typeof(stored)
        WHEN 'blob' THEN NULL
        WHEN 'real' THEN CAST(CAST(stored * iif(stored < 1e10, 1000, 1) + 0.5 AS INTEGER) AS TEXT)
        ELSE CAST(stored AS TEXT)
        END) STORED,
    marked TEXT AS (CASE WHEN written GLOB '????????[Tt ]??????*' AND NOT instr(written, char(0))
        THEN substr(written, 1, 4) || '-' || substr(written, 5, 2) || '-' || substr(written, 7, 5)
            || ':' || substr(written, 12, 2) || ':' || substr(written, 14)
        ELSE written
        END) STORED,
    day TEXT AS (substr(marked, 1, 10)) STORED,
    zone TEXT AS (ltrim(substr(marked, 12), '0123456789:.,')) STORED,
    clock TEXT AS (substr(marked, 12, max(0, length(marked) - 11 - length(zone)))) STORED,
    hms TEXT AS (iif(marked = day, '00:00:00', substr(clock || ':00', 1, 8))) STORED,
    moment TEXT AS (CASE
        WHEN instr(marked, char(0)) THEN NULL
        WHEN instr(marked || '.', '.') IN (11, 14)
            AND marked NOT GLOB '*[^0-9.]*' AND marked NOT GLOB '*.*.*' AND marked NOT GLOB '*.'
        THEN strftime('%Y-%m-%dT%H:%M:%S', substr(marked, 1, 10), 'unixepoch')
            || '.' || substr(replace(substr(marked, 11), '.', '') || '000', 1, 3) || 'Z'
        WHEN day BETWEEN '0001' AND 'A' AND date(day, '+0 days') = day
            AND (marked = day OR substr(marked, 11, 1) GLOB '[Tt ]')
            AND time(hms) = hms AND hms < '24'
            AND (length(clock) IN (0, 5, 8) OR substr(clock, 9) GLOB '[.,][0-9]*'
                AND substr(clock, 10) NOT GLOB '*[^0-9]*')
            AND (zone = '' OR zone GLOB '[Zz]'
                OR zone GLOB '[+-][0-9][0-9]:[0-9][0-9]'
                OR zone GLOB '[+-][0-9][0-9][0-9][0-9]'
                OR zone GLOB '[+-][0-9][0-9]')
            AND substr(zone, 2, 2) < '24' AND substr(replace(zone, ':', ''), 4) < '60'
        THEN strftime('%Y-%m-%dT%H:%M:%S', day || ' ' || hms,
                iif(zone GLOB '-*', '+', '-')
                || (substr(zone, 2, 2) * 60 + substr(replace(zone, ':', ''), 4, 2)) || ' minutes')
            || '.' || substr(substr(clock, 10) || '000', 1, 3) || 'Z'
        END) STORED,
    instant TEXT AS (CASE WHEN moment BETWEEN '0001' AND 'A' THEN moment END) STORED
);

-- The instants of actors.
CREATE TRIGGER actors_instants AFTER UPDATE OF last_seen_at, created_at, updated_at ON actors
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

CREATE TRIGGER actors_instants_of_new AFTER INSERT ON actors
WHEN NOT (
    coalesce(NEW.last_seen_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.created_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.updated_at GLOB '????-??-??T??:??:??.???Z', FALSE)
)
BEGIN
    UPDATE actors SET last_seen_at = last_seen_at WHERE actors.rowid = NEW.rowid;
END;

UPDATE actors SET last_seen_at = last_seen_at
WHERE NOT (
    coalesce(last_seen_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(created_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(updated_at GLOB '????-??-??T??:??:??.???Z', FALSE)
);

-- The instants of contexts.
CREATE TRIGGER contexts_instants AFTER UPDATE OF created_at, updated_at, deleted_at ON contexts
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

CREATE TRIGGER contexts_instants_of_new AFTER INSERT ON contexts
WHEN NOT (
    coalesce(NEW.created_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.updated_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.deleted_at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    UPDATE contexts SET created_at = created_at WHERE contexts.rowid = NEW.rowid;
END;

UPDATE contexts SET created_at = created_at
WHERE NOT (
    coalesce(created_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(updated_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(deleted_at GLOB '????-??-??T??:??:??.???Z', TRUE)
);

-- The instants of installations.
CREATE TRIGGER installations_instants AFTER UPDATE OF suspended_at, installed_at, updated_at, uninstalled_at ON installations
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

CREATE TRIGGER installations_instants_of_new AFTER INSERT ON installations
WHEN NOT (
    coalesce(NEW.suspended_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.installed_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.updated_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(NEW.uninstalled_at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    UPDATE installations SET suspended_at = suspended_at WHERE installations.rowid = NEW.rowid;
END;

UPDATE installations SET suspended_at = suspended_at
WHERE NOT (
    coalesce(suspended_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(installed_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(updated_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(uninstalled_at GLOB '????-??-??T??:??:??.???Z', TRUE)
);

-- The instants of connections.
CREATE TRIGGER connections_instants AFTER UPDATE OF last_health_check, last_used_at, created_at, updated_at, disconnected_at ON connections
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

CREATE TRIGGER connections_instants_of_new AFTER INSERT ON connections
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

UPDATE connections SET last_health_check = last_health_check
WHERE NOT (
    coalesce(last_health_check GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(last_used_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(created_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(updated_at GLOB '????-??-??T??:??:??.???Z', FALSE)
    AND coalesce(disconnected_at GLOB '????-??-??T??:??:??.???Z', TRUE)
);

-- The instants of api_keys.
CREATE TRIGGER api_keys_instants AFTER UPDATE OF created_at, expires_at, revoked_at ON api_keys
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

CREATE TRIGGER api_keys_instants_of_new AFTER INSERT ON api_keys
WHEN NOT (
    coalesce(NEW.created_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.expires_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.revoked_at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    UPDATE api_keys SET created_at = created_at WHERE api_keys.rowid = NEW.rowid;
END;

UPDATE api_keys SET created_at = created_at
WHERE NOT (
    coalesce(created_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(expires_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(revoked_at GLOB '????-??-??T??:??:??.???Z', TRUE)
);

-- The instants of webhook_deliveries.
CREATE TRIGGER webhook_deliveries_instants AFTER UPDATE OF received_at, last_received_at ON webhook_deliveries
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

CREATE TRIGGER webhook_deliveries_instants_of_new AFTER INSERT ON webhook_deliveries
WHEN NOT (
    coalesce(NEW.received_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.last_received_at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    UPDATE webhook_deliveries SET received_at = received_at WHERE webhook_deliveries.rowid = NEW.rowid;
END;

UPDATE webhook_deliveries SET received_at = received_at
WHERE NOT (
    coalesce(received_at GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(last_received_at GLOB '????-??-??T??:??:??.???Z', TRUE)
);

-- The instants of installation_facts.
CREATE TRIGGER installation_facts_instants AFTER UPDATE OF at ON installation_facts
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

CREATE TRIGGER installation_facts_instants_of_new AFTER INSERT ON installation_facts
WHEN NOT (
    coalesce(NEW.at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    UPDATE installation_facts SET at = at WHERE installation_facts.installation_id = NEW.installation_id AND installation_facts.aspect = NEW.aspect;
END;

UPDATE installation_facts SET at = at
WHERE NOT (
    coalesce(at GLOB '????-??-??T??:??:??.???Z', TRUE)
);

-- The instants of waiting_installations.
CREATE TRIGGER waiting_installations_instants AFTER UPDATE OF since, claimed_until, retry_at ON waiting_installations
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

CREATE TRIGGER waiting_installations_instants_of_new AFTER INSERT ON waiting_installations
WHEN NOT (
    coalesce(NEW.since GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.claimed_until GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(NEW.retry_at GLOB '????-??-??T??:??:??.???Z', TRUE)
)
BEGIN
    UPDATE waiting_installations SET since = since WHERE waiting_installations.rowid = NEW.rowid;
END;

UPDATE waiting_installations SET since = since
WHERE NOT (
    coalesce(since GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(claimed_until GLOB '????-??-??T??:??:??.???Z', TRUE)
    AND coalesce(retry_at GLOB '????-??-??T??:??:??.???Z', TRUE)
);
