"""Rows by a value that is theirs alone: a key, or another unique column."""

from collections.abc import Sequence
from typing import Any, TypeVar

from db.conditions import all_of, visible
from db.program import Program, Statement, Value, listed
from db.tables import Table

R = TypeVar("R")


def by_column(table: Table[R], column: str, values: Sequence[Value]) -> Program[list[R | None]]:
    """The rows whose `column` has these values, in their order, None where there is none."""
    conditions = [f"t.{column} IN (SELECT value FROM json_each(:values))"]
    conditions += visible(table, "t", live=False)
    (found,) = yield [
        Statement(
            f"SELECT {table.select_list('t')} FROM {table.name} AS t WHERE {all_of(conditions)}",
            {"values": listed(values)},
        )
    ]
    rows: list[Any] = [table.of(row) for row in found]
    by_value = {getattr(row, column): row for row in rows}
    return [by_value.get(value) for value in values]
