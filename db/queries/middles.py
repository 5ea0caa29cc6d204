"""An object between two frontiers of a walk: beside one of either."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from db.model import tables
from db.model.graph import GRAPH_RELATIONS, Place
from db.model.services import SERVICES
from db.model.tables import Table
from db.program import Program, Value
from db.queries.graph_rows import held, joint, with_keys
from db.queries.reached import Reached, keys_by_table
from db.queries.walks import Sought, Steps


def found_between(
    start: Sequence[Reached], end: Sequence[Reached], steps: Steps
) -> Program[Reached | None]:
    """An object beside one of each of these, in one batch of statements."""
    named = _names(start), _names(end)
    services = named[0].get(SERVICES, set()) & named[1].get(SERVICES, set())
    for service in sorted(services, key=str):
        return Reached(Place(SERVICES, service), "")
    beside = [keys_by_table([each.place for each in frontier]) for frontier in (start, end)]
    sought = [*_named_by_both(*named), *_leading_to_both(*beside)]
    for names, keys in (named[0], beside[1]), (named[1], beside[0]):
        sought += _named_and_leading(names, keys)
    return (yield from steps.first(sought))


def _names(frontier: Iterable[Reached]) -> dict[Table[Any], set[Any]]:
    """The keys of rows and services that these objects lead to, by table."""
    names: dict[Table[Any], set[Any]] = defaultdict(set)
    for each in frontier:
        for _, place in each.links:
            names[place.table].add(place.key)
    return names


def _named_by_both(one: dict[Table[Any], set[Any]], other: dict[Table[Any], set[Any]]) -> Sought:
    for table in tables.TABLES:
        if both := one.get(table, set()) & other.get(table, set()):
            yield table, with_keys(table, sorted(both, key=str), 1, sorts=False)


def _named_and_leading(
    names: dict[Table[Any], set[Any]], keys: dict[Table[Any], list[Value]]
) -> Sought:
    """For rows that one end leads to, and that lead to the other."""
    for relation in GRAPH_RELATIONS:
        if relation.other in keys and relation.holder in names:
            among = sorted(names[relation.holder], key=str)
            yield relation.holder, held(relation, keys[relation.other], 1, among=among)


def _leading_to_both(
    one: dict[Table[Any], list[Value]], other: dict[Table[Any], list[Value]]
) -> Sought:
    for first in GRAPH_RELATIONS:
        for second in GRAPH_RELATIONS:
            is_joint = second.holder is first.holder and second.name is not first.name
            if is_joint and first.other in one and second.other in other:
                yield first.holder, joint(first, one[first.other], second, other[second.other])
