"""A primary, the litestream beside it, and replicas that follow it: all in processes of their own."""

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from db.replica.copies import Copies
from tests.support.other_programs import litestream
from tests.support.registries.databases import new_registry
from tests.support.running.waiting import wait_until
from tests.support.services.commands import command
from tests.support.services.server_process import (
    QUIET,
    TIMEOUT_SECONDS,
    UNHURRIED,
    served,
    url_of,
)

LAG, MARK = "x-chittygraph-lag", "x-chittygraph-mark"
HEARTBEAT = ("--heartbeat-seconds", "0.3")
REGISTER = """
    mutation ($name: String!) {
        registerActor(input: { actorType: HUMAN, displayName: $name }) {
            actor { displayName chittyId } errors { code message }
        }
    }
"""
NAMES = "{ actors(first: 100) { nodes { displayName } } }"
ACTORS = "SELECT 1 FROM actors WHERE display_name = ?"


@dataclass
class Server:
    """One of them, as its clients see it; with a key in protected mode."""

    process: subprocess.Popen[str]
    url: str
    database: Path
    key: str | None = None

    @property
    def base(self) -> str:
        return self.url.removesuffix("/graphql")

    def post(
        self,
        query: str,
        headers: Mapping[str, str] | None = None,
        *,
        key: str | None = None,
        **variables: Any,
    ) -> httpx2.Response:
        shown = self.key if key is None else key
        credential = {} if shown is None else {"authorization": f"Bearer {shown}"}
        sent = {"query": query, "variables": variables}
        return httpx2.post(
            self.url,
            json=sent,
            headers=credential | dict(headers or {}),
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(f"{self.base}{path}", timeout=TIMEOUT_SECONDS, trust_env=False)

    def register(self, name: str, **headers: str) -> httpx2.Response:
        named = {each.replace("_", "-"): value for each, value in headers.items()}
        return self.post(REGISTER, named, name=name)

    def names(self, headers: Mapping[str, str] | None = None) -> set[str]:
        """The names of all actors."""
        answer = self.post(NAMES, headers)
        assert answer.status_code == 200, answer.text
        return {node["displayName"] for node in answer.json()["data"]["actors"]["nodes"]}

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def primary(database: Path, *flags: str, is_protected: bool = False) -> Iterator[Server]:
    """A server that writes heartbeats."""
    new_registry(database)
    key = None
    if is_protected:
        made = command("keys", "create", "--new-admin", "Root", "--database", database)
        key, flags = made.stdout.strip(), (*flags, "--auth", "protected")
    with served(database, *QUIET, *UNHURRIED, *HEARTBEAT, *flags) as (process, said):
        yield Server(process, url_of(said, "/graphql"), database, key)


@contextmanager
def replica(
    database: Path, bucket: Path | str, of: Server, *flags: str, waits: bool = True
) -> Iterator[Server]:
    """A server that follows another one's copies in the bucket; it `waits` until it is ready."""
    following = ("--replica-of", str(bucket), "--primary", of.base)
    program = ("--litestream", litestream.require_litestream())
    if of.key is not None:
        flags = (*flags, "--auth", "protected")
    with served(database, *QUIET, *UNHURRIED, *following, *program, *flags) as (process, said):
        server = Server(process, url_of(said, "/graphql"), database, of.key)
        if waits:
            wait_until(lambda: server.get("/readyz").status_code == 200)
        yield server


@dataclass
class Pair:
    """A primary and its replica."""

    primary: Server
    replica: Server
    litestream: subprocess.Popen[str]
    bucket: Path

    def copied(self, name: str) -> bool:
        """Whether the replica's copy has an actor of this name."""
        copy = Copies(self.replica.database).current()
        with closing(sqlite3.connect(f"file:{copy}?mode=ro", uri=True)) as connection:
            found = connection.execute(ACTORS, (name,)).fetchone()
        return found is not None


@contextmanager
def pair(
    folder: Path,
    *flags: str,
    primary_flags: tuple[str, ...] = (),
    is_protected: bool = False,
) -> Iterator[Pair]:
    """Both, with the flags of the replica."""
    litestream.require_litestream()
    bucket = folder / "bucket"
    with ExitStack() as stack:
        first = stack.enter_context(
            primary(folder / "primary.db", *primary_flags, is_protected=is_protected)
        )
        copying = stack.enter_context(litestream.replicating(first.database, bucket))
        second = stack.enter_context(replica(folder / "replica.db", bucket, first, *flags))
        yield Pair(first, second, copying, bucket)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Have a process stand still meanwhile, as one that hangs."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def lag_of(answer: httpx2.Response) -> float:
    return float(answer.headers[LAG])


def processes_of(database: Path, word: str) -> list[int]:
    """The processes with this word in their command line that work for the replica at this path."""
    found = []
    for each in Path("/proc").iterdir():
        if not each.name.isdecimal():
            continue
        try:
            line = (each / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        if word in line and str(database) in line:
            found.append(int(each.name))
    return found


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]
