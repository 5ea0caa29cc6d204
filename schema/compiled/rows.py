"""How rows of a table become objects of the answer: generated code for one selection of one type.

A row arrives as the array of its columns' stored values. Scalars are put in place at once; what a
relation leads to is put in by the steps that follow, level by level.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from db.errors import Unreadable
from db.model.tables import Column, Table
from db.queries.json_text import Member
from schema.compiled.converters import Converter, converter
from schema.fields import global_ids

if TYPE_CHECKING:
    from schema.compiled.steps import Step

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
    """Makes objects of rows; `steps` (see `schema.compiled.steps`) fetch what they lead to.

    `members` are the objects' where they hold nothing but columns and fixed texts.
    """

    columns: Columns
    build: Callable[[Rows], Objects]
    steps: "list[Step]"
    members: list[Member] | None

    @property
    def most(self) -> float:
        """How many rows at most one of these leads to; infinite where there is a page."""
        return sum(step.most for step in self.steps)


@dataclass(slots=True)
class Writer:
    """Writes the source of a `build`: a dictionary display inside a list comprehension."""

    columns: Columns
    parts: list[str] = field(default_factory=list)
    sources: list[tuple[int, Converter]] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)

    def later(self, key: str) -> None:
        """Let every object have a place at `key`, which a step fills."""
        self.parts.append(f"{key!r}: None")

    def text(self, key: str, text: str) -> None:
        """Let every object have the same text at `key`."""
        self.parts.append(f"{key!r}: {text!r}")
        self.members.append((key, text))

    def column(self, key: str, column: Column) -> None:
        """Let each object have the value of its row's column at `key`."""
        self.made(key, column.name, converter(column))
        self.members.append((key, column))

    def made(self, key: str, name: str, convert: Converter) -> None:
        """Let each object have at `key` what is made of its row's column."""
        self.parts.append(f"{key!r}: v{len(self.sources)}")
        self.sources.append((self.columns.index(name), convert))

    def plan(self, steps: "list[Step]") -> RowPlan:
        """What has been written."""
        has_all = len(self.members) == len(self.parts)
        return RowPlan(self.columns, self._built(), steps, self.members if has_all else None)

    def _built(self) -> Callable[[Rows], Objects]:
        """The function. Its source holds response keys, as literals, and names made here only."""
        values = [f"v{number}" for number in range(len(self.sources))]
        loop = f"{', '.join(values)}, in zip({', '.join(f'{v}s' for v in values)})"
        source = f"lambda count{''.join(f', {v}s' for v in values)}: [{{{', '.join(self.parts)}}}"
        source += f" for {loop if values else '_ in range(count)'}]"
        make: Callable[..., Objects] = eval(source)  # noqa: S307 - see above
        sources = self.sources

        def build(rows: Rows) -> Objects:
            if not rows:
                return []
            columns = list(zip(*rows, strict=True))
            return make(len(rows), *[convert(columns[index]) for index, convert in sources])

        return build


def global_id(table: Table[Any]) -> Callable[[Any], str]:
    """Makes the global id of a key of this table; raises Unreadable for one that is a fraction."""
    kind = table.row.__name__

    def made(key: Any) -> str:
        if isinstance(key, float):
            raise Unreadable("a fraction does not keep its sign and all its digits in a packed row")
        return global_ids.of_key(kind, key)

    return made
