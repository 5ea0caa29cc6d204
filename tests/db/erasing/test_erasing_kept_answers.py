"""Answers that are kept for an Idempotency-Key are forgotten if they tell of the person, and not repeated."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from db.erasing import erasure
from db.erasing.erasure import ErasureRequest
from resolvers.idempotency import NOT_REPEATED
from tests.support.registries.persons import EMAIL, NAME, cells_that_name, named_in_bytes
from tests.support.requests.idempotent_requests import CREATE, REGISTER, send
from tests.support.services.api import Api, running

RENAME = """mutation Rename($actor: ChittyID!, $email: String) {
    updateActor(input: { chittyId: $actor, email: $email }) { actor { email } errors { code message } }
}"""
ACTORS, ANSWERS = "SELECT chitty_id FROM actors", "SELECT answer FROM idempotent_answers"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


@pytest.fixture
async def api(file: Path) -> AsyncIterator[Api]:
    async with running(file) as api:
        yield api


async def told(api: Api, request: dict[str, Any], key: str) -> Any:
    """The data of the answer to a request with this key."""
    return json.loads((await send(api, request, key)).body)["data"]


async def register(api: Api) -> str:
    answer = await told(api, {"query": REGISTER, "variables": {"name": NAME}}, "first")
    actor: str = answer["registerActor"]["actor"]["chittyId"]
    variables = {"actor": actor, "email": EMAIL}
    await told(api, {"query": RENAME, "variables": variables}, "second")
    return actor


async def test_an_answer_with_the_persons_row_is_forgotten_and_its_request_not_carried_out_again(
    api, file
):
    actor = await register(api)
    request = {"query": REGISTER, "variables": {"name": NAME}}

    done = erasure.erase(file, ErasureRequest(actor))
    again = await told(api, request, "first")

    assert done.rows["idempotent_answers"] == 2
    assert again["registerActor"]["errors"][0]["message"] == NOT_REPEATED
    assert again["registerActor"]["actor"] is None
    assert await api.rows(ACTORS) == [(actor,)]
    assert cells_that_name(file, NAME, EMAIL) == []
    assert named_in_bytes(file, NAME, EMAIL) == []


async def test_an_answer_with_another_row_that_names_the_person_is_forgotten_too(api, file):
    actor = await register(api)
    owner = await told(api, {"query": REGISTER, "variables": {"name": "Ben"}}, "third")
    ben = owner["registerActor"]["actor"]["chittyId"]
    variables = {"name": f"Mail of {NAME}", "owner": ben}
    await told(api, {"query": CREATE, "variables": variables}, "fourth")

    done = erasure.erase(file, ErasureRequest(actor))

    assert done.rows["idempotent_answers"] == 3
    assert [each.table for each in done.found] == ["contexts", "changes of contexts"]


async def test_answers_about_others_are_kept(api, file):
    actor = await register(api)
    request = {"query": REGISTER, "variables": {"name": "Ben"}}
    before = await told(api, request, "third")

    erasure.erase(file, ErasureRequest(actor))
    again = await told(api, request, "third")

    assert again["registerActor"]["actor"] is not None
    assert again == before
