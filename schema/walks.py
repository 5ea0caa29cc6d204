"""Walks through the graph, as GraphQL types and fields."""

import asyncio
from collections.abc import Collection
from typing import Annotated, Any

import strawberry

from db.model import graph
from db.model.graph import GRAPH_TABLES, Place
from db.program import Program
from db.queries import neighborhoods, paths
from resolvers import walks
from resolvers.operation_context import OperationContext
from schema.enums import NodeKind, RelationName
from schema.fields import fields, global_ids
from schema.fields.costs import COST, WHOLE_TABLE, FieldCost
from schema.fields.fields import Info, Node, field
from schema.fields.sources import Around, ShortestPath

WALKED = "Goes both ways, through objects that the viewer sees and that are not soft-deleted"
DEPTH = f"How many steps it may go: 1 to {walks.MOST_DEPTH}"
MAX_NODES = f"How many objects it may return, the center included: 1 to {walks.MOST_NODES}"
KINDS = "The kinds of objects that it goes through and returns, besides the center; all if null"
# A connection leads to its source, its service and its installation.
MOST_RELATIONS = 3
MAX_DEPTH = f"How many relations the path may have: 1 to {walks.MOST_STEPS}"


@strawberry.type(
    description="A relation, from the object that owns, opens, targets, uses or suspended the other one"
)
class RelationEdge:
    from_: strawberry.ID = strawberry.field(name="from", description="The id of the one object")
    to: strawberry.ID = strawberry.field(description="The id of the other object")
    relation: RelationName = strawberry.field(description="How they belong together")

    @classmethod
    def of(cls, edge: graph.Edge) -> "RelationEdge":
        return cls(from_=id_of(edge.start), to=id_of(edge.end), relation=edge.name)


@strawberry.type(description="What lies within some steps of one object: ready to draw")
class Neighborhood:
    center: Node = strawberry.field(description="The object that it lies around")
    nodes: list[Node] = strawberry.field(
        description="The objects, each once: the center, then the nearest, and of one distance the newest "
        "first. A service is as new as the newest connection that led to it"
    )
    edges: list[RelationEdge] = strawberry.field(
        description="All relations between these objects",
        metadata={COST: FieldCost(each=1, times=MOST_RELATIONS)},
    )
    truncated: bool = strawberry.field(
        description="Whether more objects lie within these steps than maxNodes; the farthest and, of one "
        "distance, the oldest are left out"
    )


def requested_around(
    ctx: OperationContext,
    of: str,
    depth: int,
    max_nodes: int,
    kinds: Collection[NodeKind] | None = strawberry.UNSET,
) -> Program[neighborhoods.Neighborhood | None]:
    """The walk that the arguments of `neighborhood` ask for; raises BadRequest."""
    tables = GRAPH_TABLES
    if kinds is not strawberry.UNSET and kinds is not None:
        names = {kind.value for kind in kinds}
        tables = tuple(table for table in GRAPH_TABLES if table.name in names)
    return walks.around(_place(ctx, of), depth=depth, most=max_nodes, tables=tables)


def requested_path(
    ctx: OperationContext, from_: str, to: str, max_depth: int
) -> Program[paths.Path]:
    """The walk that the arguments of `shortestPath` ask for; raises BadRequest."""
    return walks.between(_place(ctx, from_), _place(ctx, to), most_steps=max_depth)


def id_of(place: Place) -> strawberry.ID:
    return strawberry.ID(global_ids.of_key(place.table.row.__name__, place.key))


def _place(ctx: OperationContext, id_: str) -> Place | None:
    place = global_ids.place(id_, ctx.cursor_key)
    return None if place is None or place[0] not in GRAPH_TABLES else Place(*place)


async def _object(info: Info, place: Place) -> Any:
    row = await info.context.loaders.row(place.table).load(place.key)
    return fields.to_object(row)


async def _neighborhood(
    self: Any,
    info: Info,
    of: Annotated[strawberry.ID, strawberry.argument(description="The id of an object")],
    depth: Annotated[int, strawberry.argument(description=DEPTH)] = 1,
    max_nodes: Annotated[int, strawberry.argument(description=MAX_NODES)] = 200,
    kinds: Annotated[
        list[NodeKind] | None, strawberry.argument(description=KINDS)
    ] = strawberry.UNSET,
) -> Any:
    ctx = info.context
    found = await ctx.loaders.walk(requested_around(ctx, of, depth, max_nodes, kinds))
    if found is None:
        return None
    loaded = await asyncio.gather(*[_object(info, place) for place in found.places])
    nodes = [each for each in loaded if each is not None]
    if not nodes or loaded[0] is None:  # an engine over HTTP reads it later, when it may be gone
        return None
    return Neighborhood(
        center=nodes[0],
        nodes=nodes,
        edges=[RelationEdge.of(edge) for edge in found.edges],
        truncated=found.is_truncated,
    )


async def _shortest_path(
    self: Any,
    info: Info,
    from_: Annotated[
        strawberry.ID,
        strawberry.argument(name="from", description="The id of the object that it begins at"),
    ],
    to: Annotated[
        strawberry.ID, strawberry.argument(description="The id of the object that it ends at")
    ],
    max_depth: Annotated[int, strawberry.argument(description=MAX_DEPTH)] = 6,
) -> Any:
    ctx = info.context
    path = await ctx.loaders.walk(requested_path(ctx, from_, to, max_depth))
    found = walks.edges_of(path)
    return None if found is None else [RelationEdge.of(edge) for edge in found]


neighborhood = field(
    Around(),
    _neighborhood,
    Neighborhood | None,
    f"What lies around an object; null if it does not exist or the viewer may not see it. {WALKED}",
    cost=FieldCost(size=("maxNodes", walks.MOST_NODES)),
)
shortest_path = field(
    ShortestPath(),
    _shortest_path,
    list[RelationEdge] | None,
    "The relations of a shortest path, in its order; of several, always the same one "
    "while nothing changes. Empty if both ends are one object; null if one does not exist, is "
    f"soft-deleted, may not be seen or is not reached. {WALKED}. Fails with WALK_TOO_WIDE if it would go "
    f"through more than {paths.MOST:,} objects",
    cost=FieldCost(reads=WHOLE_TABLE, size=("maxDepth", walks.MOST_STEPS), each=1),
)
