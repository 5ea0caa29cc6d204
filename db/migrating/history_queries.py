"""SQL that compares the rows of a table with their changes, and that records what is missing."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from db.migrating import history_triggers
from db.model.tables import Table

_QUERIES = {
    "deviating": """
    SELECT key, place, now, known FROM (
        SELECT row.{key} AS key, row.rowid AS place, {row} AS now, (
            SELECT after FROM changes WHERE kind = '{table}' AND key = row.{key}
            ORDER BY sequence DESC LIMIT 1
        ) AS known
        FROM {table} AS row LIMIT -1
    )
    WHERE known IS NOT now
    ORDER BY key
""",
    "gone": """
    SELECT change.key, change.sequence, change.after
    FROM changes AS change
    WHERE change.kind = '{table}' AND change.after IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM {table} AS row WHERE row.{key} = change.key)
        AND NOT EXISTS (
            SELECT 1 FROM changes AS later
            WHERE later.kind = change.kind AND later.key = change.key
                AND later.sequence > change.sequence
        )
    ORDER BY change.key
""",
    "known": """
    SELECT 1 FROM changes
    WHERE kind = '{table}' AND key = (SELECT {key} FROM {table} WHERE rowid = :rowid) LIMIT 1
""",
    "record_row": """
    INSERT INTO changes ({columns})
    SELECT
        coalesce(iif(row.updated_at IS NOT row.last ->> 'updated_at', {own_time}, NULL), {last_time}),
        NULL, :cause, NULL, '{table}', row.{key}, {operation}, :is_private, row.last, row.now
    FROM (
        SELECT *, {row} AS now, (
            SELECT iif(json_valid(after), after, NULL) FROM changes
            WHERE kind = '{table}' AND key = row.{key}
            ORDER BY sequence DESC LIMIT 1
        ) AS last
        FROM {table} AS row WHERE row.rowid = :rowid LIMIT 1
    ) AS row
    WHERE row.last IS NOT row.now
""",
    "record_gone": """
    INSERT INTO changes ({columns})
    SELECT at, NULL, :cause, NULL, kind, key, 'deleted', FALSE, after, NULL
    FROM changes AS change
    WHERE sequence = :sequence AND NOT EXISTS (
        SELECT 1 FROM changes AS later
        WHERE later.kind = change.kind AND later.key = change.key
            AND later.sequence > change.sequence
    )
""",
    "log": """
    SELECT change.sequence, change.key, change.operation, change.cause, change.is_private,
        change.before, change.after,
        iif(json_valid(change.after), {live}, NULL)
    FROM changes AS change WHERE change.kind = '{table}' ORDER BY change.key, change.sequence
""",
}


@dataclass(frozen=True, slots=True)
class Queries:
    """SQL about the rows of one table and their changes.

    `deviating` finds rows that are not as their last change tells, `gone` changes whose row is missing, and
    `known` whether a row has any change. `record_row` and `record_gone` append what makes up for one of them,
    unless another has done so. `log` has all changes, row by row.
    """

    deviating: str
    gone: str
    known: str
    record_row: str
    record_gone: str
    log: str


@lru_cache
def of(table: Table[Any]) -> Queries:
    live = re.sub(r"\{row\}\.(\w+)", r"(change.after ->> '\1')", table.live)
    parts = {**history_triggers.parts_of(table), "live": live}
    return Queries(**{name: sql.format(**parts) for name, sql in _QUERIES.items()})
