"""A page of services takes as much work as the page is long, however many services there are."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from db.model.services import SERVICES
from db.program import Statement, rows
from db.queries import json_listings, listings
from db.queries.conditions import EVERYTHING, All, Compare, Condition
from db.queries.listings import Listing, Order, PageRange
from db.security.row_security import UNRESTRICTED, Extent, RowSecurity
from tests.support.registries.read_directly import Registered, registered

FEW, MANY = 10, 10_000
OWNER = "CHITTY-ACTOR-000001-AAAA"
AT = "2026-01-01T00:00:00.000Z"
STORED = """
    WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < :count - 1)
    INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service, target_endpoint,
        created_at, updated_at)
    SELECT n || '.' || value, :owner, 'actor', printf('%05d', n), value, :at, :at
    FROM n, json_each('[1, 2, 3]')
"""
BY_NAME = (Order(SERVICES.key, descending=False),)
MIDDLE = "00004"


def name(number: int) -> str:
    return f"{number:05}"


PAGES: dict[str, tuple[Condition, dict[str, Any], list[int]]] = {
    "the first": (EVERYTHING, {}, [0, 1, 2]),
    "those after a cursor": (EVERYTHING, {"after": (MIDDLE,)}, [5, 6, 7]),
    "the last ones before a cursor": (
        EVERYTHING,
        {"before": (MIDDLE,), "backward": True},
        [3, 2, 1],
    ),
    "those between cursors": (EVERYTHING, {"after": ("00002",), "before": (MIDDLE,)}, [3]),
    "one of this name": (All((Compare("name", "eq", MIDDLE),)), {}, [4]),
    "those that begin so": (All((Compare("name", "starts_with", "0000"),)), {}, [0, 1, 2]),
    "none that begins so": (All((Compare("name", "starts_with", "00:"),)), {}, []),
}


@pytest.fixture(scope="module")
def registries(tmp_path_factory) -> Iterator[list[Registered]]:
    folder = tmp_path_factory.mktemp("services")
    with registered(folder / "few.db") as few, registered(folder / "many.db") as many:
        for found, count in ((few, FEW), (many, MANY)):
            found.drop_triggers()
            found.connection.execute(STORED, {"count": count, "owner": OWNER, "at": AT})
        yield [few, many]


def steps(registries: list[Registered], statement: Statement) -> tuple[list[int], Any]:
    """How many instructions it takes in each of the registries, and what it returns in the larger one."""
    taken = []
    for each in registries:
        answer = each.find(rows(statement))
        taken.append(each.steps)
    return taken, answer


@pytest.mark.parametrize(("where", "page", "numbers"), PAGES.values(), ids=PAGES)
def test_a_page_of_services_takes_no_more_work_for_other_services(registries, where, page, numbers):
    listing = Listing(SERVICES, None, where, live=True)
    page_range = PageRange(BY_NAME, 3, **page)

    plain, answer = steps(registries, listings.page(listing, page_range, []))
    as_json, text = steps(registries, json_listings.page(listing, page_range, ["name"]).alone())

    assert answer == [(None, name(number)) for number in numbers]
    assert orjson.loads(text[0][0]) == [[[name(number)] for number in numbers]]
    for few, many in (plain, as_json):
        assert many <= few + 100


@pytest.mark.parametrize("ahead", [True, False])
def test_whether_the_list_goes_on_takes_no_more_work_either(registries, ahead):
    listing = Listing(SERVICES, None, EVERYTHING, live=True)

    plain, answer = steps(
        registries, listings.extends_past(listing, BY_NAME, (MIDDLE,), [], ahead=ahead)
    )
    as_json, text = steps(
        registries, json_listings.reach(listing, BY_NAME, (MIDDLE,), ahead=ahead).alone()
    )

    assert answer == [(None, 1)]
    assert orjson.loads(text[0][0]) == [1]
    for few, many in (plain, as_json):
        assert many <= few + 100


@pytest.mark.parametrize(("where", "page", "numbers"), PAGES.values(), ids=PAGES)
@pytest.mark.parametrize("extent", [Extent(), Extent(seen=frozenset({"connections"}))])
def test_whoever_sees_a_part_gets_the_same_page(registries, where, page, numbers, extent):
    statement = listings.page(
        Listing(SERVICES, None, where, live=True), PageRange(BY_NAME, 3, **page), []
    )

    owner, operator = (
        registries[0].find(rows(statement), security)
        for security in (RowSecurity(OWNER, extent), UNRESTRICTED)
    )

    assert owner == operator
