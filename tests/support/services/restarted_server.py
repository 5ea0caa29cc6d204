"""A protected server that is killed and started again, and what clients of it are told meanwhile."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from tests.support.registries.databases import new_registry
from tests.support.services.commands import command
from tests.support.services.own_address import own_host
from tests.support.services.protected_service import bearer
from tests.support.services.server_process import QUIET, TIMEOUT_SECONDS, served, url_of

REGISTER = """mutation { registerActor(input: {
    chittyId: "CHITTY-ACTOR-ADA", actorType: HUMAN, displayName: "Ada", capabilities: ["audit:read"]
}) { errors { message } } }"""
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
    """A registry with an admin and with Ada, who may see the history of everything."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.host, self.url, self.port = own_host(), "", "0"
        new_registry(path)
        self.admin = self._created_key("--new-admin", "Root")
        with self.serving():
            self.change(REGISTER)
        self.ada = self._created_key("--actor", "CHITTY-ACTOR-ADA")

    @contextmanager
    def serving(self, *flags: str) -> Iterator[int]:
        """A server, as its process; its address, `url`, is the same each time."""
        where = ("--auth", "protected", "--host", self.host, "--port", self.port, *QUIET)
        with served(self.path, *where, *flags) as (process, said):
            self.url = url_of(said, "/graphql")
            self.port = str(urlsplit(self.url).port)
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
