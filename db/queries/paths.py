"""The shortest path between two objects of the graph, sought from both ends.

Each end finds its objects level by level, and the two last levels are its frontiers. When at most two more
steps may lie between the frontiers, statements about both look for the object in the middle, so that services
and installations with thousands of connections are met from both sides, and rarely gone through.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from db.model.graph import Edge, Place
from db.program import Program
from db.queries.walks import Reached, Steps, edge

# A level of more than FEW rows waits until the other end has no smaller one.
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


@dataclass(eq=False, slots=True)
class _End:
    """What was found from one end: `levels` by distance, the last of which is the frontier.

    If it `is_wide`, the next level is known to have more than FEW rows.
    """

    known: dict[Place, Reached]
    levels: list[list[Place]]
    is_wide: bool = False

    @classmethod
    def at(cls, found: Reached) -> "_End":
        return cls({found.place: found}, [[found.place]])

    @property
    def frontier(self) -> list[Reached]:
        return [self.known[place] for place in self.levels[-1]]


def between(start: Place, end: Place, most_steps: int) -> Program[Path]:
    """A shortest path, whose edges are None if there is none of so many steps, or no such end."""
    steps = Steps()
    first, last = yield from steps.find([start, end])
    if first is None or last is None:
        return Path(None, steps.rows)
    if start == end:
        return Path((), steps.rows)
    return (yield from _path((_End.at(first), _End.at(last)), most_steps, steps))


def _path(ends: tuple[_End, _End], most_steps: int, steps: Steps) -> Program[Path]:
    start, end = ends
    while True:
        if path := _met(start, end):
            return Path(path, steps.rows)
        left = most_steps - (len(start.levels) + len(end.levels) - 2)
        if left >= 1 and _touch(start, end):
            return Path(_first_path(start, (), end), steps.rows)
        if left < MIDDLE or not (start.levels[-1] and end.levels[-1]):
            return Path(None, steps.rows)
        if left > MIDDLE and (yield from _advance(ends, FEW, steps)):
            continue
        middle = yield from steps.middle(start.frontier, end.frontier)
        if middle is not None:
            return Path(_first_path(start, (middle,), end), steps.rows)
        if left == MIDDLE:
            return Path(None, steps.rows)
        if not (yield from _advance(ends, MOST, steps)):
            return Path(None, steps.rows, is_too_wide=True)


def _advance(ends: tuple[_End, _End], limit: int, steps: Steps) -> Program[bool]:
    """Add a level to one end, that with the smaller frontier if its level has few enough rows."""
    for one in sorted(ends, key=lambda end: len(end.levels[-1])):
        if one.is_wide and limit == FEW:
            continue
        room = max(0, min(limit, MOST - sum(len(each.known) for each in ends)))
        rows = steps.rows
        new = yield from steps.neighbours(one.frontier, one.known, room + 1)
        one.is_wide = steps.rows - rows > room
        if not one.is_wide:
            one.known.update((each.place, each) for each in new)
            one.levels.append([each.place for each in new])
            return True
    return False


def _met(start: _End, end: _End) -> tuple[Edge, ...]:
    met = set(start.levels[-1]) & set(end.levels[-1])
    if not met:
        return ()
    layers = [*start.levels[:-1], list(met), *reversed(end.levels[:-1])]
    return _through(layers, {**start.known, **end.known})


def _touch(start: _End, end: _End) -> bool:
    """Whether an object of one frontier leads to one of the other."""
    for one, other in ((start, end), (end, start)):
        places = set(other.levels[-1])
        if any(place in places for each in one.frontier for _, place in each.links):
            return True
    return False


def _first_path(start: _End, middle: Sequence[Reached], end: _End) -> tuple[Edge, ...]:
    """The path through the frontiers, which have this between them."""
    known = {**start.known, **end.known, **{each.place: each for each in middle}}
    between = [[each.place for each in middle]] if middle else []
    return _through([*start.levels, *between, *reversed(end.levels)], known)


def _through(layers: list[list[Place]], known: dict[Place, Reached]) -> tuple[Edge, ...]:
    """Of the paths with an object of each layer that whose objects come first by kind and key."""
    leading = [set(layers[-1])]
    for layer in reversed(layers[:-1]):
        following = leading[-1]
        named = {place for each in following for _, place in known[each].links}
        leading.append(
            {
                each
                for each in layer
                if each in named or any(place in following for _, place in known[each].links)
            }
        )
    path: list[Edge] = []
    (at,) = leading.pop()
    for layer_ahead in reversed(leading):
        named = {place for _, place in known[at].links}
        beside = [
            each
            for each in layer_ahead
            if each in named or any(place == at for _, place in known[each].links)
        ]
        ahead = min(beside, key=lambda place: place.order)
        path.append(_between(known[at], known[ahead]))
        at = ahead
    return tuple(path)


def _between(one: Reached, other: Reached) -> Edge:
    """The relation by which one of two leads to the other."""
    return next(
        edge(relation, holder.place, place)
        for holder, end in ((one, other), (other, one))
        for relation, place in holder.links
        if place == end.place
    )
