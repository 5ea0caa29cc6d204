"""Rows that SQLite writes as the response's JSON; Python reads only those that cursors are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from db.model import column_types
from db.model.tables import Column
from db.program import Values
from db.queries import json_text
from db.queries.json_listings import ROW
from db.queries.json_text import Member
from db.queries.listings import Order, PageRange
from schema.compiled.rows import RowPlan


@dataclass(frozen=True, slots=True)
class JsonRows:
    """The members of a page's objects, and those that hold the values of cursors."""

    members: list[Member]
    ordered_by: list[tuple[str, Column]]

    @classmethod
    def of(cls, plan: RowPlan, order: Sequence[Order]) -> "JsonRows | None":
        """None if SQLite cannot write these objects, or if they lack a value of the cursor.

        No index tells whether a log, or what is derived, has rows that are not canonical.
        """
        members, table = plan.members, plan.columns.table
        if (
            members is None
            or table.is_log
            or table.is_derived
            or not json_text.has_json_text(members)
        ):
            return None
        columns = {
            column.name: (key, column)
            for key, column in members
            if isinstance(column, Column) and not column.type.names
        }
        if not columns.keys() >= {part.column for part in order}:
            return None
        return cls(members, [columns[part.column] for part in order])

    def values(self, row: str) -> Values:
        """The stored values that a row is ordered by."""
        members = orjson.loads(row)
        return tuple(
            [
                int(members[key])
                if column.type is column_types.BIG_INT and members[key] is not None
                else members[key]
                for key, column in self.ordered_by
            ]
        )


@dataclass(frozen=True, slots=True)
class JsonPage:
    """The rows of one page in one text, of which only the first and the last are ever read."""

    count: int
    text: str

    @classmethod
    def of(cls, count: int, text: str, page_range: PageRange) -> "JsonPage":
        """Drop the row that was read ahead, and restore the list's order."""
        if count > page_range.limit:
            count, text = page_range.limit, text.rpartition(ROW)[0]
        return cls(count, ROW.join(reversed(text.split(ROW))) if page_range.backward else text)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, end: int) -> str:
        """The first row at 0, the last at -1."""
        return self.text.rpartition(ROW)[2] if end else self.text.partition(ROW)[0]

    def array(self) -> orjson.Fragment:
        return orjson.Fragment(f"[{self.text.replace(ROW, ',')}]")
