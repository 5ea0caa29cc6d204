"""Walks through the graph: how far they may go, and who reads them."""

from collections.abc import Collection
from typing import Any

from db.errors import BadRequest
from db.model.graph import Edge, Place
from db.model.tables import Table
from db.queries import neighborhoods, paths
from db.queries.neighborhoods import Neighborhood
from resolvers.operation_context import OperationContext

MOST_DEPTH = 10
MOST_NODES = 1_000
MOST_STEPS = 20


async def neighborhood(
    ctx: OperationContext,
    center: Place | None,
    *,
    depth: int,
    most: int,
    tables: Collection[Table[Any]],
) -> Neighborhood | None:
    """What lies around the center; None if there is no such object. Raises BadRequest."""
    _check("depth", depth, MOST_DEPTH)
    _check("maxNodes", most, MOST_NODES)
    if center is None:
        return None
    return await ctx.loaders.walk(neighborhoods.around(center, depth, most, tables))


async def shortest_path(
    ctx: OperationContext, start: Place | None, end: Place | None, *, most_steps: int
) -> tuple[Edge, ...] | None:
    """The relations from one object to the other, or None if it is not reached. Raises BadRequest."""
    _check("maxDepth", most_steps, MOST_STEPS)
    if start is None or end is None:
        return None
    found = await ctx.loaders.walk(paths.between(start, end, most_steps))
    if found.is_too_wide:
        raise BadRequest(
            "WALK_TOO_WIDE",
            f"the path would go through more than {paths.MOST} objects: ask for a smaller maxDepth, or begin"
            " at a nearer object",
        )
    return found.edges


def _check(name: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise BadRequest("BAD_WALK", f"{name} must be from 1 to {most}, not {value}")
