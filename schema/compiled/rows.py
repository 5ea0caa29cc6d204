"""How rows of a table become objects of the response: generated code for one selection of one type.

A row is an array of stored values. Scalars are put in place at once, relations level by level.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from db.errors import Unreadable
from db.model.tables import Column, Relation, Table
from db.queries.json_text import Member
from schema.compiled.converters import Converter, converter
from schema.compiled.plan import Objects, PlanRun, Rows, Step, Task
from schema.fields import global_ids


@dataclass(eq=False, slots=True)
class Columns:
    """The columns that a statement fetches, in order; several selections may share them.

    Where the statement can do that (`references` is a list), they are followed by the rows of to-one
    relations: arrays of their columns, or null if a relation leads nowhere.
    """

    table: Table[Any]
    names: list[str] = field(default_factory=list)
    references: "list[tuple[Relation[Any], Columns]] | None" = None

    def index(self, name: str) -> int:
        """The column's place in a row; adds the column if it is new."""
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)

    def reference(self, place: int) -> int:
        """The index of a reference in a row, once all columns are known."""
        return len(self.names) + place


@dataclass(eq=False, slots=True)
class RowPlan:
    """Makes objects of rows; `steps` fetch their relations.

    `members` is None unless all members are columns or constant texts.
    """

    columns: Columns
    build: Callable[[Rows], Objects]
    steps: list[Step]
    members: list[Member] | None

    @property
    def max_rows(self) -> float:
        """How many rows at most one object leads to; infinite if it has a page."""
        return sum(step.max_rows for step in self.steps)

    def tasks(self, objects: Objects, rows: Rows, run: PlanRun) -> Iterator[Task]:
        if objects:
            for step in self.steps:
                yield from step.tasks(objects, rows, run)


@dataclass(slots=True)
class CodeWriter:
    """Writes the source of a `build`: a dictionary display inside a list comprehension."""

    columns: Columns
    parts: list[str] = field(default_factory=list)
    sources: list[tuple[tuple[int, ...], Callable[..., Any]]] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)

    def placeholder(self, key: str) -> None:
        """Keep a place at `key`, which a step fills."""
        self.parts.append(f"{key!r}: None")

    def text(self, key: str, text: str) -> None:
        self.parts.append(f"{key!r}: {text!r}")
        self.members.append((key, text))

    def column(self, key: str, column: Column) -> None:
        self.converted(key, column.name, converter(column))
        self.members.append((key, column))

    def converted(self, key: str, name: str, convert: Converter) -> None:
        self.parts.append(f"{key!r}: v{len(self.sources)}")
        self.sources.append(((self.columns.index(name),), convert))

    def computed(self, key: str, names: Sequence[str], read: Callable[..., Any]) -> None:
        """Put what `read` makes of the values of several columns at `key`."""
        self.parts.append(f"{key!r}: v{len(self.sources)}")
        indexes = tuple(self.columns.index(name) for name in names)
        self.sources.append((indexes, lambda *columns: list(map(_of_exact(read), *columns))))

    def plan(self, steps: list[Step]) -> RowPlan:
        has_all = len(self.members) == len(self.parts)
        return RowPlan(self.columns, self._compile(), steps, self.members if has_all else None)

    def _compile(self) -> Callable[[Rows], Objects]:
        """The source holds response keys, as literals, and names made here only."""
        values = [f"v{number}" for number in range(len(self.sources))]
        loop = f"{', '.join(values)}, in zip({', '.join(f'{v}s' for v in values)})"
        source = f"lambda count{''.join(f', {v}s' for v in values)}: [{{{', '.join(self.parts)}}}"
        source += f" for {loop if values else '_ in range(count)'}]"
        make: Callable[..., Objects] = eval(source)  # noqa: S307 - see above
        sources = self.sources

        def build(rows: Rows) -> Objects:
            if not rows:
                return []
            column = list(zip(*rows, strict=True)).__getitem__
            values = [convert(*map(column, indexes)) for indexes, convert in sources]
            return make(len(rows), *values)

        return build


def _of_exact(read: Callable[..., Any]) -> Callable[..., Any]:
    """`read`, which raises Unreadable for a fraction, as it loses digits in a JSON row."""

    def exact(*values: Any) -> Any:
        if float in map(type, values):
            raise Unreadable("a fraction does not keep its sign and all its digits in a JSON row")
        return read(*values)

    return exact


def global_id(table: Table[Any]) -> Callable[[Any], str]:
    """Makes global ids of a table's keys; raises Unreadable for a fraction."""
    type_ = table.row.__name__

    def encode(key: Any) -> str:
        if isinstance(key, float):
            raise Unreadable("a fraction does not keep its sign and all its digits in a JSON row")
        return global_ids.of_key(type_, key)

    return encode
