"""Statements that insert any number of rows of one table."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from db.model.tables import TABLES, Table
from db.program import Program, Statement, Value


def insert_rows(
    table: Table[Any],
    rows: Sequence[Any],
    *,
    when: str = "true",
    bind: Mapping[str, Value] | None = None,
) -> Statement:
    """The Statement that inserts these rows if the SQL `when` holds, and returns their keys."""
    # `bind` has the binds of `when`, except `rows`. Rows must not hold bytes.
    columns = ", ".join(table.columns)
    values = {name: f"json_extract(value, '$[{i}]')" for i, name in enumerate(table.columns)}
    rows_json = json.dumps([[getattr(row, name) for name in table.columns] for row in rows])
    sql = f"""
        INSERT INTO {table.name} ({columns})
        SELECT {", ".join(values.values())} FROM json_each(:rows) WHERE {when}
    """
    of = f"{table.name} WHERE {table.key} IN (SELECT {values[table.key]} FROM json_each(:rows))"
    return Statement(sql, {**(bind or {}), "rows": rows_json}, returning=table.key, of=of)


def fill_empty(rows: Mapping[Table[Any], Sequence[Any]]) -> Program[dict[str, int] | None]:
    """Insert these rows, parents first, and return their counts; None if the registry is not empty."""
    # The first table must have a row.
    order = list(rows)
    key = getattr(rows[order[0]][0], order[0].key)
    written = yield [
        insert_rows(
            table,
            rows[table],
            when=_still_empty_after(order[:place]),
            bind={"first": key} if place else None,
        )
        for place, table in enumerate(order)
    ]
    if not written[0]:
        return None
    return {table.name: len(keys) for table, keys in zip(order, written, strict=True)}


def _still_empty_after(filled: Sequence[Table[Any]]) -> str:
    """SQL: the first table has the row with the key `:first`, and the other tables are empty."""
    # It tells a later statement of the batch whether the first one wrote.
    conditions = [
        f"NOT EXISTS (SELECT 1 FROM {table.name})" for table in TABLES if table not in filled
    ]
    if filled:
        first = filled[0]
        conditions.append(f"EXISTS (SELECT 1 FROM {first.name} WHERE {first.key} = :first)")
    return " AND ".join(conditions)
