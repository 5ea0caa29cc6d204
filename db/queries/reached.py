"""Objects that a walk has come to, and the relations between them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from db.model import graph
from db.model.graph import GRAPH_RELATIONS, GRAPH_TABLES, Edge, GraphRelation, Place
from db.model.tables import Table
from db.program import Rows, Value

COLUMNS = {table: graph.columns(table) for table in GRAPH_TABLES}


class Reached(NamedTuple):
    """An object that a walk has come to; `newest` is its instant in the default ordering.

    That of a service is the one of the newest connection that led to it. `links` are the relations that it
    holds, each with the object at the other end, which the viewer may not see.
    """

    place: Place
    newest: str
    links: tuple[tuple[GraphRelation, Place], ...] = ()


def reached_by(table: Table[Any], rows: Rows) -> Iterator[Reached]:
    """The objects of rows that have what COLUMNS names of the table."""
    names = COLUMNS[table]
    held = [
        (
            relation,
            relation.other,
            names.index(relation.to_one.column),
            *((names.index(relation.only[0]), relation.only[1]) if relation.only else (0, None)),
        )
        for relation in GRAPH_RELATIONS
        if relation.holder is table
    ]
    key_at, newest_at = names.index(table.key), names.index(table.newest)
    for row in rows:
        if row[key_at] is None or isinstance(row[key_at], bytes):  # no id has such a key
            continue
        links = [
            (relation, Place(other, row[at]))
            for relation, other, at, tested, only in held
            if row[at] is not None
            and (only is None or row[tested] == only)
            and not isinstance(row[at], bytes)
        ]
        newest = row[newest_at]
        yield Reached(
            Place(table, row[key_at]), newest if isinstance(newest, str) else "", tuple(links)
        )


def edges_between(places: Mapping[Place, Reached]) -> Iterator[Edge]:
    """All relations between these objects, in the order of their holders."""
    for place, reached in places.items():
        for relation, other in reached.links:
            if other in places:
                yield relation.edge(place, other)


def keys_by_table(places: Iterable[Place]) -> dict[Table[Any], list[Value]]:
    keys: dict[Table[Any], list[Value]] = defaultdict(list)
    for place in places:
        keys[place.table].append(place.key)
    return keys
