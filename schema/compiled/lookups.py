"""To-one relations in a plan: rows looked up by a unique column, for all objects of a level at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, TypeAlias

import orjson

from db.errors import Unreadable
from db.model.tables import Table
from db.program import Program, Value
from db.program import Rows as StatementRows
from db.queries import json_listings
from db.queries.json_listings import JsonStatement
from schema.compiled.plan import Objects, PlanRun, ProgramTask, Rows, Task
from schema.compiled.rows import Columns, RowPlan


@dataclass(frozen=True, slots=True)
class LookupField:
    key: str
    required: bool
    plan: RowPlan


@dataclass(eq=False, slots=True)
class TableLookup:
    """Rows of a table by a unique column: each is fetched once, and built once for each field."""

    columns: Columns
    fields: list[LookupField]
    cached: JsonStatement | None = None

    @property
    def statement(self) -> JsonStatement:
        """The columns are complete only once the whole plan is compiled."""
        if self.cached is None:
            names, references = self.columns.names[1:], self.columns.references or ()
            fetched = [(relation, columns.names) for relation, columns in references]
            self.cached = json_listings.rows(self.table, self.key_column, names, fetched)
        return self.cached

    @property
    def key_column(self) -> str:
        """The column that rows are found by: always the first that is fetched."""
        return self.columns.names[0]

    @property
    def table(self) -> Table[Any]:
        return self.columns.table

    @property
    def max_rows(self) -> float:
        return 1 + sum(field.plan.max_rows for field in self.fields)


class LookupTask:
    def __init__(
        self, lookup: TableLookup, targets: list[tuple[dict[str, Any], Value]], run: PlanRun
    ) -> None:
        keys = list(dict.fromkeys(key for _, key in targets))
        self.statements = [lookup.statement.of(orjson.dumps(keys).decode())]
        self.rows = len(keys)
        self._lookup, self._targets, self._run = lookup, targets, run

    def take(self, answers: list[StatementRows]) -> Iterator[Task]:
        [[(text,)]] = answers
        rows = orjson.loads(str(text))
        for field in self._lookup.fields:
            objects = field.plan.build(rows)
            by_key = {row[0]: built for row, built in zip(rows, objects, strict=True)}
            for parent, key in self._targets:
                parent[field.key] = by_key.get(key)
            if field.required and not all(key in by_key for _, key in self._targets):
                raise Unreadable("a stored reference leads nowhere")
            yield from field.plan.tasks(objects, rows, self._run)


Lookups: TypeAlias = dict[Table[Any], TableLookup]


class Slot(dict[str, Any]):
    """One place of a list, which a task fills as if it were a field of an object."""

    def __init__(self, values: list[Any], index: int) -> None:
        super().__init__()
        self._values, self._index = values, index

    def __setitem__(self, key: str, value: Any) -> None:
        self._values[self._index] = value


def look_up(
    lookups: Lookups, wanted: Iterable[tuple[dict[str, Any], Table[Any], Value]], run: PlanRun
) -> Iterator[Task]:
    """The tasks that fill these places of the response with the objects that have these keys."""
    targets: dict[Table[Any], list[tuple[dict[str, Any], Value]]] = {}
    for slot, table, key in wanted:
        targets.setdefault(table, []).append((slot, key))
    for table, pairs in targets.items():
        yield LookupTask(lookups[table], pairs, run)


def look_up_list(
    lookups: Lookups, places: Sequence[tuple[Table[Any], Value]], tasks: list[Task], run: PlanRun
) -> list[Any]:
    """A list for the objects with these keys, in their order; adds the tasks that fill it."""
    objects: list[Any] = [None] * len(places)
    wanted = [(Slot(objects, index), *place) for index, place in enumerate(places)]
    tasks += look_up(lookups, wanted, run)
    return objects


@dataclass(eq=False, slots=True)
class ReferenceStep:
    """A to-one relation whose rows are fetched with those that lead to it."""

    columns: Columns
    place: int
    field: LookupField
    max_rows: float = 1

    def tasks(self, objects: Objects, rows: Rows, run: PlanRun) -> Iterator[Task]:
        index = self.columns.reference(self.place)
        found = [
            (built, row[index])
            for built, row in zip(objects, rows, strict=True)
            if row[index] is not None
        ]
        if len(found) < len(objects) and self.field.required:
            raise Unreadable("a stored reference leads nowhere")
        children = self.field.plan.build([row for _, row in found])
        for (parent, _), child in zip(found, children, strict=True):
            parent[self.field.key] = child
        yield from ()


@dataclass(eq=False, slots=True)
class ToOneStep:
    """A to-one relation; `index` is the key's column."""

    lookup: TableLookup
    index: int

    @property
    def max_rows(self) -> float:
        return self.lookup.max_rows

    def tasks(self, objects: Objects, rows: Rows, run: PlanRun) -> Iterator[Task]:
        index = self.index
        targets = [
            (built, row[index])
            for built, row in zip(objects, rows, strict=True)
            if row[index] is not None
        ]
        if len(targets) < len(objects) and any(field.required for field in self.lookup.fields):
            raise Unreadable("a stored reference is missing")
        if targets:
            yield LookupTask(self.lookup, targets, run)


@dataclass(eq=False, slots=True)
class SealedStep:
    """A field that is made of the registry's key and the row's, which is the column at `index`."""

    key: str
    index: int
    seal: Callable[[bytes, int], str]
    max_rows: float = 0

    def tasks(self, objects: Objects, rows: Rows, run: PlanRun) -> Iterator[Task]:
        secret = run.ctx.cursor_key
        for built, row in zip(objects, rows, strict=True):
            built[self.key] = self.seal(secret, row[self.index])
        yield from ()


@dataclass(eq=False, slots=True)
class MadeStep:
    """Objects of plain attributes, made of what a Program returns for the keys at `index`.

    It is read once; `fields` has what each response key takes of it.
    """

    index: int
    read: Callable[[Sequence[Value]], Program[Mapping[Value, Any]]]
    fields: list[tuple[str, Callable[[Any], dict[str, Any]]]]
    max_rows: float = inf

    def tasks(self, objects: Objects, rows: Rows, run: PlanRun) -> Iterator[Task]:
        def put(made: Mapping[Value, Any]) -> None:
            for built, row in zip(objects, rows, strict=True):
                for key, plain in self.fields:
                    built[key] = plain(made[row[self.index]])

        yield ProgramTask(self.read([row[self.index] for row in rows]), put)


@dataclass(eq=False, slots=True)
class UnionStep:
    """A to-one relation to one of several tables, by the value of the column at `discriminator`."""

    lookups: dict[str, TableLookup]
    discriminator: int
    indexes: dict[str, int]
    required: bool

    @property
    def max_rows(self) -> float:
        return max(lookup.max_rows for lookup in self.lookups.values())

    def tasks(self, objects: Objects, rows: Rows, run: PlanRun) -> Iterator[Task]:
        targets: dict[str, list[tuple[dict[str, Any], Value]]] = {}
        for built, row in zip(objects, rows, strict=True):
            which = row[self.discriminator]
            if which not in self.lookups or row[self.indexes[which]] is None:
                if self.required:
                    raise Unreadable("a stored reference is missing")
                continue
            targets.setdefault(which, []).append((built, row[self.indexes[which]]))
        for which, pairs in targets.items():
            yield LookupTask(self.lookups[which], pairs, run)
