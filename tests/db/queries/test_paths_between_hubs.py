"""Paths between hubs that few objects lead on from are the shortest, however little of a hub is looked at."""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from db.model.graph import Place
from db.model.services import SERVICES
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS
from db.queries import hubs, paths
from db.security.row_security import RowSecurity
from tests.db.queries.test_walks import EXTENTS, compare_path
from tests.support.corpus.sharing import ranges
from tests.support.expectations.graph_reference import Graph, Viewer
from tests.support.registries import random_registries
from tests.support.registries.random_registries import Registry
from tests.support.registries.read_directly import registered

HUBS = [Place(SERVICES, name) for name in ("hub 0", "hub 1", "hub 2")]


def between_hubs(seed: int) -> Registry:
    """Each source and each installation has connections to one service only."""
    chance = random.Random(seed)
    made = random_registries.made(
        seed,
        actors=chance.randint(2, 8),
        installations=chance.randint(1, 5),
        contexts=chance.randint(3, 16),
        connections=chance.randint(10, 50),
    )
    count = chance.choice([2, 3])

    def hub(key: object) -> Place:
        return HUBS[random.Random(f"{seed} {key}").randrange(count)]

    links = []
    for number, link in enumerate(made.of(CONNECTIONS)):
        service = hub(link.source_chitty_id)
        app = link.installation_id if hub(link.installation_id) == service else None
        status = "disconnected" if chance.random() < 0.1 else "active"
        links.append(
            replace(
                link,
                target_service=service.key,
                target_endpoint=str(number),
                installation_id=app,
                status=status,
            )
        )
    contexts = [replace(each, status="active") for each in made.of(CONTEXTS)]
    actors = [replace(each, status="active") for each in made.of(ACTORS)]
    rows = {CONTEXTS.name: contexts, ACTORS.name: actors, CONNECTIONS.name: links}
    return Registry({INSTALLATIONS.name: made.of(INSTALLATIONS), **rows})


@pytest.fixture(params=[(2, 20_000), (200, 20_000), (2, 3)], ids=["few", "many", "not all"])
def looked_at(request, monkeypatch) -> None:
    few, most = request.param
    monkeypatch.setattr(paths, "FEW", 1)  # so that almost everything is a hub
    monkeypatch.setattr(hubs, "FEW", few)
    monkeypatch.setattr(hubs, "MOST", most)


@pytest.mark.usefixtures("looked_at")
@pytest.mark.parametrize("seeds", ranges(500, 25, by_default=50))
def test_paths_between_hubs_are_the_shortest(seeds, tmp_path):
    with registered(tmp_path / "registry.db") as found:
        found.drop_triggers()
        for seed in found.each_from_empty(seeds):
            registry = between_hubs(seed)
            found.store(registry)
            extent = EXTENTS[seed % len(EXTENTS)]
            viewer = Viewer(registry.of(ACTORS)[0].chitty_id, extent.seen)
            graph = Graph(registry, viewer)
            for start, end in ends(registry, seed):
                security = RowSecurity(viewer.actor, extent)
                compare_path(found, security, graph, start, end, 4 + seed % 6)


def ends(registry: Registry, seed: int) -> Iterator[tuple[Place, Place]]:
    """Pairs of hubs, and of objects beside them."""
    for start in HUBS:
        for end in HUBS:
            yield start, end
    chance = random.Random(seed)
    links = [Place(CONNECTIONS, each.connection_id) for each in registry.of(CONNECTIONS)]
    for _ in range(6):
        yield chance.choice(links), chance.choice(links)


WIDE = 1_500
LINKED = f"""
    INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)
        VALUES ('CHITTY-ACTOR-000001-AAAA', 'human', '2026', '2026');
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {WIDE})
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at)
        SELECT 'CHITTY-CONTEXT-' || n, n, 'CHITTY-ACTOR-000001-AAAA', '2026', '2026' FROM n;
    INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service, created_at,
        updated_at)
        SELECT 'a ' || chitty_id, chitty_id, 'context', 'hub 0', '2026', '2026' FROM contexts;
    INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service,
        target_endpoint, created_at, updated_at)
        SELECT 'b ' || chitty_id, 'CHITTY-ACTOR-000001-AAAA', 'actor', 'hub 1', name, '2026', '2026'
        FROM contexts;
"""


@pytest.mark.parametrize("turned", [False, True])
def test_hubs_are_linked_by_an_owner_of_contexts_without_being_read(tmp_path, turned):
    with registered(tmp_path / "registry.db") as found:
        found.drop_triggers()
        for statement in LINKED.split(";"):
            found.connection.execute(statement)

        start, end = reversed(HUBS[:2]) if turned else HUBS[:2]
        path = found.find(paths.between(start, end, 20))

    names = [edge.name.name for edge in path.edges]
    assert names == ["TARGETS", "OPENS", "OWNS", "OPENS", "TARGETS"]
    assert path.rows <= 2 * (paths.FEW + 1) + 20
