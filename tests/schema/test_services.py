"""Services are listed by name, found by id, and lead to connections and contexts, on both execution paths."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from db.model.tables import CONNECTIONS, CONTEXTS
from schema.fields import global_ids
from tests.support.expectations.oracle import ENDED
from tests.support.registries import random_registries
from tests.support.services.api import Api, running

pytestmark = pytest.mark.asyncio(loop_scope="module")
REGISTRY = random_registries.made(7)
LINKS = [row for row in REGISTRY.of(CONNECTIONS) if not ENDED[CONNECTIONS](row)]
NAMES = sorted({row.target_service for row in LINKS}, key=lambda name: name.encode())
IDS = [global_ids.of_key("Service", name) for name in NAMES]
PAGE = """
    query ($first: Int, $after: String, $last: Int, $before: String, $filter: StringFilter) {
      services(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
        nodes { name }
        edges { cursor node { id } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        totalCount
      }
    }
"""
LED_TO = """
    query ($ids: [ID!]!) {
      nodes(ids: $ids) {
        __typename
        id
        ... on Service {
          name
          connections(first: 100) { totalCount nodes { connectionId targetService } }
          failed: connections(filter: { status: { eq: FAILED } }) { totalCount }
          contexts(first: 100, orderBy: [{ field: NAME }]) { totalCount nodes { chittyId } }
        }
      }
    }
"""


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=[False, True], ids=["generic", "compiled"]
)
async def api(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Api]:
    path = tmp_path_factory.mktemp("services") / "registry.db"
    async with running(path, compiled=request.param) as api:
        await random_registries.store(api, random_registries.made(7))  # of what the engine can hold
        yield api


async def test_pages_have_every_service_once_in_either_direction(api: Api):
    forwards, after = [], None
    while True:
        page = (await api.ask(PAGE, first=2, after=after))["services"]
        forwards += [node["name"] for node in page["nodes"]]
        assert page["totalCount"] == len(NAMES)
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    backwards: list[str] = []
    before = None
    while True:
        page = (await api.ask(PAGE, last=2, before=before))["services"]
        backwards = [node["name"] for node in page["nodes"]] + backwards
        if not page["pageInfo"]["hasPreviousPage"]:
            break
        before = page["pageInfo"]["startCursor"]

    assert forwards == backwards == NAMES


async def test_they_are_filtered_by_name(api: Api):
    page = (await api.ask(PAGE, filter={"startsWith": "AD", "ignoreCase": True}))["services"]

    assert [node["name"] for node in page["nodes"]] == [
        name for name in NAMES if name.lower().startswith("ad")
    ]
    assert [edge["node"]["id"] for edge in page["edges"]] == [
        id_ for id_, name in zip(IDS, NAMES, strict=True) if name.lower().startswith("ad")
    ]


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"first": 0}, "BAD_PAGE"),
        ({"first": 1, "last": 1}, "BAD_PAGE"),
        ({"after": "x"}, "BAD_CURSOR"),
        ({"filter": {"eq": None}}, "BAD_FILTER"),
    ],
)
async def test_bad_arguments_are_refused_with_a_code(
    api: Api, variables: dict[str, Any], code: str
):
    answer = await api.post(PAGE, **variables)

    assert answer["data"] == {"services": None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == [code]


async def test_they_lead_to_their_connections_and_contexts(api: Api):
    found = (await api.ask(LED_TO, ids=IDS))["nodes"]

    live = {row.chitty_id for row in REGISTRY.of(CONTEXTS) if not ENDED[CONTEXTS](row)}
    for name, node in zip(NAMES, found, strict=True):
        links = [row for row in LINKS if row.target_service == name]
        sources = {row.source_chitty_id for row in links if row.source_type == "context"} & live
        assert (node["__typename"], node["name"]) == ("Service", name)
        assert node["connections"]["totalCount"] == len(links)
        assert {each["connectionId"] for each in node["connections"]["nodes"]} == {
            row.connection_id for row in links
        }
        assert node["failed"]["totalCount"] == sum(row.status == "failed" for row in links)
        assert node["contexts"]["totalCount"] == len(sources)
        assert {each["chittyId"] for each in node["contexts"]["nodes"]} == sources


async def test_a_name_that_no_connection_has_is_no_service(api: Api):
    ids = [global_ids.of_key("Service", name) for name in ("none such", "null")]

    assert (await api.ask(LED_TO, ids=ids))["nodes"] == [None, None]
