"""The clients that people use for live changes, from npm, against a server that is killed meanwhile.

They run in Node or in a page of Chromium: see tests/npm/live_clients.mjs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.other_programs.chromium import bundled, require_browser
from tests.support.other_programs.node import RunningScript, running_script
from tests.support.services.restarted_server import CREATE_CONTEXT, DEMOTE, RestartedServer
from tests.support.services.server_process import end_all

IN_NODE = ("graphql-ws", "graphql-sse", "graphql-sse on one connection")
IN_PAGES = (*IN_NODE, "urql", "apollo", "eventSource")


@pytest.fixture
def server(tmp_path: Path) -> RestartedServer:
    return RestartedServer(tmp_path / "registry.db")


@contextmanager
def listening(client: str, server: RestartedServer, *browser: str) -> Iterator[RunningScript]:
    """A client with Ada's key that listens to changes of contexts from now on."""
    arguments = client, server.url, server.ada, *browser
    with running_script("graphql-ws", "live.mjs", *arguments) as listener:
        assert listener.hear()["after"]
        yield listener


def change(told: dict[str, Any]) -> tuple[str, str]:
    """What was changed: the operation, and the name of the context."""
    return told["change"]["operation"], told["change"]["entity"]["name"]


def misses_nothing(server: RestartedServer, client: str, *browser: str) -> None:
    """Check what a client is told while its server is killed, and when it loses its rights."""
    with server.serving() as pid, listening(client, server, *browser) as listener:
        server.change(CREATE_CONTEXT, name="first")
        server.change(CREATE_CONTEXT, name="second")
        before = [change(listener.hear()) for _ in range(2)]

        end_all(pid)
        server.change_behind_it("UPDATE contexts SET name = 'renamed' WHERE name = 'first'")
        with server.serving():
            server.change(CREATE_CONTEXT, name="third")
            missed = [change(listener.hear()) for _ in range(2)]
            server.change(CREATE_CONTEXT, name="fourth")
            live = change(listener.hear())
            server.change(DEMOTE)
            ((refusal,),) = listener.hear().values()

    assert before == [("CREATED", "first"), ("CREATED", "second")]
    assert missed == [("UPDATED", "renamed"), ("CREATED", "third")]
    assert live == ("CREATED", "fourth")
    assert refusal["extensions"]["code"] == "FORBIDDEN"
    assert "audit:read" in refusal["message"]


@pytest.mark.parametrize("client", IN_NODE)
def test_a_client_in_node_misses_nothing_and_is_told_when_it_loses_its_rights(
    server: RestartedServer, client: str
):
    misses_nothing(server, client)


@pytest.mark.thorough
@pytest.mark.parametrize("client", IN_PAGES)
def test_a_client_in_a_page_misses_nothing_and_is_told_when_it_loses_its_rights(
    server: RestartedServer, tmp_path: Path, client: str
):
    script = bundled("live_clients.mjs", tmp_path / "clients.js")

    misses_nothing(server, client, require_browser(), str(script))
