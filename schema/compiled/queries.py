"""Queries as plans: each root field starts with its own tasks, all in one Program."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol

from graphql import FieldNode, GraphQLField, get_named_type

from db.errors import BadRequest
from db.model import tables
from db.model.services import SERVICES
from db.model.tables import Table
from db.program import Program
from schema.compiled.arguments import Arguments
from schema.compiled.compiler import Compiler, source_of
from schema.compiled.lookups import LookupTask, TableLookup
from schema.compiled.pages import PagePlan, PageTask
from schema.compiled.plan import Fallback, PlanRun, Task, run_tasks
from schema.fields import global_ids, sources
from schema.fields.collect_fields import CollectedField

INTROSPECTION = "introspection"  # why operations that only introspect fall back


class Root(Protocol):
    @property
    def key(self) -> str: ...

    @property
    def max_rows(self) -> float:
        """How many rows at most it reads; infinite for a page."""
        ...

    def begin(self, data: dict[str, Any], run: PlanRun) -> Iterator[Task]:
        """Put what is known into the response, and yield the tasks for the rest."""
        ...


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """A whole query, compiled; generic execution adds its `introspection` fields."""

    roots: Sequence[Root]
    max_rows: float
    introspection: Sequence[FieldNode]

    def program(self, run: PlanRun) -> Program[dict[str, Any]]:
        """Makes the response's data; raises GraphQLError, BadRequest and Unreadable."""
        data: dict[str, Any] = dict.fromkeys(root.key for root in self.roots)
        tasks = [task for root in self.roots for task in root.begin(data, run)]
        yield from run_tasks(tasks, run.ctx.usage)
        return data


def compile_query(compiler: Compiler, node: Any) -> QueryPlan:
    """The plan of a query; raises Fallback."""
    query: Any = compiler.collector.schema.query_type
    fields = compiler.collector.collect(query, [node])
    introspection = [node for field in fields if _is_introspection(field) for node in field.nodes]
    if introspection and all(field.name.startswith("__") for field in fields):
        raise Fallback(INTROSPECTION)
    roots = [_root(compiler, field, query) for field in fields]
    return QueryPlan(roots, sum(root.max_rows for root in roots), introspection)


def _is_introspection(field: CollectedField) -> bool:
    return field.name in ("__schema", "__type")


def _root(compiler: Compiler, field: CollectedField, query: Any) -> Root:
    if field.name == "__typename":
        return _ConstantRoot(field.key, query.name)
    if _is_introspection(field):
        return _ConstantRoot(field.key, None)
    definition: GraphQLField = query.fields[field.name]
    arguments = Arguments.of(definition, field.nodes[0])
    match source_of(definition):
        case sources.PagedList() as listed:
            return _ListRoot(field.key, compiler.page(listed, definition, field))
        case sources.ByColumn(table, column, spellings):
            lookup = compiler.lookup(table, column)
            compiler.add_field(lookup, field, required=False)
            return _LookupRoot(field.key, lookup, arguments, spellings)
        case sources.ByGlobalId(many):
            return _ByIdRoot(field.key, _lookups(compiler, field), arguments, many)
        case sources.CurrentViewer():
            return _viewer(compiler, field, get_named_type(definition.type))
    raise Fallback(f"Query.{field.name}")


def _lookups(compiler: Compiler, field: CollectedField) -> dict[Table[Any], TableLookup]:
    lookups = {}
    for table in (*tables.TABLES, SERVICES, tables.CHANGES):
        lookups[table] = compiler.lookup(table, table.key)
        compiler.add_field(lookups[table], field, required=False)
    return lookups


@dataclass(frozen=True, slots=True)
class _ConstantRoot:
    key: str
    value: Any
    max_rows: float = 0

    def begin(self, data: dict[str, Any], run: PlanRun) -> Iterator[Task]:
        data[self.key] = self.value
        yield from ()


@dataclass(frozen=True, slots=True)
class _ListRoot:
    key: str
    plan: PagePlan
    max_rows: float = inf

    def begin(self, data: dict[str, Any], run: PlanRun) -> Iterator[Task]:
        yield PageTask(self.plan, self.key, [data], None, run)


@dataclass(frozen=True, slots=True)
class _LookupRoot:
    key: str
    lookup: TableLookup
    arguments: Arguments
    spellings: Any

    @property
    def max_rows(self) -> float:
        return self.lookup.max_rows

    def begin(self, data: dict[str, Any], run: PlanRun) -> Iterator[Task]:
        first, *others = self.spellings(self.arguments.values(run)["value"])
        targets = [(data, first)]
        if others:
            found = _FirstFound(data)
            targets = [(found, first), *[(found, other) for other in others]]
        yield LookupTask(self.lookup, targets, run)


class _FirstFound(dict[str, Any]):
    """A response whose fields take the first object that is found for them."""

    def __init__(self, data: dict[str, Any]) -> None:
        super().__init__()
        self._data = data

    def __setitem__(self, key: str, value: Any) -> None:
        if self._data[key] is None:
            self._data[key] = value


class _Slot(dict[str, Any]):
    """One place of a list, which a task fills as if it were a field of an object."""

    def __init__(self, values: list[Any], index: int) -> None:
        super().__init__()
        self._values, self._index = values, index

    def __setitem__(self, key: str, value: Any) -> None:
        self._values[self._index] = value


@dataclass(frozen=True, slots=True)
class _ByIdRoot:
    key: str
    lookups: dict[Table[Any], TableLookup]
    arguments: Arguments
    many: bool

    @property
    def max_rows(self) -> float:
        return inf if self.many else max(lookup.max_rows for lookup in self.lookups.values())

    def begin(self, data: dict[str, Any], run: PlanRun) -> Iterator[Task]:
        values = self.arguments.values(run)
        ids = values["ids"] if self.many else [values["id"]]
        if self.many:
            if len(ids) > run.ctx.policy.page_max:
                raise BadRequest("BAD_PAGE", "nodes takes fewer ids")
            data[self.key] = [None] * len(ids)
        targets: dict[Table[Any], list[tuple[dict[str, Any], Any]]] = {}
        for index, id_ in enumerate(ids):
            place = global_ids.place(id_, run.ctx.cursor_key)
            if place is not None:
                slot = _Slot(data[self.key], index) if self.many else data
                targets.setdefault(place[0], []).append((slot, place[1]))
        for table, pairs in targets.items():
            yield LookupTask(self.lookups[table], pairs, run)


@dataclass(frozen=True, slots=True)
class _ViewerRoot:
    key: str
    fields: list[tuple[str, str]]
    lookup: TableLookup

    @property
    def max_rows(self) -> float:
        return self.lookup.max_rows

    def begin(self, data: dict[str, Any], run: PlanRun) -> Iterator[Task]:
        viewer = run.ctx.viewer
        values = {"capabilities": list(viewer.capabilities), "__typename": "Viewer"}
        data[self.key] = viewer_object = {key: values.get(name) for key, name in self.fields}
        if self.lookup.fields and viewer.actor is not None:
            yield LookupTask(self.lookup, [(viewer_object, viewer.actor)], run)


def _viewer(compiler: Compiler, field: CollectedField, type_: Any) -> _ViewerRoot:
    lookup = compiler.lookup(tables.ACTORS, tables.ACTORS.key)
    selected = compiler.collector.collect(type_, field.nodes)
    for each in selected:
        if each.name == "actor":
            compiler.add_field(lookup, each, required=False)
    return _ViewerRoot(field.key, [(each.key, each.name) for each in selected], lookup)
