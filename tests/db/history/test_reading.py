"""What is no longer retained is in no list, and cursors outside what is retained are refused."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from db.errors import BadRequest
from db.history import pruning, reading
from db.queries import log_positions, sealed_sequences
from db.queries.sealed_sequences import Purpose
from schema.fields import global_ids
from tests.support.registries.histories import day
from tests.support.services.api import Api, running

ADA, BOB = "CHITTY-ACTOR-000001-AAAA", "CHITTY-ACTOR-000002-AAAA"
REGISTER = """INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)
    VALUES (:id, 'human', :at, :at)"""
RENAME = "UPDATE actors SET display_name = :name, updated_at = :at WHERE chitty_id = :id"
PAGE = """query ($after: String, $before: String, $last: Int) {
    changes(after: $after, before: $before, last: $last) {
        nodes { operation cause } pageInfo { hasPreviousPage } totalCount
    }
    actors { nodes { history { totalCount nodes { operation } } } }
}"""


@pytest_asyncio.fixture(params=[False, True], ids=["generic", "compiled"])
async def api(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Api]:
    """A registry with the changes 1 and 2, which make Ada and Bob, and 3 to 6, which rename them by turns."""
    async with running(tmp_path / "registry.db", compiled=request.param) as served:
        for number, id_ in enumerate((ADA, BOB), start=1):
            await served.put(REGISTER, id=id_, at=day(number))
        for number, id_ in enumerate((ADA, BOB, ADA, BOB), start=3):
            await served.put(RENAME, id=id_, name=f"name {number}", at=day(number))
        yield served


def cursor(api: Api, sequence: int) -> str:
    key = api.service.operations.cursor_key
    return sealed_sequences.seal(key, sequence, Purpose.CURSOR)


async def prune(api: Api, before: str) -> None:
    await pruning.prune(api.service.db, before)


async def test_what_is_pruned_is_in_no_list_and_no_history(api: Api):
    everything = await api.ask(PAGE)
    ids = (await api.ask("{ changes { nodes { id } } }"))["changes"]["nodes"]
    await prune(api, day(4))

    found = await api.ask(PAGE)
    by_id = await api.ask(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[each["id"] for each in ids]
    )

    assert everything["changes"]["totalCount"] == 6
    assert found["changes"]["totalCount"] == len(found["changes"]["nodes"]) == 3
    assert [each["cause"] for each in found["changes"]["nodes"]] == ["external"] * 3
    assert sum(each["history"]["totalCount"] for each in found["actors"]["nodes"]) == 3
    assert by_id["nodes"] == [None, None, None, *ids[3:]]


async def test_a_cursor_whose_following_changes_are_pruned_is_refused(api: Api):
    await prune(api, day(4))

    refused = await api.post(PAGE, after=cursor(api, 2))
    last_pruned = await api.ask(PAGE, after=cursor(api, 3))
    before = await api.ask(PAGE, before=cursor(api, 2), last=5)

    assert refused["errors"][0]["extensions"]["code"] == "BAD_CURSOR"
    assert "changes after the cursor have been pruned" in refused["errors"][0]["message"]
    assert len(last_pruned["changes"]["nodes"]) == 3
    assert last_pruned["changes"]["pageInfo"]["hasPreviousPage"] is False
    assert before["changes"]["nodes"] == []


async def test_a_position_that_a_subscription_gave_is_taken_like_a_cursor(api: Api):
    await prune(api, day(4))
    key = api.service.operations.cursor_key
    positions = [log_positions.seal(key, number) for number in (2, 3, 6, 7)]

    missed, oldest, newest, future = [await api.post(PAGE, after=each) for each in positions]

    assert [len(each["data"]["changes"]["nodes"]) for each in (oldest, newest)] == [3, 0]
    for refused in (missed, future):
        assert refused["errors"][0]["extensions"]["code"] == "BAD_CURSOR"


def limits(pruned: int, newest: int) -> str:
    return f"[{pruned},{newest}]"


@pytest.mark.parametrize(("after", "before"), [(None, None), (3, 9), (9, 3), (None, 2)])
def test_cursors_within_the_limits_are_taken(after: Any, before: Any):
    reading.check_cursors(after, before, limits(3, 9))


@pytest.mark.parametrize(("after", "before"), [(2, None), (10, None), (None, 10), (3, 10)])
def test_cursors_outside_the_limits_are_refused(after: Any, before: Any):
    with pytest.raises(BadRequest) as refused:
        reading.check_cursors(after, before, limits(3, 9))

    assert refused.value.code == "BAD_CURSOR"


async def test_the_id_of_an_object_finds_its_changes_without_those_that_are_pruned(api: Api):
    await prune(api, day(4))

    found = await api.ask(
        "query ($id: ID) { changes(filter: { entityId: $id }) { nodes { after } } }",
        id=global_ids.of_key("Actor", ADA),
    )

    assert [each["after"]["displayName"] for each in found["changes"]["nodes"]] == ["name 5"]
