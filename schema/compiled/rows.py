"""How rows of a table become objects of the answer: generated code for one selection of one type.

A row arrives as the array of its columns' stored values. Scalars are put in place at once; what a
relation leads to is put in by the steps that follow, level by level.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from db.tables import Table
from schema import ids

Rows: TypeAlias = Sequence[Sequence[Any]]
Objects: TypeAlias = list[dict[str, Any]]


@dataclass(eq=False, slots=True)
class Columns:
    """The columns that a statement fetches, in order; several selections may share them."""

    table: Table[Any]
    names: list[str] = field(default_factory=list)

    def index(self, name: str) -> int:
        """Where a row has this column; it is fetched from now on."""
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)


@dataclass(eq=False, slots=True)
class RowPlan:
    """Makes objects of rows; `steps` (see `schema.compiled.steps`) fetch what they lead to."""

    columns: Columns
    build: Callable[[Rows], Objects]
    steps: list[Any]


@dataclass(slots=True)
class Writer:
    """Writes the source of a `build`: a dictionary display inside a list comprehension."""

    columns: Columns
    parts: list[str] = field(default_factory=list)
    helpers: dict[str, Any] = field(default_factory=dict)

    def stored(self, column: str) -> str:
        """The expression for a column's stored value."""
        return f"r[{self.columns.index(column)}]"

    def put(self, key: str, expression: str) -> None:
        """Let the object have `key` with the value of an expression."""
        self.parts.append(f"{key!r}: {expression}")

    def call(self, key: str, function: Callable[[Any], Any], argument: str) -> None:
        """Let the object have `key` with what a function makes of an expression."""
        name = f"call_{len(self.helpers)}"
        self.helpers[name] = function
        self.put(key, f"{name}({argument})")

    def built(self) -> Callable[[Rows], Objects]:
        """The function. Its source holds response keys, as literals, and names made here only."""
        source = f"lambda rows: [{{{', '.join(self.parts)}}} for r in rows]"
        made: Callable[[Rows], Objects] = eval(source, self.helpers)  # noqa: S307 - see above
        return made


def global_id(table: Table[Any]) -> Callable[[Any], str]:
    """Makes the global id of a key of this table."""
    kind = table.row.__name__
    return lambda key: ids.of_key(kind, key)
