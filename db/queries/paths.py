"""The shortest path between two objects of the graph, sought from both ends.

Each end finds its objects level by level, and the two last levels are its frontiers. When at most two more
steps may lie between the frontiers, or both next levels are wide, statements about both look for what lies
between them, so that hubs, such as services with thousands of connections, are rarely gone through.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from db.model.graph import GRAPH_RELATIONS, Edge, Place
from db.model.tables import CONNECTIONS
from db.program import Program
from db.queries import hubs, middles
from db.queries.hubs import Side
from db.queries.path_ends import End, first_path, met, touch
from db.queries.reached import Reached
from db.queries.walks import Steps

# A relation by which more than FEW rows lead to a frontier is wide: they are read only if nothing else helps.
FEW, MOST = 1_000, 20_000
MIDDLE = 2


@dataclass(frozen=True, slots=True)
class Path:
    """Its relations from one end to the other, none if the ends are one; `rows` is how many were read.

    If it `is_too_wide`, it was not found because it would go through more than MOST objects.
    """

    edges: tuple[Edge, ...] | None
    rows: int
    is_too_wide: bool = False


def between(start: Place, end: Place, most_steps: int) -> Program[Path]:
    """A shortest path, whose edges are None if there is none of so many steps, or no such end."""
    steps = Steps()
    first, last = yield from steps.find([start, end])
    if first is None or last is None:
        return Path(None, steps.rows)
    if start == end:
        return Path((), steps.rows)
    return (yield from _path((End.at(first), End.at(last)), most_steps, steps))


def _path(ends: tuple[End, End], most_steps: int, steps: Steps) -> Program[Path]:
    start, end = ends
    while True:
        if edges := met(start, end):
            return Path(edges, steps.rows)
        left = most_steps - (len(start.levels) + len(end.levels) - 2)
        if left >= 1 and touch(start, end):
            return Path(first_path(start, (), end), steps.rows)
        if left < MIDDLE or not (start.levels[-1] and end.levels[-1]):
            return Path(None, steps.rows)
        if left > MIDDLE and (yield from _advance(ends, steps)):
            continue
        path = yield from _between(start, end, left, steps)
        if path or left <= MIDDLE + 1:
            return Path(path, steps.rows)
        if not (yield from _advance_through(ends, steps)):
            return Path(None, steps.rows, is_too_wide=True)


def _advance(ends: tuple[End, End], steps: Steps) -> Program[bool]:
    """Add a level to the end with the smaller frontier whose next level is not wide, if there is one."""
    for one in _smaller_first(ends):
        if one.wide:
            continue
        near, wide = yield from steps.near(one.frontier, one.known, FEW + 1)
        if sum(len(each.known) for each in ends) + len(near) > MOST:
            wide = frozenset(GRAPH_RELATIONS)
        if not wide:
            _add(one, near)
            return True
        one.near, one.wide = near, wide
    return False


def _advance_through(ends: tuple[End, End], steps: Steps) -> Program[bool]:
    """Add a wide level to an end, if it and what is known already are no more than MOST objects."""
    for one in _smaller_first(ends):
        room = max(0, MOST - sum(len(each.known) for each in ends) - len(one.near))
        known = one.known.keys() | {each.place for each in one.near}
        new = yield from steps.all_leading(one.frontier, one.wide, known, room + 1)
        if len(new) <= room:
            _add(one, [*one.near, *new])
            return True
    return False


def _smaller_first(ends: tuple[End, End]) -> list[End]:
    return sorted(ends, key=lambda end: len(end.levels[-1]))


def _add(end: End, level: Sequence[Reached]) -> None:
    end.known.update((each.place, each) for each in level)
    end.levels.append([each.place for each in level])
    end.near, end.wide = [], frozenset()


def _between(start: End, end: End, left: int, steps: Steps) -> Program[tuple[Edge, ...] | None]:
    """The path if two or three steps are between the frontiers, and as a rule if four or five are.

    None if there is no path of two or three steps, or none of so many as are left.
    """
    if path := (yield from _over_one(start, end, steps)):
        return path
    if left == MIDDLE:
        return None
    nearer = start.further(start.near), end.further(end.near)
    for one, other in ((start, nearer[1]), (nearer[0], end)):
        if path := (yield from _over_one(one, other, steps)):
            return path
    for one, other in ((start, end), (end, start)):
        found = yield from hubs.found_two_steps_off(one.side, other.side, steps)
        if found:
            further = other.further([found])
            pair = (start, further) if other is end else (further, end)
            return (yield from _over_one(*pair, steps))
    if left == MIDDLE + 1:
        return None
    path, is_sure = yield from _over_three((start, end), nearer, steps)
    if path or not is_sure or left == MIDDLE + 2:
        return path
    return (yield from _over_four((start, end), steps))


def _over_three(
    ends: tuple[End, End], nearer: tuple[End, End], steps: Steps
) -> Program[tuple[tuple[Edge, ...] | None, bool]]:
    """As a rule the path if three objects are between the frontiers; of `nearer` ends, one or two.

    Without one, it is told whether there surely is none.
    """
    if path := (yield from _over_one(*nearer, steps)):
        return path, True
    if path := (yield from _over_hubs(*ends, hubs.FEW, steps)):
        return path, True
    sides = [end.side for end in ends]
    # Nothing leads to a connection.
    is_sure = all(each.holder is CONNECTIONS for side in sides for each in side.wide)
    for one, other in enumerate(reversed(nearer)):
        level, wide = yield from steps.near(other.frontier, other.known, FEW + 1)
        is_sure = is_sure and not wide
        further = other.further(level)
        pair = (further, ends[1]) if one else (ends[0], further)
        if path := (yield from _over_one(*pair, steps)):
            return path, True
    if path := (yield from _over_hubs(*ends, hubs.MOST, steps)):
        return path, True
    return None, is_sure and (yield from hubs.are_read_whole(sides))


def _over_four(ends: tuple[End, End], steps: Steps) -> Program[tuple[Edge, ...] | None]:
    """Often a path if four objects are between the frontiers: where an owner of contexts uses both hubs."""
    for one, other in (ends, ends[::-1]):
        found = yield from hubs.found_beyond(one.side, other.side, steps)
        beside = found and (yield from middles.found_between(other.frontier, [found], steps))
        if not (found and beside):
            continue
        leading = frozenset(each for each in GRAPH_RELATIONS if each.other is found.place.table)
        before = yield from hubs.found_two_steps_off(one.side, Side([found], leading), steps)
        if before:
            further = other.further([beside]).further([found]).further([before])
            pair = (one, further) if other is ends[1] else (further, one)
            return (yield from _over_one(*pair, steps))
    return None


def _over_hubs(start: End, end: End, limit: int, steps: Steps) -> Program[tuple[Edge, ...] | None]:
    found = yield from hubs.found_in_the_middle(start.side, end.side, limit, steps)
    beside = found and (yield from middles.found_between(start.frontier, [found], steps))
    if not (found and beside):
        return None
    return (yield from _over_one(start.further([beside]).further([found]), end, steps))


def _over_one(start: End, end: End, steps: Steps) -> Program[tuple[Edge, ...] | None]:
    """The path if one object is between the frontiers."""
    middle = yield from middles.found_between(start.frontier, end.frontier, steps)
    return None if middle is None else first_path(start, (middle,), end)
