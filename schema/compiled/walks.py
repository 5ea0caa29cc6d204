"""Walks in a plan: each runs by itself, and the objects that it has found are looked up with other tasks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, TypeAlias

from graphql import GraphQLField, get_named_type

from db.model.graph import GRAPH_TABLES, Edge, Place
from db.program import Program, count_statements
from db.queries.neighborhoods import Neighborhood
from resolvers import walks
from schema.compiled.arguments import Arguments
from schema.compiled.compiler import Compiler
from schema.compiled.lookups import Lookups, look_up, look_up_list
from schema.compiled.plan import PlanRun, Task
from schema.fields.collect_fields import CollectedField
from schema.walks import id_of, requested_around, requested_path


class WalkRoot(ABC):
    """A root field that is walked for."""

    key: str
    max_rows: float

    @abstractmethod
    def walk(self, data: dict[str, Any], tasks: list[Task], run: PlanRun) -> Program[int]:
        """Put what is found into the response, add the tasks for the rest; returns how many rows were read.

        Raises BadRequest.
        """


Ids: TypeAlias = Mapping[Place, str]


@dataclass(frozen=True, slots=True)
class _Edges:
    """Makes the objects of relations: `members` are the ids or the name, by response key."""

    members: list[tuple[str, Callable[[Edge, Ids], Any]]]

    def objects(self, edges: Sequence[Edge]) -> list[dict[str, Any]]:
        places = {place for edge in edges for place in (edge.start, edge.end)}
        ids = {place: id_of(place) for place in places}
        return [{key: read(edge, ids) for key, read in self.members} for edge in edges]


@dataclass(frozen=True, slots=True)
class _NeighborhoodRoot(WalkRoot):
    """`members` has, by response key, what makes it of what the walk has found."""

    key: str
    arguments: Arguments
    members: "list[tuple[str, _Member]]"
    max_rows: float = inf

    def walk(self, data: dict[str, Any], tasks: list[Task], run: PlanRun) -> Program[int]:
        walk = requested_around(run.ctx, **self.arguments.values(run))
        found = yield from count_statements(walk, run.ctx.usage)
        if found is None:
            data[self.key] = None
            return 0
        built: dict[str, Any] = {}
        data[self.key] = built
        for key, member in self.members:
            built[key] = member(found, built, tasks, run)
        run.ctx.usage.rows += found.rows
        return found.rows


_Member: TypeAlias = Callable[[Neighborhood, dict[str, Any], list[Task], PlanRun], Any]


@dataclass(frozen=True, slots=True)
class _PathRoot(WalkRoot):
    key: str
    arguments: Arguments
    edges: _Edges
    max_rows: float = inf

    def walk(self, data: dict[str, Any], tasks: list[Task], run: PlanRun) -> Program[int]:
        walk = requested_path(run.ctx, **self.arguments.values(run))
        path = yield from count_statements(walk, run.ctx.usage)
        run.ctx.usage.rows += path.rows
        found = walks.edges_of(path)
        data[self.key] = None if found is None else self.edges.objects(found)
        return path.rows


def neighborhood(
    compiler: Compiler, field: CollectedField, definition: GraphQLField
) -> _NeighborhoodRoot:
    type_: Any = get_named_type(definition.type)
    members = [
        (each.key, _member(compiler, type_, each))
        for each in compiler.collector.collect(type_, field.nodes)
    ]
    return _NeighborhoodRoot(field.key, Arguments.of(definition, field.nodes[0]), members)


def shortest_path(compiler: Compiler, field: CollectedField, definition: GraphQLField) -> _PathRoot:
    edges = _edges(compiler, get_named_type(definition.type), field)
    return _PathRoot(field.key, Arguments.of(definition, field.nodes[0]), edges)


def _member(compiler: Compiler, type_: Any, field: CollectedField) -> _Member:
    match field.name:
        case "__typename":
            return lambda *_: type_.name
        case "truncated":
            return lambda found, *_: found.is_truncated
        case "center":
            return _center(compiler.lookups(GRAPH_TABLES, field, required=True))
        case "nodes":
            return _nodes(compiler.lookups(GRAPH_TABLES, field, required=True))
    edges = _edges(compiler, get_named_type(type_.fields["edges"].type), field)
    return lambda found, *_: edges.objects(found.edges)


def _center(lookups: Lookups) -> _Member:
    def member(found: Neighborhood, built: dict[str, Any], tasks: list[Task], run: PlanRun) -> None:
        # Its place in the object is kept until the task fills it.
        tasks += look_up(lookups, [(built, *found.places[0])], run)

    return member


def _nodes(lookups: Lookups) -> _Member:
    return lambda found, _, tasks, run: look_up_list(lookups, found.places, tasks, run)


_EDGE: dict[str, Callable[[Edge, Ids], Any]] = {
    "from": lambda edge, ids: ids[edge.start],
    "to": lambda edge, ids: ids[edge.end],
    "relation": lambda edge, ids: edge.name.name,
}


def _edges(compiler: Compiler, type_: Any, field: CollectedField) -> _Edges:
    constant = {"__typename": lambda edge, ids: type_.name}
    reads = _EDGE | constant
    selected = compiler.collector.collect(type_, field.nodes)
    return _Edges([(each.key, reads[each.name]) for each in selected])
