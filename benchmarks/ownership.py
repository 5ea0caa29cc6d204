"""A registry in which one actor owns 200 contexts and has a key, and another one is an admin with a key.

The owner gets the newest hundred contexts, which W2 and W3 list, and a hundred ordinary ones. So open mode,
the admin and the owner send the same requests and get the same answers. A run prints how many
connections the owner has.
"""

import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import data, progress, rows
from benchmarks.registries import Registry
from benchmarks.rows import Size
from benchmarks.workloads import Workload, new_connection
from db.program import Program
from db.program import run as run_program
from db.security import api_keys
from db.security.api_keys import NewKey
from db.security.row_security import UNRESTRICTED
from db.sqlite.connection_thread import execute
from server.auth import api_keys as keys

ADMIN, OWNER = "admin", "owner"
NEWEST, ORDINARY = 100, 100
FEW = 20
HAND_OVER = "UPDATE contexts SET owner_chitty_id = ? WHERE"
CONNECTIONS_OF = """
    SELECT count(*) FROM connections
    WHERE status <> 'disconnected' AND (
        source_chitty_id = :owner
        OR source_chitty_id IN (SELECT chitty_id FROM contexts WHERE owner_chitty_id = :owner)
    )
"""
# Whoever owns the newest contexts, and another actor.
OWNERS_PLACE, ADMINS_PLACE = 1, 2


def owned(scale: float, folder: Path) -> Registry:
    """The ordinary rows, of which the owner has its part; requests ask for that part."""
    size = Size.at(scale)
    return _owned_copy(data.database(scale), size, _owned(size), folder)


def changed(scale: float, folder: Path) -> Registry:
    """Rows that were used, as their history tells; at any scale the owner has as many of them."""
    size = Size.at(scale)
    return _owned_copy(data.changed(scale), size, newest(size), folder)


def newest(size: Size) -> Sequence[int]:
    """The places of the newest few contexts."""
    return range(size.contexts - FEW, size.contexts)


def _owned_copy(database: Path, size: Size, owned: Sequence[int], folder: Path) -> Registry:
    path = folder / "owned.db"
    shutil.copyfile(database, path)
    credentials = _prepare(path, size, owned)
    return Registry(path, size, lambda workload: _asked_of_owner(workload, size), credentials)


def _prepare(database: Path, size: Size, owned: Sequence[int]) -> dict[str, str]:
    """Give these contexts to the owner and make keys; returns the Authorization header of each name."""
    owner, admin = rows.actor_id(OWNERS_PLACE), rows.actor_id(ADMINS_PLACE)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute(f"{HAND_OVER} owner_chitty_id = ?", (admin, owner))
        connection.executemany(
            f"{HAND_OVER} chitty_id = ?",
            [(owner, rows.context_id(place)) for place in owned],
        )
        connection.execute(
            "UPDATE actors SET capabilities = '[\"admin\"]' WHERE chitty_id = ?", (admin,)
        )
        (many,) = connection.execute(CONNECTIONS_OF, {"owner": owner}).fetchone()
        progress.say(f"the owner has {many:,} connections to list")
        return {
            name: f"Bearer {_key_of(connection, actor)}"
            for name, actor in ((ADMIN, admin), (OWNER, owner))
        }


def _key_of(connection: sqlite3.Connection, actor: str) -> str:
    key = keys.generate()
    program: Program[Any] = api_keys.create(NewKey(key.key_id, actor, keys.digest(key.secret)))
    run_program(program, lambda statement: execute(connection, statement, UNRESTRICTED))
    return key.text()


def _owned(size: Size) -> Sequence[int]:
    middle = size.contexts // 2
    return [
        *range(size.contexts - NEWEST, size.contexts),
        *range(middle, middle + ORDINARY),
    ]


def _asked_of_owner(workload: Workload, size: Size) -> Workload:
    """The same workload over the owner's rows."""
    owned = _owned(size)
    variables: Mapping[str, list[dict[str, Any]]] = {
        "W1": [{"id": rows.context_id(place)} for place in owned],
        "W5": [{"id": rows.actor_id(OWNERS_PLACE)}],
        "W4": [{"input": new_connection(place)} for place in owned if rows.is_active(place)],
    }
    if workload.name not in variables:
        return workload
    return replace(workload, variables=lambda _: variables[workload.name])
