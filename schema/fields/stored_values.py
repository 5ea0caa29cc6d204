"""Reads a row's column for its field; a value that cannot be read is named by its table, key and column."""

from collections.abc import Callable
from typing import Any, TypeVar

from db.errors import Unreadable
from db.model import tables, value_repair
from db.model.services import SERVICES
from db.model.tables import Column, Table

T = TypeVar("T")

_TABLES: dict[type, Table[Any]] = {
    table.row: table for table in (*tables.TABLES, SERVICES, tables.CHANGES)
}


def read_column(row: Any, column: Column) -> Any:
    """The column's value, or the one that a repair would store; raises Unreadable."""
    return named(row, column.name, lambda: _read(row, column))


def named(row: Any, column: str, read: Callable[[], T]) -> T:
    """What `read` returns; its Unreadable names the row, which the viewer sees, and its column."""
    try:
        return read()
    except Unreadable as unreadable:
        raise at(row, column, str(unreadable)) from None


def at(row: Any, column: str, problem: str) -> Unreadable:
    return Unreadable(f"{_TABLES[type(row)].place(row)}: {column}: {problem}")


def _read(row: Any, column: Column) -> Any:
    try:
        return column.read(row)
    except Unreadable:
        if _TABLES[type(row)].is_log:  # what is appended only is never repaired
            raise
        repaired = value_repair.without_loss(_TABLES[type(row)], column, vars(row))
        if repaired is None:
            raise
        return None if repaired.value is None else column.type.read(repaired.value)
