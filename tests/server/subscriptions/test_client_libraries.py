"""The clients that people use for live changes, from npm, against a server that is killed meanwhile.

They run in Node or in a page of Chromium: see tests/npm/live_clients.mjs.
"""

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.support.other_programs.chromium import bundled, require_browser
from tests.support.other_programs.node import RunningScript, running_script
from tests.support.registries.databases import new_registry
from tests.support.services.commands import command
from tests.support.services.protected_service import bearer
from tests.support.services.server_process import QUIET, TIMEOUT_SECONDS, served, url_of

IN_NODE = ("graphql-ws", "graphql-sse", "graphql-sse on one connection")
IN_PAGES = (*IN_NODE, "urql", "apollo", "eventSource")
REGISTER = """mutation { registerActor(input: {
    chittyId: "CHITTY-ACTOR-ADA", actorType: HUMAN, displayName: "Ada", capabilities: ["audit:read"]
}) { errors { message } } }"""
CREATE = """mutation ($name: String!) {
    createContext(input: { name: $name, owner: "CHITTY-ACTOR-ADA" }) { errors { message } }
}"""
DEMOTE = """mutation {
    updateActor(input: { chittyId: "CHITTY-ACTOR-ADA", capabilities: [] }) { errors { message } }
}"""


class Registry:
    """A protected registry with an admin and with Ada, who may see the history of everything."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.port = "0"
        new_registry(path)
        self.admin = self._created_key("--new-admin", "Root")
        with self.serving() as (_, url):
            self.change(url, REGISTER)
        self.ada = self._created_key("--actor", "CHITTY-ACTOR-ADA")

    @contextmanager
    def serving(self) -> Iterator[tuple[int, str]]:
        """A server, and its address: the same each time."""
        flags = ("--auth", "protected", "--port", self.port, *QUIET)
        with served(self.path, *flags) as (process, said):
            url = url_of(said, "/graphql")
            self.port = str(urlsplit(url).port)
            yield process.pid, url

    def change(self, url: str, mutation: str, **variables: str) -> None:
        """Have the admin make a change, which must succeed."""
        answer = httpx2.post(
            url,
            json={"query": mutation, "variables": variables},
            headers={"authorization": bearer(self.admin)},
            timeout=TIMEOUT_SECONDS,
        ).json()
        (payload,) = answer["data"].values()
        assert payload["errors"] == []

    def _created_key(self, *options: str) -> str:
        return command("keys", "create", *options, "--database", self.path).stdout.strip()


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry.db")


@contextmanager
def listening(client: str, url: str, registry: Registry, *browser: str) -> Iterator[RunningScript]:
    """A client with Ada's key that listens to changes of contexts from now on."""
    with running_script("graphql-ws", "live.mjs", client, url, registry.ada, *browser) as listener:
        assert listener.hear()["after"]
        yield listener


def change(told: dict[str, Any]) -> tuple[str, str]:
    """What was changed: the operation, and the name of the context."""
    return told["change"]["operation"], told["change"]["entity"]["name"]


def misses_nothing(registry: Registry, client: str, *browser: str) -> None:
    """Check what a client is told while its server is killed, and when it loses its rights."""
    with registry.serving() as (pid, url), listening(client, url, registry, *browser) as listener:
        registry.change(url, CREATE, name="first")
        registry.change(url, CREATE, name="second")
        before = [change(listener.hear()) for _ in range(2)]

        os.killpg(pid, signal.SIGKILL)
        with closing(sqlite3.connect(registry.path)) as another, another:
            another.execute("UPDATE contexts SET name = 'renamed' WHERE name = 'first'")
        with registry.serving() as (_, again):
            registry.change(again, CREATE, name="third")
            missed = [change(listener.hear()) for _ in range(2)]
            registry.change(again, CREATE, name="fourth")
            live = change(listener.hear())
            registry.change(again, DEMOTE)
            ((refusal,),) = listener.hear().values()

    assert again == url
    assert before == [("CREATED", "first"), ("CREATED", "second")]
    assert missed == [("UPDATED", "renamed"), ("CREATED", "third")]
    assert live == ("CREATED", "fourth")
    assert refusal["extensions"]["code"] == "FORBIDDEN"
    assert "audit:read" in refusal["message"]


@pytest.mark.parametrize("client", IN_NODE)
def test_a_client_in_node_misses_nothing_and_is_told_when_it_loses_its_rights(
    registry: Registry, client: str
):
    misses_nothing(registry, client)


@pytest.mark.thorough
@pytest.mark.parametrize("client", IN_PAGES)
def test_a_client_in_a_page_misses_nothing_and_is_told_when_it_loses_its_rights(
    registry: Registry, tmp_path: Path, client: str
):
    script = bundled("live_clients.mjs", tmp_path / "clients.js")

    misses_nothing(registry, client, require_browser(), str(script))
