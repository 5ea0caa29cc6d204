"""Statements whose whole answer is one JSON text.

Each fetched row costs Python more than SQLite needs to write it into an array, and takes the
interpreter's lock anew; one text, parsed in one go, does not. Values keep their types: numbers, texts
and NULL. A BLOB cannot be packed: SQLite refuses the statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db.conditions import Binder, all_of, visible
from db.pages import Cut, Listing, Order, counted, cut_from, reaches
from db.program import Statement, Value, Values
from db.tables import Table


@dataclass(frozen=True, slots=True)
class Packed:
    """A statement that wants the values of the parents it is about, and may be kept for the next ones."""

    sql: str
    bind: dict[str, Value]

    def of(self, parents: str) -> Statement:
        """The statement for these parents (or keys), a JSON array; a table's own list has none."""
        return Statement(self.sql, self.bind | {"parents": parents})

    def alone(self) -> Statement:
        """The statement for a table's own list."""
        return Statement(self.sql, self.bind)


def page(listing: Listing, cut: Cut, columns: Sequence[str]) -> Packed:
    """One page as an array of rows, each the values of these columns; of each parent for a relation.

    The arrays of several parents come in their order.
    """
    binder = Binder({"limit": cut.limit})
    named = ", ".join(f"x.{column}" for column in columns)
    found = f"SELECT {named} {cut_from(listing, cut, 'x', binder)}"
    packed = ", ".join(f"row.{column}" for column in columns)
    rows = f"(SELECT json_group_array(json_array({packed})) FROM ({found}) AS row)"
    return _per_parent(listing, rows, binder)


def count(listing: Listing) -> Packed:
    """The whole list's length, as an array with that of each parent."""
    binder = Binder()
    return _per_parent(listing, counted(listing, binder), binder)


def reach(listing: Listing, order: tuple[Order, ...], cursor: Values, *, ahead: bool) -> Packed:
    """Whether the list reaches past a cursor, as an array with 0 or 1 for each parent."""
    binder = Binder()
    return _per_parent(listing, reaches(listing, order, cursor, binder, ahead=ahead), binder)


def rows(table: Table[Any], column: str, columns: Sequence[str]) -> Packed:
    """The rows whose `column` is among the keys, as arrays of its value and those of `columns`."""
    conditions = [f"x.{column} IN (SELECT value FROM json_each(:parents))"]
    conditions += visible(table, "x", live=False)
    packed = ", ".join(f"x.{name}" for name in (column, *columns))
    return Packed(
        f"SELECT json_group_array(json_array({packed})) FROM {table.name} AS x"
        f" WHERE {all_of(conditions)}",
        {},
    )


def _per_parent(listing: Listing, expression: str, binder: Binder) -> Packed:
    if listing.relation is None:
        return Packed(f"SELECT '[' || {expression} || ']'", binder.bind)
    return Packed(
        f"SELECT '[' || group_concat(part, ',') || ']' FROM"
        f" (SELECT {expression} AS part FROM json_each(:parents) AS parents)",
        binder.bind,
    )
