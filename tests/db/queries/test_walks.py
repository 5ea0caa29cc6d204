"""Walks find what a search of the whole graph in Python finds, for every viewer, in few statements."""

import random
from dataclasses import replace
from typing import Any

import pytest

from db.model.graph import GRAPH_TABLES, Place
from db.model.services import SERVICES
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, TABLES
from db.queries import hubs, neighborhoods, paths
from db.queries.paths import MOST
from db.security.row_security import ALL, Extent, RowSecurity
from tests.support.corpus.sharing import ranges
from tests.support.expectations.graph_reference import Graph, Viewer, places
from tests.support.registries import random_registries
from tests.support.registries.random_registries import Registry
from tests.support.registries.read_directly import Registered, registered

EXTENTS = (Extent(seen=ALL), Extent(), Extent(seen=frozenset({INSTALLATIONS.name})))
MOST_PER_LEVEL = 9
AT = "2026-01-01T00:00:00.000Z"
ACTOR, CONTEXT = "CHITTY-ACTOR-000001-AAAA", "CHITTY-CONTEXT-000001-AAAA"
APP = 7


@pytest.mark.parametrize("seeds", ranges(1_000, 25, by_default=50))
@pytest.mark.parametrize("few", [1_000, 2, 0])
def test_walks_find_what_a_search_of_the_whole_graph_finds(seeds, few, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "FEW", few)  # so that almost everything is a hub
    monkeypatch.setattr(hubs, "FEW", min(few, hubs.FEW))
    with registered(tmp_path / "registry.db") as found:
        for seed in found.each_from_empty(seeds):
            _compare(seed, found)


def _compare(seed: int, found: Registered) -> None:
    chance = random.Random(seed)
    registry = random_registries.made(
        seed,
        actors=chance.randint(1, 6),
        installations=chance.randint(1, 4),
        contexts=chance.randint(1, 12),
        connections=chance.randint(1, 40),
    )
    found.store(registry)
    extent = EXTENTS[seed % len(EXTENTS)]
    viewer = Viewer(chance.choice(registry.of(ACTORS)).chitty_id, extent.seen)
    security, graph = RowSecurity(viewer.actor, extent), Graph(registry, viewer)
    all_places = places(registry)
    for _ in range(6):
        center = chance.choice(all_places)
        depth, most = chance.randint(1, 5), chance.choice([1, 2, 5, 10, 200])
        kinds = GRAPH_TABLES if chance.random() < 0.5 else chance.sample(GRAPH_TABLES, 3)
        _compare_around(found, security, graph, (center, depth, most, kinds))
    for _ in range(12):
        start, end = chance.choice(all_places), chance.choice(all_places)
        compare_path(found, security, graph, start, end, chance.choice([1, 2, 3, 4, 6, 10]))


def _compare_around(
    found: Registered, security: RowSecurity, graph: Graph, asked: tuple[Any, ...]
) -> None:
    around = found.find(neighborhoods.around(*asked), security)

    expected = graph.around(*asked)
    if expected is None or around is None:
        assert around is expected
        return
    objects, edges, is_truncated = expected
    assert list(around.places) == objects
    assert set(around.edges) == edges
    assert len(around.edges) == len(edges)
    assert around.is_truncated == is_truncated
    assert found.statements <= 1 + MOST_PER_LEVEL * asked[1]


def compare_path(
    found: Registered, security: RowSecurity, graph: Graph, start: Place, end: Place, most: int
) -> None:
    edges = found.find(paths.between(start, end, most), security).edges

    assert (None if edges is None else len(edges)) == graph.distance(start, end, most)
    at = start
    for edge in edges or ():
        assert edge in graph.edges
        at = edge.end if edge.start == at else edge.start
    assert edges is None or at == end
    assert found.find(paths.between(start, end, most), security).edges == edges


WIDE, HUGE = 1_500, 50_000


def _wide(count: int) -> Registry:
    """So many connections of one context, through one installation, to one service."""
    made = random_registries.made(1, actors=1, installations=1, contexts=1, connections=1)
    (actor,), (context,), (app,), (link,) = (made.of(table) for table in TABLES)
    link = replace(
        link,
        source_chitty_id=CONTEXT,
        source_type="context",
        target_service="hub",
        status="active",
        error_count=0,
        request_count=0,
        installation_id=APP,
        created_at=AT,
    )
    return Registry(
        {
            ACTORS.name: [replace(actor, chitty_id=ACTOR, status="active")],
            CONTEXTS.name: [
                replace(context, chitty_id=CONTEXT, owner_chitty_id=ACTOR, status="active")
            ],
            INSTALLATIONS.name: [
                replace(app, installation_id=APP, suspended_by_chitty_id=None, uninstalled_at=None)
            ],
            CONNECTIONS.name: [
                replace(link, connection_id=f"{number:06}", target_endpoint=str(number))
                for number in range(count)
            ],
        }
    )


ANOTHER = """
    INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service,
        target_endpoint, created_at, updated_at)
    SELECT 'other ' || connection_id, 'CHITTY-ACTOR-000002-AAAA', 'actor', 'other',
        target_endpoint, created_at, updated_at FROM connections
"""
HUB = Place(SERVICES, "hub")
OTHER = Place(SERVICES, "other")
SOURCE = Place(ACTORS, "CHITTY-ACTOR-000002-AAAA")
SHARED = """
    UPDATE connections SET source_chitty_id = :context, source_type = 'context'
    WHERE connection_id = 'other 000007'
"""
ENDS = [
    (HUB, Place(INSTALLATIONS, APP), 2),
    (Place(CONTEXTS, CONTEXT), Place(INSTALLATIONS, APP), 2),
    (Place(ACTORS, ACTOR), HUB, 3),
    (Place(CONNECTIONS, "000001"), Place(CONNECTIONS, "000002"), 2),
]


@pytest.fixture(scope="module")
def clique(tmp_path_factory):
    with registered(tmp_path_factory.mktemp("clique") / "registry.db") as found:
        found.drop_triggers()
        found.store(_wide(HUGE))
        yield found


@pytest.mark.parametrize(("start", "end", "distance"), ENDS)
def test_a_path_meets_a_hub_from_both_sides(clique, start, end, distance):
    path = clique.find(paths.between(start, end, 20))

    assert len(path.edges) == distance
    assert path.rows <= 2 * (paths.FEW + 1) + 10
    assert clique.steps <= STEPS_OF_PATH * paths.FEW


# For each of so many objects.
STEPS_AROUND = 400
STEPS_OF_PATH = 60


@pytest.mark.parametrize("center", [HUB, Place(INSTALLATIONS, APP), Place(ACTORS, ACTOR)])
@pytest.mark.parametrize("depth", [2, 10])
def test_a_hub_is_cut_to_its_newest(clique, center, depth):
    around = clique.find(neighborhoods.around(center, depth, 100, GRAPH_TABLES))

    assert len(around.places) == 100
    assert around.is_truncated
    assert around.rows <= 2 * 100
    assert clique.steps <= STEPS_AROUND * 100
    connections = [each.key for each in around.places if each.table is CONNECTIONS]
    assert connections == [f"{HUGE - number:06}" for number in range(1, len(connections) + 1)]


def test_a_path_that_would_go_through_too_many_objects_is_refused(tmp_path):
    with registered(tmp_path / "registry.db") as found:
        found.drop_triggers()
        found.store(_wide(MOST + 10))
        found.connection.execute(ANOTHER)

        path = found.find(paths.between(HUB, Place(SERVICES, "other"), 20))

    assert path.is_too_wide
    assert path.edges is None


@pytest.mark.parametrize("shares", [True, False], ids=["one source", "none"])
def test_hubs_are_linked_by_what_a_connection_of_each_has_as_source(tmp_path, shares):
    with registered(tmp_path / "registry.db") as found:
        found.store(_wide(WIDE))
        found.connection.execute(ANOTHER)
        if shares:
            found.connection.execute(SHARED, {"context": CONTEXT})

        path = found.find(paths.between(HUB, OTHER, 4))

    assert path.rows <= 2 * (paths.FEW + 1) + (10 if shares else WIDE + 10)
    assert (path.edges and len(path.edges)) == (4 if shares else None)
