"""Rows that SQLite writes as the JSON of the answer: Python reads only those that cursors are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from db.model import column_types
from db.model.tables import Column
from db.program import Values
from db.queries import json_text
from db.queries.json_listings import ROW
from db.queries.json_text import Member
from db.queries.listings import Cut, Order
from schema.compiled.rows import RowPlan


@dataclass(frozen=True, slots=True)
class JsonRows:
    """The members of a page's objects, and those of them that hold the values of cursors."""

    members: list[Member]
    ordered_by: list[tuple[str, Column]]

    @classmethod
    def of(cls, plan: RowPlan, order: Sequence[Order]) -> "JsonRows | None":
        """How to write these objects; None if SQLite cannot, or if they lack a value of the cursor."""
        members = plan.members
        if members is None or not json_text.has_json_text(members):
            return None
        shown = {
            column.name: (key, column)
            for key, column in members
            if isinstance(column, Column) and not column.type.names
        }
        if not shown.keys() >= {part.column for part in order}:
            return None
        return cls(members, [shown[part.column] for part in order])

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
    """The rows of one page, kept as one text: nothing but the first and the last is ever read."""

    count: int
    text: str

    @classmethod
    def of(cls, count: int, text: str, cut: Cut) -> "JsonPage":
        """The page of the rows that were read: one too many is dropped, and the list's order restored."""
        if count > cut.limit:
            count, text = cut.limit, text.rpartition(ROW)[0]
        return cls(count, ROW.join(reversed(text.split(ROW))) if cut.backward else text)

    def __len__(self) -> int:
        """The number of rows."""
        return self.count

    def __getitem__(self, end: int) -> str:
        """The first row at 0, or the last at -1."""
        return self.text.rpartition(ROW)[2] if end else self.text.partition(ROW)[0]

    def array(self) -> orjson.Fragment:
        """The rows as a JSON array."""
        return orjson.Fragment(f"[{self.text.replace(ROW, ',')}]")
