"""Rows by their key or another unique column."""

from collections.abc import Sequence
from typing import Any, TypeVar

from db.model.tables import Table
from db.program import Program, Statement, Value, json_list
from db.security.row_security import by_keys

R = TypeVar("R")


def by_column(table: Table[R], column: str, values: Sequence[Value]) -> Program[list[R | None]]:
    """For each of these values, in their order, the row that has it in `column`; None if there is none."""
    selected = f"SELECT {table.select_list('t')} FROM "
    (stored,) = yield [
        Statement(
            f"{selected}{table.seen} AS t"
            f" WHERE t.{column} IN (SELECT value FROM json_each(:values))",
            {"values": json_list(values)},
            f"{selected}{by_keys(table, 't', ':values')}" if column == table.key else "",
        )
    ]
    rows: list[Any] = [table.of(row) for row in stored]
    by_value = {getattr(row, column): row for row in rows}
    return [by_value.get(value) for value in values]
