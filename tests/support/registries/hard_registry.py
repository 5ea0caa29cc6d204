"""A registry with rows in every table that a move copies, and with values that are hard to copy exactly."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from db.erasing import erasure
from db.erasing.erasure import ErasureRequest
from tests.support.registries import persons
from tests.support.registries.databases import made_once, opened
from tests.support.registries.histories import prune_some
from tests.support.registries.outgoing_webhooks import add_webhook

AT = "2026-01-01T00:00:00.000Z"
BIG = 2**53 + 1
TEXTS = (
    "emoji 🦊 and 日本, e\u0301 and é",
    "a\0b",
    "\x01\x1e\x7f line\r\nfeeds\ttab \\ \" ' \\u0041",
    "x'41'",
    "\ufffd replaced",
    "",
    "NULL",
    "12",
    '{"text":"00"}',
)
# By column: values that other programs leave in columns of another type.
ODD: tuple[dict[str, Any], ...] = (
    {"session_count": 1.5},
    {"session_count": "many"},
    {"session_count": -1e15 / 3},
    {"session_count": b""},
    {"avatar_url": b"\x00\xff'"},
    {"created_at": "not a time", "updated_at": "yesterday"},
    {"capabilities": '[1.0, "\\ud83e\\udd8a", 12345678901234567890]'},
)
# Of replaced_values, whose columns have no type.
UNTYPED: tuple[Any, ...] = (None, 0, -1, 0.1, 1 / 3, 5.0, 1e20, 4.35, "1", "1.0", b"1", b"")
# What only SQLite keeps, or reads back as it is.
IN_FILES_ONLY: tuple[dict[str, Any], ...] = (
    {"session_count": BIG},
    {"session_count": -(2**63)},
    {"session_count": 9e999},
    {"session_count": 1e300},  # whose digits some versions of SQLite write wrongly
)
NOT_UTF_8 = (
    "UPDATE actors SET display_name = CAST(X'41ff42' AS TEXT) WHERE chitty_id = 'CHITTY-TEXT-0'"
)

_ADD_OTHERS = f"""
INSERT INTO installations (installation_id, chitty_id, account_id, account_login, account_type,
    repository_selection, permissions, installed_at, updated_at)
VALUES (7, 'CHITTY-INSTALL-7', 7, 'ada', 'User', 'all', '{{}}', '{AT}', '{AT}'),
    ({2**53 - 1}, 'CHITTY-INSTALL-8', 8, 'ADA', 'User', 'all', '{{}}', '{AT}', '{AT}');
INSERT INTO installation_facts (installation_id, aspect, at, rank, value, receipt)
VALUES (7, 'account_login', '{AT}', 0, '"ada"', 1), (7, 'login:ada', '{AT}', 0, 'true', 1),
    (10, 'account_login', '{AT}', 0, '"eve"', 2);
INSERT INTO waiting_installations (installation_id, since, claimed_until) VALUES (10, '{AT}', '{AT}');
INSERT INTO webhook_deliveries (body_sha256, event, delivery_id, outcome, received_at, last_received_at)
VALUES ('00', 'installation', '1', 'applied', '{AT}', '{AT}'), ('00', 'ping', '1', 'ignored', '{AT}', '{AT}');
INSERT INTO repairs (repaired_at, table_name, column_name, problem, row_count)
VALUES ('{AT}', 'actors', 'email', 'odd', 1);
INSERT INTO idempotent_answers (viewer, key_sha256, field_sha256, request_sha256, attempt, kept_at,
    capabilities)
VALUES ('', '00', '00', '00', '1', '{AT}', '[]');
"""
_ADD_ACTOR = f"""
INSERT INTO actors (chitty_id, actor_type, display_name, created_at, updated_at)
VALUES (:id, 'ai', :text, '{AT}', '{AT}')
"""
_ADD_CONTEXT = f"""
INSERT INTO contexts (chitty_id, name, owner_chitty_id, data, created_at, updated_at)
VALUES (:id, :id, :owner, json_array(:text), '{AT}', '{AT}')
"""
_ADD_CONNECTION = f"""
INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service, target_endpoint,
    installation_id, created_at, updated_at)
VALUES (:id, :source, 'context', 'mail', :id, 7, '{AT}', '{AT}')
"""
_KEEP_VALUE = f"""
INSERT INTO replaced_values (repaired_at, table_name, row_key, column_name, value_before, value_after)
VALUES ('{AT}', 'actors', :key, 'odd', :value, :value)
"""


@made_once
def hard_registry(
    path: Path, *, links: int = 700, large: int = 200_000, only_files: bool = False
) -> None:
    """Make it: a history with a checkpoint and an erasure, `links` connections and two `large` contexts.

    With `only_files`, also values that D1 or rqlite cannot hold.
    """
    persons.made(path, elsewhere=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(_ADD_OTHERS)
        for number, text in enumerate(TEXTS):
            connection.execute(_ADD_ACTOR, {"id": f"CHITTY-TEXT-{number}", "text": text})
        _add_odd(connection, ODD + (IN_FILES_ONLY if only_files else ()))
        if only_files:
            connection.execute(NOT_UTF_8)
        for number, value in enumerate(UNTYPED):
            connection.execute(_KEEP_VALUE, {"key": f"row {number}", "value": value})
        for number in range(2):
            text = '"🦊\\' * (large // 7)
            context = {"id": f"CHITTY-LARGE-{number}", "owner": persons.BEN, "text": text}
            connection.execute(_ADD_CONTEXT, context)
        for number in range(links):
            link = {"id": f"link-{number:05}", "source": "CHITTY-LARGE-0"}
            connection.execute(_ADD_CONNECTION, link)
    erasure.erase(path, ErasureRequest(persons.ANN))
    asyncio.run(_pruned(path))
    add_webhook(path)


def _add_odd(connection: sqlite3.Connection, odd: tuple[dict[str, Any], ...]) -> None:
    connection.execute("PRAGMA ignore_check_constraints = ON")
    for number, values in enumerate(odd):
        key = f"CHITTY-ODD-{number:02}"
        connection.execute(_ADD_ACTOR, {"id": key, "text": "odd"})
        for column, value in values.items():
            connection.execute(
                f"UPDATE actors SET {column} = :value WHERE chitty_id = :key",
                {"value": value, "key": key},
            )


async def _pruned(path: Path) -> None:
    async with opened(path) as db:
        await prune_some(db, "2026-01-05T00:00:00.000Z", most=10, portions=1)
