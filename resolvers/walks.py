"""Walks through the graph: how far they may go, and who reads them."""

from collections.abc import Collection
from typing import Any

from db.errors import BadRequest
from db.model.graph import Edge, Place
from db.model.tables import Table
from db.program import Program, nothing
from db.queries import neighborhoods, paths
from db.queries.neighborhoods import Neighborhood
from db.queries.paths import Path

MOST_DEPTH = 10
MOST_NODES = 1_000
MOST_STEPS = 20


def around(
    center: Place | None, *, depth: int, most: int, tables: Collection[Table[Any]]
) -> Program[Neighborhood | None]:
    """What lies around the center; None if there is no such object. Raises BadRequest at once."""
    _check("depth", depth, MOST_DEPTH)
    _check("maxNodes", most, MOST_NODES)
    return nothing(None) if center is None else neighborhoods.around(center, depth, most, tables)


def between(start: Place | None, end: Place | None, *, most_steps: int) -> Program[Path]:
    """A shortest path from one object to the other. Raises BadRequest at once."""
    _check("maxDepth", most_steps, MOST_STEPS)
    if start is None or end is None:
        return nothing(Path(None, 0))
    return paths.between(start, end, most_steps)


def edges_of(found: Path) -> tuple[Edge, ...] | None:
    """The relations of a path, or None if the end is not reached. Raises BadRequest if it is too wide."""
    if found.is_too_wide:
        raise BadRequest(
            "WALK_TOO_WIDE",
            f"the path would go through more than {paths.MOST:,} objects: ask for a smaller maxDepth, or"
            " begin at a nearer object",
        )
    return found.edges


def _check(name: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise BadRequest("BAD_WALK", f"{name} must be from 1 to {most}, not {value}")
