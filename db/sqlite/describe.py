"""Describes the tables of a database file, without changing it."""

import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import Any

from db.sqlite import catalog, file_checks
from db.sqlite.damage import Extent

INDEXES = """
    SELECT list.name, list."unique", list.partial, info.name, info."desc"
    FROM pragma_index_list(:table) AS list, pragma_index_xinfo(list.name) AS info
    WHERE info.key
    ORDER BY list.name, info.seqno
"""
FOREIGN_KEYS = """
    SELECT id, "from", "table", "to"
    FROM pragma_foreign_key_list(:table)
    ORDER BY id, seq
"""


def schema(path: Path) -> dict[str, Any]:
    """Tables with their columns, indexes and foreign keys; raises BootRefused if the file cannot be read."""
    with file_checks.looking(path.resolve(), alone=True, extent=Extent.NOTHING) as connection:
        return {
            each.name: {
                "columns": [asdict(column) for column in each.columns.values()],
                "indexes": _indexes(connection, each.name),
                "foreign_keys": _foreign_keys(connection, each.name),
            }
            for each in catalog.read(connection).values()
            if each.type == "table"
        }


def _indexes(connection: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    indexes: dict[str, dict[str, Any]] = {}
    for index, is_unique, is_partial, column, descending in connection.execute(
        INDEXES, {"table": table}
    ):
        entry = {"name": index, "columns": [], "unique": is_unique == 1, "partial": is_partial == 1}
        name = "an expression" if column is None else column
        indexes.setdefault(index, entry)["columns"].append(name + " DESC" * descending)
    return list(indexes.values())


def _foreign_keys(connection: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    keys: dict[int, dict[str, Any]] = {}
    for number, column, parent, key in connection.execute(FOREIGN_KEYS, {"table": table}):
        reference = keys.setdefault(number, {"columns": [], "table": parent, "keys": []})
        reference["columns"].append(column)
        reference["keys"] += [key] if key is not None else []  # none means the parent's primary key
    return list(keys.values())
