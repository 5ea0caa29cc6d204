"""A protected server that is killed and started again, and what clients of it are told meanwhile."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2

from tests.support.registries.databases import new_registry
from tests.support.services.commands import command
from tests.support.services.own_address import own_ports
from tests.support.services.protected_service import bearer
from tests.support.services.server_process import QUIET, TIMEOUT_SECONDS, served, url_of

ADD_ADA = """
    INSERT INTO actors (chitty_id, actor_type, display_name, capabilities, created_at, updated_at)
    VALUES (
        'CHITTY-ACTOR-ADA', 'human', 'Ada', '["audit:read"]', '2026-01-01T00:00:00.000Z',
        '2026-01-01T00:00:00.000Z'
    )
"""
CREATE_CONTEXT = """mutation ($name: String!) {
    createContext(input: { name: $name, owner: "CHITTY-ACTOR-ADA" }) { errors { message } }
}"""
OPEN_CONNECTION = """mutation ($name: String!) {
    openConnection(input: { targetService: $name, source: "CHITTY-ACTOR-ADA" }) { errors { message } }
}"""
# Takes from Ada what she may see of the history.
DEMOTE = """mutation {
    updateActor(input: { chittyId: "CHITTY-ACTOR-ADA", capabilities: [] }) { errors { message } }
}"""


class RestartedServer:
    """A registry with an admin and with Ada, who may see the history of everything.

    `url` is its address whenever it serves.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.host, (self.port,) = own_ports(1)
        self.url = f"http://{self.host}:{self.port}/graphql"
        new_registry(path)
        self.admin = self._created_key("--new-admin", "Root")
        self.change_behind_it(ADD_ADA)
        self.ada = self._created_key("--actor", "CHITTY-ACTOR-ADA")

    @contextmanager
    def serving(self, *flags: str) -> Iterator[int]:
        """A server, as its process."""
        where = ("--auth", "protected", "--host", self.host, "--port", str(self.port), *QUIET)
        with served(self.path, *where, *flags) as (process, said):
            assert url_of(said, "/graphql") == self.url
            yield process.pid

    def change(self, mutation: str, **variables: str) -> None:
        """Have the admin make a change, which must succeed."""
        answer = httpx2.post(
            self.url,
            json={"query": mutation, "variables": variables},
            headers={"authorization": bearer(self.admin)},
            timeout=TIMEOUT_SECONDS,
        ).json()
        (payload,) = answer["data"].values()
        assert payload["errors"] == []

    def change_behind_it(self, sql: str) -> None:
        """Write as another program does."""
        with closing(sqlite3.connect(self.path)) as another, another:
            another.execute(sql)

    def _created_key(self, *options: str) -> str:
        return command("keys", "create", *options, "--database", self.path).stdout.strip()
