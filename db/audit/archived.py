"""Compares changes with an export of them that was kept elsewhere.

That finds what nothing else in the database depends on, such as who made a change, why and when. What rows
were before and after is not compared: verification holds that, and erasing a person blanks parts of it.
"""

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from db.audit.findings import Finding, FindingKind
from db.model.retention import LAST_PRUNED

COMPARED = ("at", "actor", "cause", "request_id", "table", "key", "operation", "is_private")
MOST = 2**63 - 1  # what SQLite counts to
PRUNED = f"SELECT {LAST_PRUNED}"
# As `audit export` writes them.
STORED = """
    SELECT sequence, at, actor, cause, request_id, kind, iif(typeof(key) = 'blob', hex(key), key), operation,
        is_private
    FROM changes WHERE sequence >= :first ORDER BY sequence
"""


class NotArchived(ValueError):
    """Raised for a line that `audit export` did not write, or not in this place; the message says why."""


@dataclass(slots=True)
class Tally:
    """How many lines were compared, and of how many the changes were pruned meanwhile."""

    compared: int = 0
    pruned: int = 0


def compare(
    connection: sqlite3.Connection, lines: Iterable[bytes], tally: Tally
) -> Iterator[Finding]:
    """All in which changes are not as the lines of an export have them; raises NotArchived."""
    (pruned,) = connection.execute(PRUNED).fetchone()
    rows: Iterator[tuple[Any, ...]] | None = None
    row: tuple[Any, ...] = (0,)
    last = 0
    for number, line in enumerate(lines, 1):
        archived = _read(number, line, last)
        last = archived["sequence"]
        if last <= pruned:
            tally.pruned += 1
            continue
        tally.compared += 1
        if rows is None:
            rows = iter(connection.execute(STORED, {"first": last}))
        while row[0] < last:
            row = next(rows, (math.inf,))
        if row[0] > last:
            yield _finding(FindingKind.NOT_STORED, archived)
        else:
            yield from _differences(archived, row)


def _read(number: int, line: bytes, last: int) -> dict[str, Any]:
    try:
        archived = json.loads(line)
    except (ValueError, RecursionError):
        raise NotArchived(f"line {number} is no JSON") from None
    if not isinstance(archived, dict) or not {"sequence", *COMPARED} <= archived.keys():
        raise NotArchived(f"line {number} is no change as `audit export` writes one")
    sequence = archived["sequence"]
    if type(sequence) is not int or sequence > MOST:
        raise NotArchived(f"line {number} has no sequence number of a change")
    if sequence <= last:
        raise NotArchived(f"line {number} is not in the order of an export")
    return archived


def _differences(archived: dict[str, Any], row: tuple[Any, ...]) -> Iterator[Finding]:
    *values, is_private = row[1:]
    for name, stored in zip(COMPARED, (*values, bool(is_private)), strict=True):
        if stored != archived[name]:
            yield _finding(
                FindingKind.ALTERED,
                archived,
                column=name,
                recorded=archived[name],
                stored=stored,
            )


def _finding(kind: FindingKind, archived: dict[str, Any], **parts: Any) -> Finding:
    sequence, table, key = archived["sequence"], str(archived["table"]), archived["key"]
    return Finding(kind, table, key, sequence=sequence, **parts)
