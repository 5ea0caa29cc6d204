"""Rows by their key or another unique column."""

from collections.abc import Sequence
from typing import Any, TypeVar

from db.model.services import SERVICES
from db.model.tables import Table
from db.program import Program, Statement, Value, json_list
from db.security.row_security import by_keys

R = TypeVar("R")


def by_column(table: Table[R], column: str, values: Sequence[Value]) -> Program[list[R | None]]:
    """For each of these values, in their order, the row that has it in `column`; None if there is none."""
    selected = f"SELECT {table.select_list('t')} FROM "
    found = f"{table.seen} AS t WHERE t.{column} IN (SELECT value FROM json_each(:values))"
    by_key = by_keys(table, "t", ":values") if column == table.key else ""
    (stored,) = yield [
        Statement(
            f"{selected}{by_key if table is SERVICES else found}",
            {"values": json_list(values)},
            f"{selected}{by_key}" if by_key else "",
        )
    ]
    rows: list[Any] = [table.of(row) for row in stored]
    by_value = {getattr(row, column): row for row in rows}
    return [by_value.get(value) for value in values]
