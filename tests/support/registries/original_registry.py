"""A registry as ChittyConnect's worker leaves it: its tables, the forms of its ids, and its naive times.

The rows are written as they are stored; `shown` says what the API must show of a stored value.
"""

import functools
import json
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from db.migrating import migrator
from tests.support.registries.legacy_registries import TABLES, opened

Row = dict[str, Any]

OLD, LATER, LAST = "2025-10-20 08:00:00", "2025-10-21 18:52:06", "2025-11-02 23:59:59"
ADA, BOT, PLATFORM = "CHITTY-ACTOR-abc", "actor 7", "CHITTY-CONNECT-SYSTEM"
GONE = "CHITTY-PEO-6f1c0c0e-8a9d-4f57-9d0a-0f6a3c0b2f11"
LEDGER, INTAKE, ARCHIVE = "CTX-1", "CHITTY-CONTEXT-intake/2", "ctx_old"
HUGE = 9_007_199_254_740_993
STATUSES = ("active", "inactive", "failed", "disconnected")
TYPES = ("api", "webhook", "oauth", "direct")
# Ids that no form has: of other programs, in uppercase, with spaces and characters of all kinds.
ODD_CONNECTIONS = (
    "first",
    "CONN-1",
    f"{uuid5(NAMESPACE_URL, 'u')}".upper(),
    "né/漢 🦊",
    "%_'\"\\",
    "",
)


def conn(name: str) -> str:
    """The id that the worker gives a connection."""
    return f"conn-{uuid5(NAMESPACE_URL, name)}"


def _times(**more: Any) -> Row:
    return {"created_at": OLD, "updated_at": LATER, **more}


def actors() -> Iterator[Row]:
    yield _times(
        chitty_id=ADA,
        actor_type="human",
        display_name="Ada",
        email="ada@localhost",
        avatar_url="ada.png",
        capabilities='["deploy", "deploy"]',
        chitty_dna_id="DNA-1",
        chitty_auth_principal_id="auth|ada",
        last_seen_at=LAST,
        session_count=12,
        status="active",
    )
    yield _times(
        chitty_id=BOT, actor_type="ai", capabilities=None, session_count=None, status="active"
    )
    yield _times(chitty_id=PLATFORM, actor_type="system", display_name="  ", status="suspended")
    yield _times(chitty_id=GONE, actor_type="service", status="deleted")


def installations() -> Iterator[Row]:
    yield {
        "installation_id": 41,
        "chitty_id": "CHITTY-INSTALL-abc",
        "account_id": 5,
        "account_login": "octo-org",
        "account_type": "Organization",
        "account_avatar_url": "https://avatars.example/5",
        "repository_selection": "selected",
        "permissions": '{"contents": "read", "issues": "write"}',
        "events": '["push"]',
        "selected_repositories": '["octo-org/a", "octo-org/b"]',
        "installed_at": OLD,
        "updated_at": LATER,
    }
    yield {
        "installation_id": HUGE,
        "chitty_id": "INST-2",
        "chitty_dna_id": "DNA-2",
        "account_id": HUGE + 1,
        "account_login": "ada",
        "account_type": "User",
        "repository_selection": "all",
        "permissions": None,
        "events": None,
        "selected_repositories": "",
        "suspended_at": LAST,
        "suspended_by_chitty_id": ADA,
        "installed_at": OLD,
        "updated_at": LATER,
    }
    yield {
        "installation_id": -3,
        "chitty_id": "INST-3",
        "account_id": 0,
        "account_login": "",
        "account_type": "User",
        "repository_selection": "all",
        "suspended_at": LAST,
        "suspended_by_chitty_id": GONE,
        "installed_at": OLD,
        "updated_at": LATER,
        "uninstalled_at": LAST,
    }


def contexts() -> Iterator[Row]:
    yield _times(
        chitty_id=LEDGER,
        name="ledger",
        owner_chitty_id=ADA,
        data='["invoices"]',
        systems="[]",
        tools=None,
        chitty_dna_id="DNA-3",
        chitty_chronicle_timeline_id="TL 1",
        status="active",
    )
    yield _times(chitty_id=INTAKE, name=' odd "name" ', owner_chitty_id=BOT, status="active")
    yield _times(
        chitty_id=ARCHIVE, name="old", owner_chitty_id=GONE, status="deleted", deleted_at=LAST
    )


def connections() -> Iterator[Row]:
    """Each status and type, from a context or an actor, and those with odd ids."""
    sources = ((LEDGER, "context"), (ADA, "actor"))
    for number, (status, type_) in enumerate(product(STATUSES, TYPES)):
        yield _connection(conn(str(number)), *sources[number % 2], number, status, type_)
    for number, key in enumerate(ODD_CONNECTIONS, start=100):
        yield _connection(key, INTAKE, "context", number, "active", "api")


def _connection(
    key: str, source: str, source_type: str, number: int, status: str, type_: str
) -> Row:
    return _times(
        connection_id=key,
        source_chitty_id=source,
        source_type=source_type,
        target_service=f"service-{number}",
        target_endpoint=f"https://api.example/{number}" if number % 2 else None,
        connection_type=type_,
        credentials_kv_key=f"connection:{key}" if number % 3 else None,
        status=status,
        last_health_check=LATER if number % 5 else None,
        last_error="timed out\nafter 5 s" if status == "failed" else None,
        error_count=5 if status == "failed" else None,
        request_count=number or None,
        last_used_at=LAST if number % 4 else None,
        config='{"region": "eu", "retries": 3}' if number % 2 else None,
        disconnected_at=LAST if status == "disconnected" else None,
    )


ROWS = {
    "actors": list(actors()),
    "installations": list(installations()),
    "contexts": list(contexts()),
    "connections": list(connections()),
}


def fill(path: Path) -> Path:
    """Make the registry as plain SQLite."""
    with opened(path) as connection:
        connection.executescript(sql())
    return path


def adopted(path: Path) -> Path:
    """Make it as adoption leaves it."""
    path.write_bytes(_adopted())
    return path


@functools.cache
def _adopted() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = fill(Path(folder, "registry.db"))
        migrator.migrate(path)
        return path.read_bytes()


def sql() -> str:
    """The same as SQL, for whatever runs it."""
    statements = [TABLES]
    for table, rows in ROWS.items():
        statements += [
            f"INSERT INTO {table} ({', '.join(row)}) VALUES"
            f" ({', '.join(map(_literal, row.values()))});"
            for row in rows
        ]
    return "\n".join(statements)


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'{}'".format(value.replace("'", "''"))


LISTS = ("capabilities", "data", "systems", "tools", "events", "selected_repositories")
ENUMS = ("type", "status", "selection")
BIG = ("installation_id", "account_id", "session_count", "request_count")


def shown(column: str, stored: Any) -> Any:
    """What the API shows of a stored value."""
    if column in LISTS:
        return json.loads(stored or "[]")
    if column == "permissions":
        granted = json.loads(stored or "{}")
        return [{"name": name, "access": granted[name]} for name in sorted(granted)]
    if column == "config":
        return json.loads(stored or "{}")
    if column in BIG and (column.endswith("count") or stored is not None):
        return str(stored or 0)
    if column == "error_count":
        return stored or 0
    if stored is not None and column.endswith(("_at", "_check")):
        return stored.replace(" ", "T") + ".000Z"
    if stored is not None and column.endswith(ENUMS):
        return stored.upper()
    return stored
