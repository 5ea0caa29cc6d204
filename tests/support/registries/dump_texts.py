"""Registries of other programs as SQL text, in the forms that those programs write."""

TABLES = """\
CREATE TABLE contexts (chitty_id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL UNIQUE,
  owner_chitty_id TEXT NOT NULL, data TEXT DEFAULT '[]', systems TEXT, tools TEXT,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, deleted_at TEXT, chitty_dna_id TEXT,
  chitty_chronicle_timeline_id TEXT, status TEXT NOT NULL DEFAULT 'active');
CREATE TABLE installations (installation_id INTEGER PRIMARY KEY NOT NULL, chitty_id TEXT NOT NULL,
  chitty_dna_id TEXT, account_id INTEGER NOT NULL, account_login TEXT NOT NULL,
  account_type TEXT NOT NULL, account_avatar_url TEXT, repository_selection TEXT NOT NULL,
  permissions TEXT, events TEXT, selected_repositories TEXT, suspended_at TEXT,
  suspended_by_chitty_id TEXT, installed_at TEXT NOT NULL, updated_at TEXT NOT NULL,
  uninstalled_at TEXT);
CREATE TABLE actors (chitty_id TEXT PRIMARY KEY NOT NULL, actor_type TEXT NOT NULL, display_name TEXT,
  email TEXT, avatar_url TEXT, capabilities TEXT, chitty_dna_id TEXT,
  chitty_auth_principal_id TEXT, last_seen_at TEXT, session_count INTEGER DEFAULT 0,
  status TEXT NOT NULL DEFAULT 'active', created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
{actor}
CREATE TABLE connections (connection_id TEXT PRIMARY KEY NOT NULL, source_chitty_id TEXT NOT NULL,
  source_type TEXT NOT NULL, target_service TEXT NOT NULL, target_endpoint TEXT,
  connection_type TEXT NOT NULL DEFAULT 'api', credentials_kv_key TEXT,
  status TEXT NOT NULL DEFAULT 'active', last_health_check TEXT, last_error TEXT,
  error_count INTEGER DEFAULT 0, request_count INTEGER DEFAULT 0, last_used_at TEXT, config TEXT,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, disconnected_at TEXT);
CREATE TABLE d1_migrations(
\t\tid         INTEGER PRIMARY KEY AUTOINCREMENT,
\t\tname       TEXT UNIQUE,
\t\tapplied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
);
"""
VALUES = (
    "('CHITTY-ADA','human',replace('Ada;\\nL''s','\\n',char(10)),NULL,NULL,'[]',NULL,NULL,NULL,0,"
    "'active','2025-10-21 18:52:06','2025-10-21 18:52:06');"
)

OF_WRANGLER = f"""\
PRAGMA defer_foreign_keys=TRUE;
{TABLES.format(actor=f'INSERT INTO "actors" VALUES{VALUES}')}\
DELETE FROM sqlite_sequence;
INSERT INTO "sqlite_sequence" VALUES('d1_migrations',4);
CREATE INDEX idx_actors_type ON actors(actor_type);
"""

OF_SQLITE3 = f"""\
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
{TABLES.format(actor=f"INSERT INTO actors VALUES{VALUES}")}\
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 VALUES('actors','idx_actors_type','1 1');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('d1_migrations',4);
CREATE INDEX idx_actors_type ON actors(actor_type);
CREATE TRIGGER kept BEFORE DELETE ON actors BEGIN SELECT 1; SELECT raise(ABORT, 'kept'); END;
COMMIT;
"""
