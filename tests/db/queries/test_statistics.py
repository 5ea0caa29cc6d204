"""Statistics are what adding up in Python gives, for every viewer, however large the counters are."""

import random
from collections import Counter
from typing import Any

import pytest

from db.model.column_types import INT64_MAX
from db.model.enums import ConnectionStatus
from db.model.services import SERVICES
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, TABLES
from db.program import rows
from db.queries import listings, lookups, statistics
from db.queries.conditions import EVERYTHING
from db.queries.listings import Listing, Order, PageRange
from db.queries.statistics import ConnectionStats, RegistryStats
from db.security.row_security import ALL, Extent, RowSecurity
from tests.support.corpus.sharing import ranges
from tests.support.expectations.graph_reference import Viewer
from tests.support.expectations.oracle import ENDED
from tests.support.registries import random_registries
from tests.support.registries.read_directly import Registered, registered

EXTENTS = (Extent(seen=ALL), Extent(), Extent(seen=frozenset({INSTALLATIONS.name})))


@pytest.mark.parametrize("seeds", ranges(300, 30, by_default=30))
def test_they_are_the_sums_over_what_the_viewer_sees(seeds, tmp_path):
    with registered(tmp_path / "registry.db") as found:
        for seed in found.each_from_empty(seeds):
            _compare(seed, found)


def _compare(seed: int, found: Registered) -> None:
    registry = random_registries.made(seed, connections=random.Random(seed).randint(0, 40))
    found.store(registry)
    extent = EXTENTS[seed % len(EXTENTS)]
    viewer = Viewer(registry.of(ACTORS)[0].chitty_id, extent.seen)
    security = RowSecurity(viewer.actor, extent)
    live = {
        table: [row for row in seen if not ENDED[table](row)]
        for table, seen in viewer.sees(registry).items()
    }
    links = live[CONNECTIONS]
    names = sorted({row.target_service for row in links})

    assert found.find(statistics.of_registry(), security) == RegistryStats(
        len(live[ACTORS]), len(live[CONTEXTS]), len(live[INSTALLATIONS]), _sums(links)
    )
    assert found.statements <= len(TABLES) + 1
    assert found.find(statistics.of_services([*names, "none"]), security) == {
        name: _sums([row for row in links if row.target_service == name]) for name in names
    }
    listed = Listing(SERVICES, None, EVERYTHING, live=True)
    page = PageRange((Order(SERVICES.key, descending=False),), 100)
    rows_found = found.find(rows(listings.page(listed, page, [])), security)
    assert [name for _, name in rows_found] == sorted(names, key=lambda name: name.encode())
    assert found.find(rows(listings.count(listed, [])), security) == [(None, len(names))]
    everywhere = sorted({row.target_service for row in registry.of(CONNECTIONS)})
    looked_up = found.find(lookups.by_column(SERVICES, SERVICES.key, everywhere), security)
    assert [row is not None for row in looked_up] == [name in names for name in everywhere]


def _sums(links: list[Any]) -> ConnectionStats:
    by_status = Counter(ConnectionStatus(row.status) for row in links)
    return ConnectionStats(
        len(links),
        dict(by_status),
        min(sum(row.request_count for row in links), INT64_MAX),
        min(sum(row.error_count for row in links), INT64_MAX),
    )
