"""How rows of a table become objects of the answer: generated code for one selection of one type.

A row arrives as the array of its columns' stored values. Scalars are put in place at once; what a
relation leads to is put in by the steps that follow, level by level.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from db.tables import Table
from schema import ids
from schema.compiled.values import Converter

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
    """Makes objects of rows; `steps` (see `schema.compiled.steps`) fetch what they lead to."""

    columns: Columns
    build: Callable[[Rows], Objects]
    steps: "list[Step]"

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

    def put(self, key: str, literal: str) -> None:
        """Let every object have `key` with the value of a literal."""
        self.parts.append(f"{key!r}: {literal}")

    def column(self, key: str, name: str, convert: Converter) -> None:
        """Let each object have `key` with what is made of its row's column."""
        self.parts.append(f"{key!r}: v{len(self.sources)}")
        self.sources.append((self.columns.index(name), convert))

    def built(self) -> Callable[[Rows], Objects]:
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
    """Makes the global id of a key of this table."""
    kind = table.row.__name__
    return lambda key: ids.of_key(kind, key)
