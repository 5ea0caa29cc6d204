"""How long and how many answers are kept for idempotency keys, and what of them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from db.commands import kept_answers
from db.model.instants import canonical
from server.cli import status
from tests.support.engines.engine import present
from tests.support.registries.permissions import registry
from tests.support.requests.idempotent_requests import REGISTER, codes, everything, send
from tests.support.services.api import Api, running
from tests.support.services.prometheus import Scraped


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """A service in open mode over a new registry."""
    async with running(tmp_path / "registry.db") as api:
        yield api


async def test_a_kept_answer_is_forgotten_after_a_day(api: Api):
    request = {"query": REGISTER, "variables": {"name": "Ada"}}
    done = await send(api, request, "one")
    await _age(api, hours=23.9)
    again = await send(api, request, "one")
    await _age(api, hours=24)
    anew = await send(api, request, "one")
    await _age(api, hours=24)
    other = await send(api, request | {"variables": {"name": "Eve"}}, "one")

    assert again == done
    assert anew.body != done.body
    assert other.status == 200


async def _age(api: Api, *, hours: float) -> None:
    """Let all answers have been kept so long ago."""
    at = canonical(datetime.now(UTC) - timedelta(hours=hours))
    await api.put("UPDATE idempotent_answers SET kept_at = :at", at=at)


COPY = """
    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :copies)
    INSERT INTO idempotent_answers (
        viewer, key_sha256, field_sha256, request_sha256, attempt, kept_at, capabilities, answer, bytes
    )
    SELECT viewer, n, field_sha256, request_sha256, n, kept_at, capabilities, answer, :bytes
    FROM idempotent_answers, number
"""


CLAIMS = """
    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 1000)
    INSERT INTO idempotent_answers (
        viewer, key_sha256, field_sha256, request_sha256, attempt, kept_at, capabilities
    )
    SELECT '', n, 'field', 'request', n, :at, '[]' FROM number
"""


async def test_requests_that_were_refused_and_left_no_answer_take_no_place(api: Api):
    """An engine over HTTP keeps the claim of a request that wrote nothing: it cannot undo it."""
    await api.put(CLAIMS, at=canonical(datetime.now(UTC)))

    done = await send(api, {"query": REGISTER, "variables": {"name": "Ada"}}, "one")

    assert codes(done.body) == []


@pytest.mark.parametrize(("copies", "bytes_"), [(999, 1), (16, 1_000_000)])
async def test_a_viewer_has_so_many_answers_at_most(tmp_path: Path, copies: int, bytes_: int):
    async with registry(tmp_path, "admin") as (me, root):
        request = {"query": REGISTER, "variables": {"name": "Ada"}}
        done = await send(me, request, "first")
        await me.put(COPY, copies=copies, bytes=bytes_)
        before = await everything(me)

        full = await send(me, request, "another")
        repeated = await send(me, request, "first")
        without = await me.client.answer(request)
        others = await send(root, request, "another")
        after = await everything(me)
        await _age(me, hours=24)
        later = await send(me, request, "another")

        assert codes(full.body) == ["LIMIT"]
        assert repeated == done
        assert [codes(each.body) for each in (without, others, later)] == [[], [], []]
        assert len(after[0]) == len(before[0]) + 2


async def test_each_write_with_a_key_removes_some_that_are_too_old(api: Api):
    request = {"query": REGISTER, "variables": {"name": "Ada"}}
    await send(api, request, "one")
    await api.put(COPY, copies=999, bytes=1)
    await _age(api, hours=24)

    counts: list[Any] = []
    for key in range(3):
        await send(api, request, f"new-{key}")
        counts += (await api.rows("SELECT count(*) FROM idempotent_answers"))[0]

    step = kept_answers.REMOVED_AT_ONCE
    assert counts == [1000 - step + 1, 1000 - 2 * step + 2, 1000 - 3 * step + 3]


async def test_neither_keys_nor_variables_are_in_the_table(api: Api):
    query = """mutation SecretName($email: String) {
        secretAlias: updateActor(input: { chittyId: "CHITTY-ACTOR-NONE", email: $email }) {
            errors { code }
        }
    }"""
    await send(api, {"query": query, "variables": {"email": "secret@example.org"}}, "secret-key")

    (row,) = await api.rows("SELECT * FROM idempotent_answers")
    assert "secret" not in repr(row).lower()


async def test_metrics_and_status_tell_how_many_answers_are_kept(api: Api, tmp_path: Path):
    async def scraped() -> float:
        return Scraped((await api.client.get("/metrics")).text).total(
            "chittygraph_idempotent_answers"
        )

    before = await scraped()
    await send(api, {"query": REGISTER}, "one")
    await send(api, {"query": REGISTER}, "two")

    assert (before, await scraped()) == (0, 2)
    file = present().file(tmp_path / "registry.db")
    assert status.state(file)["rows"]["idempotent_answers"] == 2


async def test_a_query_ignores_the_key(api: Api):
    for key in ("one", "one", '"'):
        assert (await send(api, {"query": "{ __typename }"}, key)).status == 200
    assert await api.rows("SELECT * FROM idempotent_answers") == []
