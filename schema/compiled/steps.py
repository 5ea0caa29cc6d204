"""The levels of a plan: each step fetches for all objects of a level what one relation leads to.

A step makes a Task when it is known for which objects: the Task has the statements, takes their
answers, puts what it made into the objects, and returns the Tasks of the next level.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import orjson

from db.errors import BadRequest, Unreadable
from db.model.tables import Table
from db.program import Program, Spent, Statement, Value
from db.queries import json_listings
from db.queries.json_listings import Packed
from resolvers.loaders import ROWS_PER_OPERATION
from schema.compiled.plan import Request
from schema.compiled.rows import Columns, Objects, RowPlan, Rows


class Task(Protocol):
    """Statements, and what to do with their answers; `rows` is how many those held, once taken."""

    statements: list[Statement]
    rows: int

    def take(self, answers: list[str]) -> "Iterator[Task]":
        """Put what was found into the answer, and yield what it leads to; one text a statement."""
        ...


Tasks: TypeAlias = Sequence[Task]


def carried_out(tasks: Tasks, spent: Spent) -> Program[None]:
    """Run tasks level by level, one batch of statements each, and count these and the rows they read.

    Raises BadRequest over the row limit.
    """
    rows = 0
    while tasks:
        batch = [statement for task in tasks for statement in task.statements]
        spent.statements += len(batch)
        found = yield batch
        answers = iter([str(text) for [(text,)] in found])
        following: list[Task] = []
        for task in tasks:
            following += task.take([next(answers) for _ in task.statements])
            rows += task.rows
            spent.rows += task.rows
            if rows > ROWS_PER_OPERATION:
                raise BadRequest("TOO_MANY_ROWS", "the operation reads too many rows")
        tasks = following


class Step(Protocol):
    """What one relation of a level needs, compiled."""

    @property
    def most(self) -> float:
        """How many rows at most it reads for one object, those they lead to included."""
        ...

    def tasks(self, objects: Objects, rows: Rows, request: Request) -> Iterator[Task]:
        """The tasks that fetch it for these objects, made of these rows."""
        ...


def following(plan: RowPlan, objects: Objects, rows: Rows, request: Request) -> Iterator[Task]:
    """The tasks of everything that these objects lead to."""
    if objects:
        for step in plan.steps:
            yield from step.tasks(objects, rows, request)


@dataclass(frozen=True, slots=True)
class Use:
    """One place of an object that a to-one relation fills."""

    key: str
    required: bool
    plan: RowPlan


@dataclass(eq=False, slots=True)
class Lookup:
    """Rows of a table by a unique column: each fetched once and made once for each use."""

    columns: Columns
    uses: list[Use]
    kept: Packed | None = None

    @property
    def statement(self) -> Packed:
        """What fetches them; the columns are known once everything is compiled."""
        if self.kept is None:
            self.kept = json_listings.rows(self.table, self.by, self.columns.names[1:])
        return self.kept

    @property
    def by(self) -> str:
        """The column that the rows are found by: always the first that is fetched."""
        return self.columns.names[0]

    @property
    def table(self) -> Table[Any]:
        """Where the rows are."""
        return self.columns.table

    @property
    def most(self) -> float:
        """How many rows at most one key leads to."""
        return 1 + sum(use.plan.most for use in self.uses)

    def task(self, wanted: list[tuple[dict[str, Any], Value]], request: Request) -> Task:
        """The task that puts the row with each key into its object."""
        return _LookupTask(self, wanted, request)


class _LookupTask:
    def __init__(
        self, lookup: Lookup, wanted: list[tuple[dict[str, Any], Value]], request: Request
    ) -> None:
        keys = list(dict.fromkeys(key for _, key in wanted))
        self.statements = [lookup.statement.of(orjson.dumps(keys).decode())]
        self.rows = len(keys)
        self._lookup, self._wanted, self._request = lookup, wanted, request

    def take(self, answers: list[str]) -> Iterator[Task]:
        rows = orjson.loads(answers[0])
        for use in self._lookup.uses:
            objects = use.plan.build(rows)
            made = {row[0]: made for row, made in zip(rows, objects, strict=True)}
            for parent, key in self._wanted:
                parent[use.key] = made.get(key)
            if use.required and not all(key in made for _, key in self._wanted):
                raise Unreadable("a stored reference leads nowhere")
            yield from following(use.plan, objects, rows, self._request)


@dataclass(eq=False, slots=True)
class ToOneStep:
    """A to-one relation, by the index of the column that holds the key."""

    lookup: Lookup
    index: int

    @property
    def most(self) -> float:
        """The row, and what it leads to."""
        return self.lookup.most

    def tasks(self, objects: Objects, rows: Rows, request: Request) -> Iterator[Task]:
        """One lookup of the keys that are not NULL."""
        index = self.index
        wanted = [(o, r[index]) for o, r in zip(objects, rows, strict=True) if r[index] is not None]
        if len(wanted) < len(objects) and any(use.required for use in self.lookup.uses):
            raise Unreadable("a stored reference is missing")
        if wanted:
            yield self.lookup.task(wanted, request)


@dataclass(eq=False, slots=True)
class ToOneOfStep:
    """A to-one relation to one of several tables, by the value of the column at `by`."""

    lookups: dict[str, Lookup]
    by: int
    indexes: dict[str, int]

    @property
    def most(self) -> float:
        """The row, and what it leads to."""
        return max(lookup.most for lookup in self.lookups.values())

    def tasks(self, objects: Objects, rows: Rows, request: Request) -> Iterator[Task]:
        """A lookup for each table that any of the objects leads to."""
        wanted: dict[str, list[tuple[dict[str, Any], Value]]] = {}
        for made, row in zip(objects, rows, strict=True):
            which = row[self.by]
            if which not in self.lookups or row[self.indexes[which]] is None:
                raise Unreadable("a stored reference is missing")
            wanted.setdefault(which, []).append((made, row[self.indexes[which]]))
        for which, found in wanted.items():
            yield self.lookups[which].task(found, request)
