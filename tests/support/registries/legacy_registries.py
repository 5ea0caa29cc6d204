"""Registries as other programs made them: their tables, and every old form that those hold."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from db.migrating.ledger import MIGRATIONS

# As ChittyConnect declares them: defaults for what is left out, no references, its own indexes.
TABLES = """
CREATE TABLE IF NOT EXISTS contexts (
  chitty_id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL UNIQUE, owner_chitty_id TEXT NOT NULL,
  data TEXT DEFAULT '[]', systems TEXT DEFAULT '[]', tools TEXT DEFAULT '[]',
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  updated_at TEXT NOT NULL DEFAULT (datetime('now')),
  deleted_at TEXT DEFAULT NULL, chitty_dna_id TEXT DEFAULT NULL,
  chitty_chronicle_timeline_id TEXT DEFAULT NULL,
  status TEXT NOT NULL DEFAULT 'active' CHECK(status IN ('active', 'inactive', 'deleted'))
);
CREATE INDEX IF NOT EXISTS idx_contexts_owner ON contexts(owner_chitty_id);
CREATE TABLE IF NOT EXISTS installations (
  installation_id INTEGER PRIMARY KEY NOT NULL, chitty_id TEXT NOT NULL UNIQUE,
  chitty_dna_id TEXT DEFAULT NULL, account_id INTEGER NOT NULL, account_login TEXT NOT NULL,
  account_type TEXT NOT NULL CHECK(account_type IN ('User', 'Organization')),
  account_avatar_url TEXT DEFAULT NULL,
  repository_selection TEXT NOT NULL CHECK(repository_selection IN ('all', 'selected')),
  permissions TEXT DEFAULT '{}', events TEXT DEFAULT '[]', selected_repositories TEXT DEFAULT '[]',
  suspended_at TEXT DEFAULT NULL, suspended_by_chitty_id TEXT DEFAULT NULL,
  installed_at TEXT NOT NULL DEFAULT (datetime('now')),
  updated_at TEXT NOT NULL DEFAULT (datetime('now')), uninstalled_at TEXT DEFAULT NULL
);
CREATE TABLE IF NOT EXISTS actors (
  chitty_id TEXT PRIMARY KEY NOT NULL,
  actor_type TEXT NOT NULL CHECK(actor_type IN ('human', 'ai', 'service', 'system')),
  display_name TEXT DEFAULT NULL, email TEXT DEFAULT NULL, avatar_url TEXT DEFAULT NULL,
  capabilities TEXT DEFAULT '[]', chitty_dna_id TEXT DEFAULT NULL,
  chitty_auth_principal_id TEXT DEFAULT NULL, last_seen_at TEXT DEFAULT NULL,
  session_count INTEGER DEFAULT 0,
  status TEXT NOT NULL DEFAULT 'active' CHECK(status IN ('active', 'suspended', 'deleted')),
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  updated_at TEXT NOT NULL DEFAULT (datetime('now'))
);
CREATE INDEX IF NOT EXISTS idx_actors_type ON actors(actor_type);
CREATE TABLE IF NOT EXISTS connections (
  connection_id TEXT PRIMARY KEY NOT NULL, source_chitty_id TEXT NOT NULL,
  source_type TEXT NOT NULL CHECK(source_type IN ('context', 'actor')),
  target_service TEXT NOT NULL, target_endpoint TEXT DEFAULT NULL,
  connection_type TEXT NOT NULL DEFAULT 'api'
    CHECK(connection_type IN ('api', 'webhook', 'oauth', 'direct')),
  credentials_kv_key TEXT DEFAULT NULL,
  status TEXT NOT NULL DEFAULT 'active'
    CHECK(status IN ('active', 'inactive', 'failed', 'disconnected')),
  last_health_check TEXT DEFAULT NULL, last_error TEXT DEFAULT NULL, error_count INTEGER DEFAULT 0,
  request_count INTEGER DEFAULT 0, last_used_at TEXT DEFAULT NULL, config TEXT DEFAULT '{}',
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  updated_at TEXT NOT NULL DEFAULT (datetime('now')), disconnected_at TEXT DEFAULT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS idx_connections_source_target_unique
ON connections(source_chitty_id, target_service, target_endpoint)
WHERE status = 'active' AND target_endpoint IS NOT NULL;
"""
D1_LEDGER = """
CREATE TABLE d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
);
INSERT INTO d1_migrations (name) VALUES ('0001_create_contexts_table.sql'),
  ('0002_create_installations_table.sql'), ('0003_create_actors_table.sql'),
  ('0004_create_connections_table.sql');
"""
OLD, OLDER = "2025-10-21 18:52:06", "2025-10-20 08:00:00"
CANONICAL, CANONICAL_OLDER = "2025-10-21T18:52:06.000Z", "2025-10-20T08:00:00.000Z"
OWNER = "CHITTY-PEO-6f1c0c0e-8a9d-4f57-9d0a-0f6a3c0b2f11"
CONTEXT = "CHITTY-CONTEXT-6f1c0c0e-8a9d-4f57-9d0a-0f6a3c0b2f22"


def by_hand(path: Path, loosely: bool = False) -> Path:
    """The four tables and one old row in each; `loosely` is without any type or constraint."""
    script = TABLES if not loosely else _loose()
    with opened(path) as connection:
        connection.executescript(script)
        fill(connection)
    return path


def by_wrangler(path: Path) -> Path:
    """The same with wrangler's ledger and the tables that its local database has for itself."""
    by_hand(path)
    with opened(path) as connection:
        connection.executescript(D1_LEDGER + "CREATE TABLE _cf_METADATA (key INTEGER, value BLOB);")
    return path


def by_our_files(path: Path, upto: int, folder: Path = MIGRATIONS) -> Path:
    """Our first migrations, run by a tool that keeps no record."""
    with opened(path) as connection:
        for file in sorted(folder.glob("*.sql"))[:upto]:
            connection.executescript(file.read_text())
    return path


def restored(path: Path) -> Path:
    """What the first kind becomes by way of a dump: each CREATE and INSERT, run into a new file."""
    script = ["PRAGMA defer_foreign_keys = TRUE;"]
    with opened(by_hand(path.with_name("dumped.db"))) as dumped:
        made = dumped.execute("SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL")
        for name, kind, sql in made.fetchall():
            script.append(f"{sql};")
            columns = dumped.execute(f"SELECT name FROM pragma_table_info('{name}')").fetchall()
            values = " || ',' || ".join(f"quote({column})" for (column,) in columns)
            if kind == "table":
                script += [
                    f"INSERT INTO {name} VALUES ({row});"
                    for (row,) in dumped.execute(f"SELECT {values} FROM {name}")
                ]
    with opened(path) as connection:
        connection.executescript("\n".join(script))
    path.with_name("dumped.db").unlink()
    return path


def fill(connection: sqlite3.Connection) -> None:
    """One row of each table, with what `datetime('now')` and forgetful programs leave."""
    put(
        connection,
        "contexts",
        chitty_id=CONTEXT,
        name="harbour",
        owner_chitty_id=OWNER,
        data=None,
        systems="",
        created_at=OLDER,
        updated_at=OLD,
    )
    put(
        connection,
        "installations",
        installation_id=7,
        chitty_id="CHITTY-INSTALL-000007-AAAA",
        account_id=70,
        account_login="ada",
        account_type="User",
        repository_selection="all",
        events=None,
        permissions='{"contents": "read"}',
        installed_at=OLD,
        updated_at=OLD,
    )
    put(
        connection,
        "connections",
        connection_id="first",
        source_chitty_id=CONTEXT,
        source_type="context",
        target_service="github",
        error_count=None,
        request_count=None,
        config=None,
        status="active",
        created_at=OLDER,
        updated_at=OLD,
    )


def put(connection: sqlite3.Connection, table: str, **values: Any) -> None:
    """One row with these values and the table's defaults, past its checks."""
    connection.execute("PRAGMA ignore_check_constraints = ON")
    marks = ", ".join(f":{name}" for name in values)
    connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", values)


@contextlib.contextmanager
def opened(path: Path) -> Any:
    """A connection of another program; what it wrote is committed on leaving."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """What a SELECT finds."""
    with opened(path) as connection:
        found: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
    return found


def _loose() -> str:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(TABLES)
        made = []
        for table in ("contexts", "installations", "actors", "connections"):
            names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            made.append(f"CREATE TABLE {table} ({', '.join(names)});")
    return "\n".join(made)
