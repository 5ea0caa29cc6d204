"""All retained changes as lines of JSON, in order, read in one snapshot."""

import sqlite3
from collections.abc import Iterator

from db.history.change_lines import LINE
from db.history.checkpoint import RETAINED

MATCHING = f"""
    FROM changes AS change
    WHERE {RETAINED.format(change="change")}
        AND (:since IS NULL OR change.at >= :since) AND (:before IS NULL OR change.at < :before)
"""
LINES = f"SELECT change.sequence, {LINE} {MATCHING} ORDER BY change.sequence"
COUNT = f"SELECT count(*) {MATCHING}"


def count(connection: sqlite3.Connection, since: str | None, before: str | None) -> int:
    (found,) = connection.execute(COUNT, {"since": since, "before": before}).fetchone()
    return int(found)


def lines(
    connection: sqlite3.Connection, since: str | None, before: str | None
) -> Iterator[tuple[int, bytes]]:
    """The sequence number and line of each change that was made from `since` on and `before` an instant."""
    yield from connection.execute(LINES, {"since": since, "before": before})
