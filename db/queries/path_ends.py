"""What was found from either end of a path, level by level, and the path through it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from db.model.graph import Edge, GraphRelation, Place
from db.queries.hubs import Side
from db.queries.reached import Reached


@dataclass(eq=False, slots=True)
class End:
    """What was found from one end: `levels` by distance, the last of which is the frontier.

    If the next level is `wide`, `near` is what is known of it: all but what leads to the frontier by these
    relations.
    """

    known: dict[Place, Reached]
    levels: list[list[Place]]
    near: list[Reached] = field(default_factory=list)
    wide: frozenset[GraphRelation] = frozenset()

    @classmethod
    def at(cls, found: Reached) -> "End":
        return cls({found.place: found}, [[found.place]])

    @property
    def frontier(self) -> list[Reached]:
        return [self.known[place] for place in self.levels[-1]]

    @property
    def side(self) -> Side:
        return Side(self.frontier, self.wide)

    def further(self, level: Sequence[Reached]) -> "End":
        """An end with one more level, which need not be whole."""
        known = self.known | {each.place: each for each in level}
        return End(known, [*self.levels, [each.place for each in level]])


def met(start: End, end: End) -> tuple[Edge, ...]:
    """The path if the frontiers share an object, or else none."""
    shared = set(start.levels[-1]) & set(end.levels[-1])
    if not shared:
        return ()
    layers = [*start.levels[:-1], list(shared), *reversed(end.levels[:-1])]
    return _through(layers, {**start.known, **end.known})


def touch(start: End, end: End) -> bool:
    """Whether an object of one frontier leads to one of the other."""
    for one, other in ((start, end), (end, start)):
        places = set(other.levels[-1])
        if any(place in places for each in one.frontier for _, place in each.links):
            return True
    return False


def first_path(start: End, middle: Sequence[Reached], end: End) -> tuple[Edge, ...]:
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
        path.append(_edge_between(known[at], known[ahead]))
        at = ahead
    return tuple(path)


def _edge_between(one: Reached, other: Reached) -> Edge:
    """The relation by which one of two leads to the other."""
    return next(
        relation.edge(holder.place, place)
        for holder, end in ((one, other), (other, one))
        for relation, place in holder.links
        if place == end.place
    )
