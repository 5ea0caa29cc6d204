"""Many rows of one table in one statement, however many there are."""

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
    """The statement that inserts these rows where the SQL condition `when` holds; it returns keys.

    `bind` holds what `when` names; the name `rows` is taken. Rows that hold bytes do not fit.
    """
    columns = ", ".join(table.columns)
    values = {name: f"json_extract(value, '$[{i}]')" for i, name in enumerate(table.columns)}
    packed = json.dumps([[getattr(row, name) for name in table.columns] for row in rows])
    sql = f"""
        INSERT INTO {table.name} ({columns})
        SELECT {", ".join(values.values())} FROM json_each(:rows) WHERE {when}
    """
    of = f"{table.name} WHERE {table.key} IN (SELECT {values[table.key]} FROM json_each(:rows))"
    return Statement(sql, {**(bind or {}), "rows": packed}, returning=table.key, of=of)


def fill_empty(rows: Mapping[Table[Any], Sequence[Any]]) -> Program[dict[str, int] | None]:
    """Store these rows, parents first, in a registry that holds none; the first table must have some.

    Returns the number of rows by table, or None, with nothing written, where it holds any.
    """
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
    """True where what is filled begins with the row whose key is `:first`, and the rest is empty.

    A batch cannot ask in between whether its first statement wrote; this condition can.
    """
    conditions = [
        f"NOT EXISTS (SELECT 1 FROM {table.name})" for table in TABLES if table not in filled
    ]
    if filled:
        first = filled[0]
        conditions.append(f"EXISTS (SELECT 1 FROM {first.name} WHERE {first.key} = :first)")
    return " AND ".join(conditions)
