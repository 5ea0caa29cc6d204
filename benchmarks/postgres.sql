-- The registry's four tables in PostgreSQL, with its types for enumerations and JSON. Instants stay the texts that
-- they are, and enumerations are spelled as in the API, so that all programs send the same. There is an index for
-- each of the workloads' lists and lookups.

CREATE TYPE actor_type AS ENUM ('HUMAN', 'AI', 'SERVICE', 'SYSTEM');
CREATE TYPE actor_status AS ENUM ('ACTIVE', 'SUSPENDED', 'DELETED');
CREATE TYPE context_status AS ENUM ('ACTIVE', 'INACTIVE', 'DELETED');
CREATE TYPE source_type AS ENUM ('CONTEXT', 'ACTOR');
CREATE TYPE connection_type AS ENUM ('API', 'WEBHOOK', 'OAUTH', 'DIRECT');
CREATE TYPE connection_status AS ENUM ('ACTIVE', 'INACTIVE', 'FAILED', 'DISCONNECTED');

CREATE TABLE actors (
    chitty_id text PRIMARY KEY,
    actor_type actor_type NOT NULL,
    display_name text,
    email text,
    avatar_url text,
    capabilities jsonb NOT NULL DEFAULT '[]',
    chitty_dna_id text,
    chitty_auth_principal_id text,
    last_seen_at text,
    session_count bigint NOT NULL DEFAULT 0,
    status actor_status NOT NULL DEFAULT 'ACTIVE',
    created_at text NOT NULL,
    updated_at text NOT NULL
);

CREATE TABLE installations (
    installation_id bigint PRIMARY KEY,
    chitty_id text NOT NULL UNIQUE,
    chitty_dna_id text,
    account_id bigint NOT NULL,
    account_login text NOT NULL,
    account_type text NOT NULL,
    account_avatar_url text,
    repository_selection text NOT NULL,
    permissions jsonb NOT NULL DEFAULT '{}',
    events jsonb NOT NULL DEFAULT '[]',
    selected_repositories jsonb NOT NULL DEFAULT '[]',
    suspended_at text,
    suspended_by_chitty_id text REFERENCES actors,
    installed_at text NOT NULL,
    updated_at text NOT NULL,
    uninstalled_at text
);

CREATE TABLE contexts (
    chitty_id text PRIMARY KEY,
    name text NOT NULL UNIQUE,
    owner_chitty_id text NOT NULL REFERENCES actors,
    data jsonb NOT NULL DEFAULT '[]',
    systems jsonb NOT NULL DEFAULT '[]',
    tools jsonb NOT NULL DEFAULT '[]',
    chitty_dna_id text,
    chitty_chronicle_timeline_id text,
    status context_status NOT NULL DEFAULT 'ACTIVE',
    created_at text NOT NULL,
    updated_at text NOT NULL,
    deleted_at text
);

CREATE TABLE connections (
    connection_id text PRIMARY KEY,
    source_chitty_id text NOT NULL,
    source_type source_type NOT NULL,
    target_service text NOT NULL,
    target_endpoint text,
    connection_type connection_type NOT NULL DEFAULT 'API',
    credentials_kv_key text,
    status connection_status NOT NULL DEFAULT 'ACTIVE',
    last_health_check text,
    last_error text,
    error_count integer NOT NULL DEFAULT 0,
    request_count bigint NOT NULL DEFAULT 0,
    last_used_at text,
    config jsonb NOT NULL DEFAULT '{}',
    installation_id bigint REFERENCES installations,
    created_at text NOT NULL,
    updated_at text NOT NULL,
    disconnected_at text
);

CREATE INDEX ON contexts (created_at, chitty_id) WHERE status <> 'DELETED';
CREATE INDEX ON contexts (owner_chitty_id, created_at, chitty_id) WHERE status <> 'DELETED';
CREATE INDEX ON connections (created_at, connection_id) WHERE status <> 'DISCONNECTED';
CREATE INDEX ON connections (source_chitty_id, created_at, connection_id)
    WHERE source_type = 'CONTEXT' AND status <> 'DISCONNECTED';
CREATE UNIQUE INDEX ON connections (source_chitty_id, target_service, coalesce(target_endpoint, ''))
    WHERE status = 'ACTIVE';

-- Tells PostGraphile what leads from a connection to its context; those of the workloads come from contexts.
COMMENT ON TABLE connections IS '@foreignKey (source_chitty_id) references contexts (chitty_id)';

-- PostGraphile makes fields of functions. PostgreSQL inlines these, so that pages walk an index.
CREATE FUNCTION live_contexts() RETURNS SETOF contexts LANGUAGE sql STABLE AS $$
    SELECT * FROM contexts WHERE status <> 'DELETED' ORDER BY created_at DESC, chitty_id DESC
$$;
CREATE FUNCTION live_connections() RETURNS SETOF connections LANGUAGE sql STABLE AS $$
    SELECT * FROM connections WHERE status <> 'DISCONNECTED'
    ORDER BY created_at DESC, connection_id DESC
$$;
CREATE FUNCTION actors_contexts(actor actors) RETURNS SETOF contexts LANGUAGE sql STABLE AS $$
    SELECT * FROM contexts WHERE owner_chitty_id = actor.chitty_id AND status <> 'DELETED'
    ORDER BY created_at DESC, chitty_id DESC
$$;
CREATE FUNCTION contexts_connections(context contexts) RETURNS SETOF connections LANGUAGE sql STABLE AS $$
    SELECT * FROM connections
    WHERE source_chitty_id = context.chitty_id AND source_type = 'CONTEXT' AND status <> 'DISCONNECTED'
    ORDER BY created_at DESC, connection_id DESC
$$;

CREATE FUNCTION open_connection(
    source text, target_service text, target_endpoint text, connection_type connection_type, config jsonb
) RETURNS connections LANGUAGE sql VOLATILE AS $$
    INSERT INTO connections (
        connection_id, source_chitty_id, source_type, target_service, target_endpoint,
        connection_type, config, created_at, updated_at
    )
    SELECT gen_random_uuid(), contexts.chitty_id, 'CONTEXT', $2, $3, $4, $5, instant, instant
    FROM contexts, to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS instant
    WHERE contexts.chitty_id = $1
    RETURNING *
$$;
