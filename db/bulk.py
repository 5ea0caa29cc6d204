"""Many rows of one table in one statement, however many there are."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from db.program import Statement, Value
from db.tables import Table


def insert_rows(
    table: Table[Any],
    rows: Sequence[Any],
    *,
    when: str = "true",
    bind: Mapping[str, Value] | None = None,
) -> Statement:
    """The statement that inserts these rows where the SQL condition `when` holds; it returns keys.

    `bind` holds what `when` names; the name `rows` is taken. Rows that hold bytes do not fit.
    """
    columns = ", ".join(table.columns)
    values = ", ".join(f"json_extract(value, '$[{i}]')" for i in range(len(table.columns)))
    packed = json.dumps([[getattr(row, name) for name in table.columns] for row in rows])
    sql = f"""
        INSERT INTO {table.name} ({columns})
        SELECT {values} FROM json_each(:rows) WHERE {when}
        RETURNING {table.key}
    """
    return Statement(sql, {**(bind or {}), "rows": packed})
