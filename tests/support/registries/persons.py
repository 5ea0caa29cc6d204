"""A registry in which a person is named wherever one may be, and what is looked for once that is erased."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from db.audit import verification
from tests.support.registries.databases import new_registry

AT = "2026-01-01T00:00:00.000Z"
ANN, BEN = "CHITTY-ACTOR-000001-ANNA", "CHITTY-ACTOR-000002-BENN"
NAME, FORMER_NAME = "Ann O'Hara", "Annabel Zöllner"
EMAIL, FORMER_EMAIL = "ann.ohara@example.org", "a.zoellner@example.net"
PICTURE = "https://pictures.example/people/ann-ohara.png"
PRINCIPAL = "auth0|5f7c8ec7c33c6c004bbafe82"
DNA = "CHITTY-DNA-000001-ANNA"
TEXTS = (NAME, FORMER_NAME, EMAIL, FORMER_EMAIL, PICTURE, PRINCIPAL)
CONTEXT, SECOND = "CHITTY-CONTEXT-000001-AAAA", "CHITTY-CONTEXT-000002-AAAA"
LINK = "0b9f5a0e-3c1e-4b57-9d40-5d0b6b1f7a01"
KEY = "0123456789ab"

_ADD_ACTOR = """
    INSERT INTO actors (chitty_id, actor_type, display_name, email, capabilities, created_at, updated_at)
    VALUES (?, 'human', ?, ?, ?, ?, ?)
"""
_UPDATE = "UPDATE actors SET {column} = ?, updated_at = ? WHERE chitty_id = ?"
_ADD_CONTEXT = """
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, data, created_at, updated_at)
    VALUES (?, ?, ?, ?, ?, ?)
"""
_ADD_CONNECTION = """
    INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service, target_endpoint,
        last_error, config, created_at, updated_at)
    VALUES (?, ?, 'context', 'mail', ?, ?, ?, ?, ?)
"""
_ADD_KEY = """
    INSERT INTO api_keys (key_id, actor_chitty_id, secret_sha256, label, created_at, last_used_on)
    VALUES (?, ?, 'none', ?, ?, '2026-01-01')
"""
_KEEP_VALUE = """
    INSERT INTO replaced_values (repaired_at, table_name, row_key, column_name, value_before, value_after)
    VALUES (?, ?, ?, ?, ?, ?)
"""


def add(connection: sqlite3.Connection) -> None:
    """Add Ann, who owns nothing, and Ben, an admin whose rows do not name her."""
    for row in (
        (BEN, "Ben", "ben@example.org", '["admin"]'),
        (ANN, FORMER_NAME, FORMER_EMAIL, "[]"),
    ):
        connection.execute(_ADD_ACTOR, (*row, AT, AT))
    changed = {
        "display_name": NAME,
        "email": EMAIL,
        "avatar_url": PICTURE,
        "chitty_auth_principal_id": PRINCIPAL,
        "chitty_dna_id": DNA,
        "last_seen_at": "2026-02-03T04:05:06.789Z",
        "session_count": 77_777,
    }
    for day, (column, value) in enumerate(changed.items(), start=2):
        at = f"2026-01-{day:02}T00:00:00.000Z"
        connection.execute(_UPDATE.format(column=column), (value, at, ANN))
    connection.execute(_ADD_KEY, (KEY, ANN, f"{NAME}'s laptop", AT))
    connection.execute(_KEEP_VALUE, (AT, "actors", ANN, "email", f" {FORMER_EMAIL}", FORMER_EMAIL))
    connection.execute(_KEEP_VALUE, (AT, "contexts", CONTEXT, "owner_chitty_id", EMAIL, BEN))


def name_elsewhere(connection: sqlite3.Connection) -> None:
    """Name Ann in the rows of others: as she is called and was called, and however JSON and URLs spell it."""
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in EMAIL)
    contexts = (
        (CONTEXT, f"Mail of {NAME}", json.dumps([FORMER_NAME])),
        (SECOND, f"Mail of {FORMER_NAME}", "[]"),
    )
    for key, name, data in contexts:
        connection.execute(_ADD_CONTEXT, (key, name, BEN, data, AT, AT))
    endpoint = f"https://mail.example/{EMAIL.replace('@', '%40')}/inbox"
    config = f'{{"to": "{escaped}", "within": {json.dumps(json.dumps({"cc": EMAIL.upper()}))}, "n": 1.50}}'
    error = f"550 <{EMAIL}>: no such mailbox of {PRINCIPAL}"
    connection.execute(_ADD_CONNECTION, (LINK, CONTEXT, endpoint, error, config, AT, AT))


def made(file: Path, *, elsewhere: bool = False) -> Path:
    """A new registry with Ann and Ben."""
    new_registry(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        add(connection)
        if elsewhere:
            name_elsewhere(connection)
    return file


def named_in_bytes(file: Path, *texts: str) -> list[tuple[str, str]]:
    """Which of these texts stand in the bytes of which files: the database's and those beside it."""
    files = [file.with_name(file.name + suffix) for suffix in ("", "-wal", "-shm", "-journal")]
    return [
        (each.name, text)
        for each in files
        if each.exists()
        for text in texts
        if text.lower().encode() in each.read_bytes().lower()
    ]


def cells_that_name(file: Path, *texts: str) -> list[tuple[str, str]]:
    """The tables and columns in which any of these texts stands."""
    found = []
    with closing(sqlite3.connect(file)) as connection:
        connection.text_factory = bytes
        tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
        for (name,) in connection.execute(tables).fetchall():
            cursor = connection.execute(f'SELECT * FROM "{name.decode()}"')
            columns = [column for column, *_ in cursor.description]
            for row in cursor:
                for column, value in zip(columns, row, strict=True):
                    if any(text.lower().encode() in _bytes(value).lower() for text in texts):
                        found.append((name.decode(), column))
    return sorted(set(found))


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def differences(file: Path) -> list[str]:
    """What `chittygraph audit verify` finds."""
    with verification.snapshot(file) as connection:
        return [str(found) for found in verification.verify(connection)]
