-- 0002_create_installations_table.sql
-- An Installation is a GitHub App on an account. NULL in suspended_at and uninstalled_at means it is live.
-- Nothing to backfill: the table is new.

CREATE TABLE installations (
    installation_id INTEGER NOT NULL PRIMARY KEY,
    chitty_id TEXT NOT NULL UNIQUE,
    chitty_dna_id TEXT,
    account_id INTEGER NOT NULL,
    account_login TEXT NOT NULL,
    account_type TEXT NOT NULL CHECK (account_type IN ('User', 'Organization', 'Enterprise')),
    account_avatar_url TEXT,
    repository_selection TEXT NOT NULL CHECK (repository_selection IN ('all', 'selected')),
    permissions TEXT NOT NULL DEFAULT '{}'
        CHECK (json_valid(permissions) AND json_type(permissions) = 'object'),
    events TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(events) AND json_type(events) = 'array'),
    selected_repositories TEXT NOT NULL DEFAULT '[]'
        CHECK (json_valid(selected_repositories) AND json_type(selected_repositories) = 'array'),
    suspended_at TEXT,
    suspended_by_chitty_id TEXT REFERENCES actors (chitty_id),
    installed_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    uninstalled_at TEXT
);
