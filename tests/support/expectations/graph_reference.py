"""What walks through the graph find, by networkx over all that a viewer sees."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

import networkx

from db.model.enums import RelationName
from db.model.graph import Edge, Place
from db.model.services import SERVICES
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, TABLES, Table
from tests.support.expectations.oracle import ENDED
from tests.support.registries.random_registries import Registry


@dataclass(frozen=True)
class Viewer:
    """Who sees all rows of some tables, and what belongs to it."""

    actor: str
    sees_all_of: frozenset[str]

    def sees(self, registry: Registry) -> dict[Any, list[Any]]:
        """The rows that it sees, by table; soft-deleted ones too."""
        seen: dict[Any, list[Any]] = {}
        mine = {row.chitty_id for row in registry.of(CONTEXTS) if row.owner_chitty_id == self.actor}
        tests: dict[Table[Any], Callable[[Any], bool]] = {
            CONTEXTS: lambda row: row.chitty_id in mine,
            CONNECTIONS: lambda row: (
                row.source_chitty_id in (mine if row.source_type == "context" else {self.actor})
            ),
            INSTALLATIONS: lambda row: (
                row.installation_id in {link.installation_id for link in seen[CONNECTIONS]}
            ),
            ACTORS: lambda row: (
                row.chitty_id
                in {self.actor, *(app.suspended_by_chitty_id for app in seen[INSTALLATIONS])}
            ),
        }
        for table, test in tests.items():
            is_whole = table.name in self.sees_all_of
            seen[table] = [row for row in registry.of(table) if is_whole or test(row)]
        return seen


class Graph:
    """The graph as the viewer sees it, without soft-deleted rows."""

    def __init__(self, registry: Registry, viewer: Viewer) -> None:
        self.newest: dict[Place, str] = {}
        rows = {
            Place(table, getattr(row, table.key)): row
            for table, seen in viewer.sees(registry).items()
            for row in seen
            if not ENDED[table](row)
        }
        for place, row in rows.items():
            self.newest[place] = getattr(row, place.table.newest)
            if place.table is CONNECTIONS:
                self.newest[Place(SERVICES, row.target_service)] = ""
        self.edges = [
            edge
            for place, row in rows.items()
            for edge in _edges(place, row)
            if edge.start in self.newest and edge.end in self.newest
        ]
        self.graph = networkx.Graph([(edge.start, edge.end) for edge in self.edges])
        self.graph.add_nodes_from(self.newest)

    def around(
        self, center: Place, depth: int, most: int, kinds: Collection[Any]
    ) -> tuple[list[Place], set[Edge], bool] | None:
        """The objects, their relations, and whether any were left out."""
        if center not in self.newest:
            return None
        kept = [place for place in self.newest if place == center or place.table in kinds]
        graph = self.graph.subgraph(kept)
        found = [center]
        for nearer, layer in pairwise(islice(networkx.bfs_layers(graph, center), depth + 1)):
            age = {place: self._age(place, graph, nearer) for place in layer}
            found += sorted(layer, key=lambda place: (age[place], *place.order), reverse=True)
        objects = found[:most]
        return objects, self.between(objects), len(found) > most

    def _age(self, place: Place, graph: Any, nearer: list[Place]) -> str:
        """Its instant; of a service that of the newest connection by which it is reached."""
        if place.table is not SERVICES:
            return self.newest[place]
        return max(self.newest[each] for each in {*graph[place]} & {*nearer})

    def between(self, places: Collection[Place]) -> set[Edge]:
        """The relations between these."""
        return {edge for edge in self.edges if edge.start in places and edge.end in places}

    def distance(self, start: Place, end: Place, most: int) -> int | None:
        """How many relations are between the two."""
        if start not in self.newest or end not in self.newest:
            return None
        if not networkx.has_path(self.graph, start, end):
            return None
        steps: int = networkx.shortest_path_length(self.graph, start, end)
        return steps if steps <= most else None


def _edges(place: Place, row: Any) -> Iterator[Edge]:
    if place.table is CONTEXTS:
        yield Edge(RelationName.OWNS, Place(ACTORS, row.owner_chitty_id), place)
    if place.table is INSTALLATIONS:
        yield Edge(RelationName.SUSPENDED, Place(ACTORS, row.suspended_by_chitty_id), place)
    if place.table is CONNECTIONS:
        source = ACTORS if row.source_type == "actor" else CONTEXTS
        yield Edge(RelationName.OPENS, Place(source, row.source_chitty_id), place)
        yield Edge(RelationName.TARGETS, place, Place(SERVICES, row.target_service))
        yield Edge(RelationName.USES, place, Place(INSTALLATIONS, row.installation_id))


def places(registry: Registry) -> list[Place]:
    """Everything that there may be, seen or not, and something that there is not."""
    found = [
        Place(table, getattr(row, table.key)) for table in TABLES for row in registry.of(table)
    ]
    services = sorted({row.target_service for row in registry.of(CONNECTIONS)})
    return [*found, *(Place(SERVICES, name) for name in services), Place(SERVICES, "none such")]
