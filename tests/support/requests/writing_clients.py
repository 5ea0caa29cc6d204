"""Clients that write until the server is gone, what it acknowledged, and what another program then finds."""

import asyncio
import itertools
import signal
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from server.transport.timeouts import STOPPING
from tests.support.registries.databases import elsewhere
from tests.support.services.own_address import own_host
from tests.support.services.server_process import (
    QUIET,
    TIMEOUT_SECONDS,
    UNHURRIED,
    served,
    url_of,
)

CLIENTS = 16
ENOUGH = 200

REGISTER = """
    mutation ($input: RegisterActorInput!) {
        done: registerActor(input: $input) { errors { message } }
    }
"""
CREATE = """
    mutation ($input: CreateContextInput!) {
        done: createContext(input: $input) { errors { message } }
    }
"""
CONNECT = """
    mutation ($input: OpenConnectionInput!) {
        done: openConnection(input: $input) { errors { message } }
    }
"""
DELETE = """
    mutation ($input: ContextRefInput!) {
        done: deleteContext(input: $input) { errors { message } }
    }
"""
# Deleting a context disconnects it in the same transaction.
HALF_DELETED = """
    SELECT contexts.chitty_id FROM contexts
    JOIN connections ON source_chitty_id = contexts.chitty_id
    WHERE (contexts.status = 'deleted') <> (connections.status = 'disconnected')
"""


class Stopping(Exception):
    """The server refuses what came after it was asked to stop."""


@dataclass
class Load:
    """Clients that write one thing after the other, and what the server told them it had done."""

    url: str
    first: int
    acknowledged: set[tuple[str, str]] = field(default_factory=set)
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def client(self, number: int) -> None:
        """Write until the server is gone."""
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            for turn in itertools.count():
                name = f"{self.first + number}-{turn}"
                try:
                    await self.one_of_each(client, name)
                except (httpx2.TransportError, Stopping):
                    return

    async def one_of_each(self, client: httpx2.AsyncClient, name: str) -> None:
        actor, context = f"CHITTY-ACTOR-{_word(name)}", f"CHITTY-CONTEXT-{_word(name)}"
        await self.send(client, REGISTER, "actor", actor, actorType="HUMAN", displayName=name)
        await self.send(client, CREATE, "context", context, name=name, owner=actor, data=[name])
        opened = {"source": context, "targetService": name}
        await self.send(client, CONNECT, "connected", context, **opened)
        await self.send(client, DELETE, "deleted", context)

    async def send(
        self, client: httpx2.AsyncClient, query: str, what: str, chitty_id: str, **given: Any
    ) -> None:
        given = given if query is CONNECT else {"chittyId": chitty_id, **given}
        sent = {"query": query, "variables": {"input": given}}
        response = await client.post(self.url, json=sent)
        if response.status_code == 503 and STOPPING in response.text:
            raise Stopping
        answer = response.json()
        assert answer == {"data": {"done": {"errors": []}}}
        self.acknowledged.add((what, chitty_id))
        if len(self.acknowledged) == ENOUGH:
            self.enough.set()


def _word(name: str) -> str:
    """The name in letters, as a ChittyID in words must be."""
    return name.translate(str.maketrans("0123456789-", "ABCDEFGHIJX"))


async def loaded(path: Path, ending: signal.Signals, first: int = 0) -> tuple[Load, int, str]:
    """Write, end the server in the middle, and say what it had told, its exit code and its log."""
    # Clients that still ask where the server was must not find another program there.
    with served(path, *QUIET, *UNHURRIED, "--host", own_host()) as (process, said):
        load = Load(url_of(said, "/graphql"), first)
        clients = [asyncio.ensure_future(load.client(number)) for number in range(CLIENTS)]
        enough = asyncio.ensure_future(load.enough.wait())
        await asyncio.wait(
            [enough, *clients], timeout=TIMEOUT_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        process.send_signal(ending)
        failures = await asyncio.gather(*clients, return_exceptions=True)
        _, log = await asyncio.to_thread(process.communicate, timeout=TIMEOUT_SECONDS)
        assert failures == [None] * CLIENTS, (failures, log)
        assert load.enough.is_set()
        enough.cancel()
    return load, process.returncode, log


def stored(path: Path) -> set[tuple[str, str]]:
    """What another program finds, in the words of a Load; the file must be sound."""
    with elsewhere(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute(HALF_DELETED).fetchall() == []
        return {
            *_found(connection, "actor", "SELECT chitty_id FROM actors"),
            *_found(connection, "context", "SELECT chitty_id FROM contexts"),
            *_found(connection, "connected", "SELECT source_chitty_id FROM connections"),
            *_found(
                connection, "deleted", "SELECT chitty_id FROM contexts WHERE status = 'deleted'"
            ),
        }


def _found(connection: sqlite3.Connection, what: str, sql: str) -> set[tuple[str, str]]:
    return {(what, chitty_id) for (chitty_id,) in connection.execute(sql)}
