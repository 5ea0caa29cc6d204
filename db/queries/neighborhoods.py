"""What lies around one object of the graph: level by level, a batch of statements for each."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from db.model.graph import Edge, Place
from db.model.tables import Table
from db.program import Program
from db.queries.reached import Reached, edges_between
from db.queries.walks import Steps


@dataclass(frozen=True, slots=True)
class Neighborhood:
    """The objects, the center first, nearest and then newest first; `rows` is how many were read."""

    places: tuple[Place, ...]
    edges: tuple[Edge, ...]
    is_truncated: bool
    rows: int


def around(
    center: Place, depth: int, most: int, tables: Collection[Table[Any]]
) -> Program[Neighborhood | None]:
    """At most this many objects of these tables within so many steps; None if there is no such center."""
    steps = Steps(tables)
    (found,) = yield from steps.find([center])
    if found is None:
        return None
    known, frontier, is_truncated = {center: found}, [found], False
    for _ in range(depth):
        room = most - len(known)
        new = yield from steps.newest(frontier, known, room + 1)
        is_truncated = len(new) > room
        frontier = sorted(new, key=_age, reverse=True)[:room]
        known.update((each.place, each) for each in frontier)
        if is_truncated or not frontier:
            break
    return Neighborhood(tuple(known), tuple(edges_between(known)), is_truncated, steps.rows)


def _age(reached: Reached) -> tuple[Any, ...]:
    return (reached.newest, *reached.place.order)
