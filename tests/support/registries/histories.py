"""Histories: as the table has them, and pruned in part."""

import json
import sqlite3
from collections import defaultdict
from typing import Any

from db.history.pruning import Pace, prune_portion
from db.migrating import history_triggers
from db.sqlite.database import SQLiteDatabase

CHANGES = """
    SELECT sequence, at, actor, cause, request_id, kind, key, operation, is_private, before, after
    FROM changes WHERE sequence > ? ORDER BY sequence
"""


def day(number: int) -> str:
    """When a day of January 2026 begins."""
    return f"2026-01-{number:02}T00:00:00.000Z"


def changes(connection: sqlite3.Connection, after: int = 0) -> list[dict[str, Any]]:
    """The changes after a sequence number by column, the rows that they hold decoded."""
    cursor = connection.execute(CHANGES, (after,))
    names = [name for name, *_ in cursor.description]
    found = [dict(zip(names, row, strict=True)) for row in cursor]
    for change in found:
        for side in ("before", "after"):
            change[side] = change[side] and json.loads(change[side])
    return found


def one_of_each_table() -> list[list[str]]:
    """The triggers of the history, those of one purpose together: no two that are of the same table."""
    by_purpose: dict[str, list[str]] = defaultdict(list)
    for name in sorted(history_triggers.NAMES):
        by_purpose[name.partition("_")[2]].append(name)
    return list(by_purpose.values())


async def prune_some(db: SQLiteDatabase, before: str, *, most: int, portions: int) -> None:
    """Cut so many portions of at most so many changes."""
    pace = Pace(most)
    for _ in range(portions):
        await prune_portion(db, before, pace)
