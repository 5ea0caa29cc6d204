"""Searches in a plan: each runs by itself, and what it has found is looked up with other tasks."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any, TypeAlias

from graphql import GraphQLField, get_named_type

from db.program import Program, count_statements
from db.queries.searches import KINDS
from resolvers.search import Found, FoundPage
from schema.compiled.arguments import Arguments
from schema.compiled.compiler import Compiler
from schema.compiled.lookups import Lookups, look_up, look_up_list
from schema.compiled.plan import PlanRun, Task
from schema.compiled.walks import WalkRoot
from schema.fields.collect_fields import CollectedField
from schema.searching import field_of, requested_search

_Member: TypeAlias = Callable[[FoundPage, list[Task], PlanRun], Any]


@dataclass(frozen=True, slots=True)
class _SearchRoot(WalkRoot):
    """`members` has, by response key, what makes it of a page."""

    key: str
    arguments: Arguments
    members: list[tuple[str, _Member]]
    max_rows: float = inf

    def walk(self, data: dict[str, Any], tasks: list[Task], run: PlanRun) -> Program[int]:
        search = requested_search(run.ctx, **self.arguments.values(run))
        page = yield from count_statements(search, run.ctx.usage)
        run.ctx.usage.rows += page.rows
        data[self.key] = {key: member(page, tasks, run) for key, member in self.members}
        return page.rows


def search(compiler: Compiler, field: CollectedField, definition: GraphQLField) -> _SearchRoot:
    type_: Any = get_named_type(definition.type)
    members = [
        (each.key, _member(compiler, type_, each))
        for each in compiler.collector.collect(type_, field.nodes)
    ]
    return _SearchRoot(field.key, Arguments.of(definition, field.nodes[0]), members)


def _member(compiler: Compiler, type_: Any, field: CollectedField) -> _Member:
    match field.name:
        case "__typename":
            return lambda *_: type_.name
        case "totalCount":
            return lambda page, *_: page.total
        case "nodes":
            return _nodes(compiler.lookups(KINDS, field, required=True))
        case "pageInfo":
            return _page_info(compiler, get_named_type(type_.fields["pageInfo"].type), field)
    return _edges(compiler, get_named_type(type_.fields["edges"].type), field)


def _nodes(lookups: Lookups) -> _Member:
    def member(page: FoundPage, tasks: list[Task], run: PlanRun) -> list[Any]:
        places = [(each.table, each.key) for each in page.found]
        return look_up_list(lookups, places, tasks, run)

    return member


_PAGE_INFO: dict[str, Callable[[FoundPage], Any]] = {
    "hasNextPage": lambda page: page.has_next,
    "hasPreviousPage": lambda page: page.has_previous,
    "startCursor": lambda page: page.cursor(page.found[0]) if page.found else None,
    "endCursor": lambda page: page.cursor(page.found[-1]) if page.found else None,
}


def _page_info(compiler: Compiler, type_: Any, field: CollectedField) -> _Member:
    reads = _PAGE_INFO | {"__typename": lambda page: type_.name}
    selected = [
        (each.key, reads[each.name]) for each in compiler.collector.collect(type_, field.nodes)
    ]
    return lambda page, *_: {key: read(page) for key, read in selected}


_EDGE: dict[str, Callable[[FoundPage, Found], Any]] = {
    "cursor": lambda page, found: page.cursor(found),
    "field": lambda page, found: field_of(found),
    "highlight": lambda page, found: page.highlight(found),
    "node": lambda page, found: None,  # its place in the object, until a task fills it
}


def _edges(compiler: Compiler, type_: Any, field: CollectedField) -> _Member:
    reads = _EDGE | {"__typename": lambda page, found: type_.name}
    selected = compiler.collector.collect(type_, field.nodes)
    made = [(each.key, reads[each.name]) for each in selected]
    nodes = [
        compiler.lookups(KINDS, each, required=True) for each in selected if each.name == "node"
    ]

    def member(page: FoundPage, tasks: list[Task], run: PlanRun) -> list[Any]:
        edges = [{key: read(page, found) for key, read in made} for found in page.found]
        for lookups in nodes:
            places = zip(edges, page.found, strict=True)
            tasks += look_up(lookups, [(edge, each.table, each.key) for edge, each in places], run)
        return edges

    return member
