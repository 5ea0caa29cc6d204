"""The Worker of deploy/d1-proxy over a local D1 database, under miniflare and workerd from npm."""

import json
import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks import node
from benchmarks.errors import BenchmarkError

FOLDER = node.FOLDER / "d1"
WORKER = Path(__file__).parents[1] / "deploy" / "d1-proxy" / "worker.js"
OF_MINIFLARE = "metadata"  # a file of its own beside the database
END_SECONDS = 20


@cache
def require() -> None:
    """Install miniflare and workerd; raises BenchmarkError if they do not run on this machine."""
    node.install(FOLDER, "miniflare and workerd")


@dataclass(frozen=True)
class Worker:
    """A running Worker: its URL for CHITTYGRAPH_DATABASE, and the process whose children run it."""

    url: str
    pid: int


@contextmanager
def running(database: Path, folder: Path) -> Iterator[Worker]:
    """The Worker over a copy of a SQLite file; always stopped, and its data removed.

    Raises BenchmarkError if it does not start.
    """
    home = folder / "d1"
    home.mkdir()
    token = secrets.token_hex(16)
    try:
        with _serving(home, token) as (url, _):
            _create(url, token)
        _replace(home, database)
        with _serving(home, token) as (url, pid):
            scheme, _, rest = url.partition("://")
            yield Worker(f"d1+{scheme}://{token}@{rest}", pid)
    finally:
        shutil.rmtree(home)


@contextmanager
def _serving(home: Path, token: str) -> Iterator[tuple[str, int]]:
    with home.with_suffix(".log").open("ab") as log:  # workerd tells of each connection that ends
        process = subprocess.Popen(
            ["node", "serve.mjs", str(WORKER), token, str(home)],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # workerd is a process of its own
        )
    try:
        assert process.stdout
        if not (url := process.stdout.readline().strip()):
            said = Path(log.name).read_text(errors="replace")[-2000:]
            raise BenchmarkError(f"miniflare did not start; it said:\n{said}")
        yield url.rstrip("/"), process.pid
    finally:
        # With the end of its standard input it closes the database, whose file is then whole.
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=END_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _create(url: str, token: str) -> None:
    """Have D1 make the file of the database, by writing to it."""
    body = {"session": "first-primary", "statements": [["CREATE TABLE made (id INTEGER)", []]]}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        response.read()


def _replace(home: Path, database: Path) -> None:
    """Put the rows of a file into the one that D1 has made."""
    (made,) = (each for each in home.rglob("*.sqlite") if each.stem != OF_MINIFLARE)
    for each in made.parent.glob(f"{made.name}*"):
        each.unlink()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("VACUUM INTO ?", [str(made)])
