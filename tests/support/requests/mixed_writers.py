"""Writers of all kinds: mutations, deliveries of GitHub, `chittygraph import` and another program's SQL.

Those that ask the server send what was not answered again, until it is. A key, a ChittyID of their own or the
delivery's id has it carried out once.
"""

import asyncio
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from server.endpoints import github_webhooks
from tests.support.other_programs.github_payloads import headers_of
from tests.support.registries.databases import elsewhere
from tests.support.requests.resuming_listeners import Place
from tests.support.services.commands import command_process
from tests.support.services.server_process import TIMEOUT_SECONDS

REGISTER = """
    mutation ($id: ChittyID) {
        done: registerActor(input: { actorType: AI, chittyId: $id }) { errors { code } }
    }
"""
ADD = """
    INSERT INTO actors (chitty_id, actor_type, display_name, created_at, updated_at)
    VALUES (:name, 'ai', :name, '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')
"""
CHANGE = "UPDATE actors SET display_name = :new WHERE chitty_id = :name"
REMOVE = "DELETE FROM actors WHERE chitty_id = :name"
AGAIN_SECONDS = 0.02
ROWS_OF_FILE = 50
KEYED_EACH = 6  # of the numbers, of which mutations get half
AT_ONCE = 4
LETTERS = str.maketrans("0123456789", "ABCDEFGHIJ")  # of which ChittyIDs in words are made


@dataclass
class Writers:
    """`count` writes; `written` counts those that were acknowledged."""

    place: Place
    database: Path
    folder: Path
    count: int
    written: int = 0
    grown: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def write(self) -> None:
        """Make all of the writes, half of them by mutations; they are all done when this returns."""
        sixth = self.count // 6
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            await asyncio.gather(
                self._repeat(sixth, lambda: self._deliver(client)),
                self._repeat(sixth, self._execute),
                self._import(sixth),
                *(
                    self._repeat(part, lambda: self._mutate(client))
                    for part in _parts(self.count - 3 * sixth, AT_ONCE)
                ),
            )

        async with asyncio.timeout(TIMEOUT_SECONDS):
            while self._is_any_waiting():  # noqa: ASYNC110 - the server tells of no end
                await asyncio.sleep(AGAIN_SECONDS)

    def _is_any_waiting(self) -> bool:
        """Whether the id of an installation is still to be minted."""
        with elsewhere(self.database) as other:
            return other.execute("SELECT 1 FROM waiting_installations").fetchone() is not None

    async def have_written(self, count: int) -> None:
        """Wait until so many writes were acknowledged."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while self.written < count:
                self.grown.clear()
                await self.grown.wait()

    async def _repeat(self, times: int, write: Callable[[], Any]) -> None:
        for _ in range(times):
            await write()
            self._note(1)

    def _note(self, count: int) -> None:
        self.written += count
        self.grown.set()

    async def _mutate(self, client: httpx2.AsyncClient) -> None:
        number = next(self._numbers)
        chitty_id = f"CHITTY-ACTOR-{str(number).translate(LETTERS)}"
        # A server keeps 1,000 answers of a viewer: the others are told that they were sent before.
        has_key = number % KEYED_EACH == 0
        keys = {"idempotency-key": f'"{number}"'} if has_key else {}
        variables = {} if has_key else {"id": chitty_id}
        body = json.dumps({"query": REGISTER, "variables": variables}).encode()
        headers = {"content-type": "application/json", **keys}
        answer = await self._sent(client, "/graphql", body, headers)
        errors = [each["code"] for each in answer.json()["data"]["done"]["errors"]]
        assert errors in ([], [] if has_key else ["ALREADY_EXISTS"]), answer.text

    async def _deliver(self, client: httpx2.AsyncClient) -> None:
        number = 1 + next(self._numbers)
        body = json.dumps(_created(number)).encode()
        headers = headers_of(body, "installation", f"delivery-{number}")
        await self._sent(client, github_webhooks.PATH, body, headers)

    async def _sent(
        self, client: httpx2.AsyncClient, path: str, body: bytes, headers: dict[str, str]
    ) -> httpx2.Response:
        """The answer of whichever server gives one."""
        while True:
            url = self.place.url.removesuffix("/graphql") + path
            try:
                answer = await client.post(url, content=body, headers=headers)
            except httpx2.TransportError:
                await asyncio.sleep(AGAIN_SECONDS)  # the next server is not there yet
                continue
            # 202: what a killed server had begun with is for another one to end.
            assert answer.status_code in (200, 202), answer.text
            return answer

    async def _execute(self) -> None:
        """Add, change and remove a row, each in a transaction of its own, in turn."""
        number = next(self._numbers)
        name = f"CHITTY-ACTOR-X{number:06}-AAAA"
        await asyncio.to_thread(self._execute_now, name, number % 3)

    def _execute_now(self, name: str, more: int) -> None:
        with elsewhere(self.database) as other:
            other.execute(f"PRAGMA busy_timeout = {1000 * TIMEOUT_SECONDS}")
            other.execute(ADD, {"name": name})
            if more:
                other.execute(CHANGE, {"name": name, "new": "changed"})
            if more > 1:
                other.execute(REMOVE, {"name": name})

    async def _import(self, count: int) -> None:
        for part in _parts(count, -(-count // ROWS_OF_FILE)):
            first = next(self._numbers)
            file = self.folder / f"rows-{first}.jsonl"
            with file.open("w") as rows:
                for number in range(part):
                    name = f"CHITTY-ACTOR-I{first:06}-{number:04}"
                    row = {"type": "actors", "chitty_id": name, "actor_type": "ai"}
                    rows.write(json.dumps(row) + "\n")
            done = await asyncio.to_thread(
                command_process, "import", file, "--database", self.database
            )
            assert done.returncode == 0, done.stderr
            self._note(part)


def _parts(count: int, parts: int) -> list[int]:
    """The count in so many parts, of nearly the same size."""
    return [count // parts + (number < count % parts) for number in range(parts)] if parts else []


def _created(number: int) -> dict[str, Any]:
    """What GitHub sends when an account installs the app."""
    account = {"id": number, "login": f"account-{number}", "type": "Organization"}
    return {
        "action": "created",
        "installation": {
            "id": number,
            "account": account,
            "target_type": "Organization",
            "repository_selection": "all",
            "permissions": {"contents": "read"},
            "events": ["push"],
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
            "suspended_at": None,
        },
        "repositories": [],
    }
