"""Queries as plans: each root field starts with its own tasks, all in one Program."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Protocol

from graphql import FieldNode, GraphQLField, get_named_type

from db.errors import BadRequest
from db.model import tables
from db.model.services import SERVICES
from db.program import Program
from schema.compiled import searches, walks
from schema.compiled.arguments import Arguments
from schema.compiled.compiler import Compiler, source_of
from schema.compiled.lookups import Lookups, LookupTask, Slot, TableLookup, look_up
from schema.compiled.pages import PagePlan, PageTask
from schema.compiled.plan import Fallback, PlanRun, ProgramTask, Task, checked, run_tasks
from schema.compiled.walks import WalkRoot
from schema.fields import global_ids, sources
from schema.fields.collect_fields import CollectedField
from schema.pages import ALL_SERVICES

OF_ANY_TYPE = (*tables.TABLES, SERVICES, tables.CHANGES)
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

    keys: Sequence[str]
    roots: "Sequence[Root | WalkRoot]"
    max_rows: float
    introspection: Sequence[FieldNode]

    def program(self, run: PlanRun) -> Program[dict[str, Any]]:
        """Makes the response's data; raises GraphQLError, BadRequest and Unreadable."""
        data: dict[str, Any] = dict.fromkeys(self.keys)
        tasks: list[Task] = []
        rows = 0
        for root in self.roots:
            if isinstance(root, WalkRoot):  # one after the other: none begins after too many rows
                rows = checked(rows + (yield from root.walk(data, tasks, run)))
            else:
                tasks += root.begin(data, run)
        yield from run_tasks(tasks, run.ctx.usage, rows)
        return data


def compile_query(compiler: Compiler, node: Any) -> QueryPlan:
    """The plan of a query; raises Fallback."""
    query: Any = compiler.collector.schema.query_type
    fields = compiler.collector.collect(query, [node])
    introspection = [node for field in fields if _is_introspection(field) for node in field.nodes]
    if introspection and all(field.name.startswith("__") for field in fields):
        raise Fallback(INTROSPECTION)
    roots = [_root(compiler, field, query) for field in fields]
    keys = [root.key for root in roots]
    return QueryPlan(keys, _joined(roots), sum(root.max_rows for root in roots), introspection)


def _joined(roots: "Sequence[Root | WalkRoot]") -> "list[Root | WalkRoot]":
    """The same without those that are read with another one."""
    first: dict[Any, _MadeRoot] = {}
    joined = []
    for root in roots:
        if isinstance(root, _MadeRoot):
            if root.read in first:
                first[root.read].others.append(root)
                continue
            first[root.read] = root
        joined.append(root)
    return joined


def _is_introspection(field: CollectedField) -> bool:
    return field.name in ("__schema", "__type")


def _root(compiler: Compiler, field: CollectedField, query: Any) -> Root | WalkRoot:
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
            lookups = compiler.lookups(OF_ANY_TYPE, field, required=False)
            return _ByIdRoot(field.key, lookups, arguments, many)
        case sources.CurrentViewer():
            return _viewer(compiler, field, get_named_type(definition.type))
    return _graph_root(compiler, field, definition)


def _graph_root(
    compiler: Compiler, field: CollectedField, definition: GraphQLField
) -> Root | WalkRoot:
    match source_of(definition):
        case sources.Around():
            return walks.neighborhood(compiler, field, definition)
        case sources.ShortestPath():
            return walks.shortest_path(compiler, field, definition)
        case sources.Searched():
            return searches.search(compiler, field, definition)
        case sources.NamedServices():
            return _ListRoot(field.key, compiler.page(ALL_SERVICES, definition, field))
        case sources.Made(read):
            plain = compiler.plain(get_named_type(definition.type), field.nodes)
            return _MadeRoot(field.key, read, plain)
    raise Fallback(f"Query.{field.name}")


@dataclass(frozen=True, slots=True)
class _ConstantRoot:
    key: str
    value: Any
    max_rows: float = 0

    def begin(self, data: dict[str, Any], run: PlanRun) -> Iterator[Task]:
        data[self.key] = self.value
        yield from ()


@dataclass(frozen=True, slots=True)
class _MadeRoot:
    """`others` are the same under other keys: it is read once for all of them."""

    key: str
    read: Callable[[], Program[Any]]
    plain: Callable[[Any], dict[str, Any]]
    others: "list[_MadeRoot]" = field(default_factory=list)
    max_rows: float = inf

    def begin(self, data: dict[str, Any], run: PlanRun) -> Iterator[Task]:
        def put(made: Any) -> None:
            for each in (self, *self.others):
                data[each.key] = each.plain(made)

        yield ProgramTask(self.read(), put)


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


@dataclass(frozen=True, slots=True)
class _ByIdRoot:
    key: str
    lookups: Lookups
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
        wanted = []
        for index, id_ in enumerate(ids):
            place = global_ids.place(id_, run.ctx.cursor_key)
            if place is not None:
                wanted.append((Slot(data[self.key], index) if self.many else data, *place))
        yield from look_up(self.lookups, wanted, run)


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
