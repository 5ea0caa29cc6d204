"""A stream that cannot go on without a gap says so, and where to go on."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from db.backup import backups, restores
from db.history import pruning
from tests.support.registries.databases import adding, elsewhere
from tests.support.requests.event_streams import ACCEPT, listening
from tests.support.services.local_server import serving
from tests.support.services.server_process import TIMEOUT_SECONDS

pytestmark = pytest.mark.waits

CHANGES = "subscription($after: String) { changes(after: $after) { cursor entityId } }"
CURSORS = "{ changes { edges { cursor } } }"
TRIGGERS = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'actors_history%'"
REGISTER = """
    mutation { registerActor(input: { actorType: AI, displayName: "Ada" }) { errors { code message } } }
"""
FUTURE = "2100-01-01T00:00:00.000Z"


async def cursors(url: str) -> list[str]:
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        answer = await client.post(url, json={"query": CURSORS})
    return [edge["cursor"] for edge in answer.json()["data"]["changes"]["edges"]]


async def refusal(url: str, after: str) -> dict[str, object]:
    """The error that a subscription after this cursor is refused with."""
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        sent = {"query": CHANGES, "variables": {"after": after}}
        answer = await client.post(url, json=sent, headers=ACCEPT)
    assert answer.text.startswith("event: next\n"), answer.text
    (error,) = json.loads(answer.text.split("data: ")[1].split("\n")[0])["errors"]
    told: dict[str, object] = error
    return told


async def test_a_cursor_before_what_is_retained_is_told_where_to_go_on(tmp_path: Path):
    async with serving(tmp_path / "registry.db") as server:
        db = server.app.service.db
        await db.write(adding("ADA", "BERT", "CARL"))
        first, _, last = await cursors(server.url)
        await pruning.prune(db, FUTURE)

        error = await refusal(server.url, first)
        extensions = error["extensions"]
        assert isinstance(extensions, dict)
        assert extensions["code"] == "CHANGES_MISSED"

        async with listening(server.url, CHANGES, after=extensions["cursor"]) as stream:
            change = (await stream.next())["data"]["changes"]
            assert change["cursor"] == last


@pytest.mark.files_only("it restores a file")
async def test_a_cursor_of_a_later_state_of_the_registry_is_refused(tmp_path: Path):
    earlier = tmp_path / "earlier.db"
    async with serving(tmp_path / "registry.db") as server:
        await server.app.service.db.write(adding("ADA"))
        backups.backup(tmp_path / "registry.db", earlier)
        await server.app.service.db.write(adding("BERT"))
        *_, last = await cursors(server.url)

    async with serving(earlier) as server:
        error = await refusal(server.url, last)

    assert error["extensions"] == {"code": "BAD_CURSOR"}
    assert "restore of an earlier backup" in str(error["message"])


@pytest.mark.files_only("it restores a file")
async def test_no_cursor_from_before_a_restore_leads_past_changes(tmp_path: Path):
    registry, earlier = tmp_path / "registry.db", tmp_path / "earlier.db"
    async with serving(registry) as server:
        await server.app.service.db.write(adding("ADA"))
        backups.backup(registry, earlier)
        await server.app.service.db.write(adding("BERT"))
        *_, last = await cursors(server.url)
    restores.restore(earlier, registry)

    async with serving(registry) as server:
        for name in ("CARL", "DORA"):
            await server.app.service.db.write(adding(name))
        error = await refusal(server.url, last)

    assert error["extensions"] == {"code": "BAD_CURSOR"}


@pytest.mark.files_only("it replaces a file")
@pytest.mark.parametrize("how", ["replaced", "removed", "moved with its folder"])
async def test_a_stream_of_a_file_that_is_no_more_at_its_path_ends_and_nothing_is_written_there(
    tmp_path: Path, how: str
):
    folder, other = tmp_path / "data", tmp_path / "other.db"
    folder.mkdir()
    path = folder / "registry.db"
    async with (
        serving(path) as server,
        listening(server.url, CHANGES) as stream,
        httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client,
    ):
        await stream.begun()
        if how == "replaced":
            backups.backup(path, other)
            other.replace(path)
        elif how == "removed":
            path.unlink()
        else:
            folder.rename(tmp_path / "moved")
            folder.touch()  # so that the path leads through a file
        (told,) = (await stream.next())["errors"]
        again = await listens_in_vain(server.url)
        written = await client.post(server.url, json={"query": REGISTER})
        ready = await client.get(server.url.replace("/graphql", "/readyz"))

    (error,) = written.json()["data"]["registerActor"]["errors"]
    for each in (told["message"], again["message"], error["message"]):
        assert "moved or replaced" in each
    assert told["extensions"]["code"] == again["extensions"]["code"] == "UNAVAILABLE"
    assert error["code"] == "UNAVAILABLE"
    assert ready.status_code == 503


async def listens_in_vain(url: str) -> dict[str, Any]:
    """The error with which a new stream ends."""
    async with listening(url, CHANGES) as stream:
        (error,) = (await stream.next())["errors"]
        told: dict[str, Any] = error
        return told


async def test_a_cursor_of_another_registry_is_refused(tmp_path: Path):
    async with serving(tmp_path / "one.db") as server:
        await server.app.service.db.write(adding("ADA"))
        (cursor,) = await cursors(server.url)

    async with serving(tmp_path / "other.db") as server:
        await server.app.service.db.write(adding("ADA"))
        error = await refusal(server.url, cursor)

    assert error["extensions"] == {"code": "BAD_CURSOR"}


async def test_what_changed_while_triggers_were_gone_is_told_after_the_start_that_mends_them(
    tmp_path: Path,
):
    path = tmp_path / "registry.db"
    async with serving(path) as server:
        await server.app.service.db.write(adding("ADA", "BERT"))
        async with listening(server.url, CHANGES) as stream:
            place = stream.last_id
            with elsewhere(path) as other:
                names = other.execute(TRIGGERS).fetchall()
                for (name,) in names:
                    other.execute(f"DROP TRIGGER {name}")
                other.execute("DELETE FROM actors WHERE chitty_id = 'BERT'")
                other.execute("UPDATE actors SET display_name = 'Ada' WHERE chitty_id = 'ADA'")
            async with httpx2.AsyncClient() as client:
                ready = await client.get(server.url.replace("/graphql", "/readyz"))

    async with serving(path) as server:
        headers = {"last-event-id": place}
        query = "subscription { changes { operation after } }"
        async with listening(server.url, query, headers) as stream:
            told = [(await stream.next())["data"]["changes"] for _ in range(2)]

    assert names
    assert ready.status_code == 503
    assert sorted(told, key=str) == [
        {"operation": "DELETED", "after": None},
        {"operation": "UPDATED", "after": {"displayName": "Ada"}},
    ]
