"""The servers that are compared: how each starts over its own copy of the data, and stops."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import node
from benchmarks.errors import BenchmarkError
from benchmarks.workloads import Workload
from server.setting_fields import PREFIX

HERE = Path(__file__).parent
OURS = (sys.executable, "-c", "import sys; from server.cli import main; sys.exit(main(['serve']))")
START_SECONDS = 30
STOP_SECONDS = 10
PAGE_MAX = "1000"
# The rivals are left to the scheduler: keeping to one CPU is something that this server offers.
OUR_SETTINGS = {"CHITTYGRAPH_PAGE_MAX": PAGE_MAX, "CHITTYGRAPH_PIN_CPUS": "true"}


def _always() -> None:
    """It needs nothing that could be missing."""


@dataclass(frozen=True)
class Contender:
    """A server that can be started; `need` raises BenchmarkError if something that it needs is missing."""

    name: str
    title: str
    command: tuple[str, ...]
    settings: Mapping[str, str]
    need: Callable[[], None] = _always
    only_writes: bool = False

    def with_settings(self, **settings: str) -> "Contender":
        """The same server with other settings of ours."""
        changed = {PREFIX + name.upper(): value for name, value in settings.items()}
        return replace(self, settings={**self.settings, **changed})


MERCURIUS = ("node", str(node.FOLDER / "mercurius.mjs"))
CONTENDERS = (
    Contender("compiled", "ChittyGraph", OURS, OUR_SETTINGS),
    Contender(
        "generic",
        "ChittyGraph, generic execution",
        OURS,
        {**OUR_SETTINGS, "CHITTYGRAPH_COMPILED": "false"},
    ),
    Contender(
        "stock",
        "Strawberry + DataLoader + aiosqlite",
        (sys.executable, "-m", "benchmarks.stock"),
        {},
    ),
    Contender(
        "mercurius",
        "mercurius JIT + better-sqlite3",
        MERCURIUS,
        {},
        need=node.require,
    ),
    # Its writes are durable only so. Reads are the same, so they are not measured twice.
    Contender(
        "mercurius-full",
        "mercurius, synchronous=FULL",
        MERCURIUS,
        {"BENCH_SYNCHRONOUS": "FULL"},
        need=node.require,
        only_writes=True,
    ),
    Contender(
        "yoga",
        "Yoga, graphql-jit + better-sqlite3",
        ("node", str(node.FOLDER / "yoga.mjs")),
        {},
        need=node.require,
    ),
    Contender("ceiling", "ready bytes", (sys.executable, "-m", "benchmarks.ceiling"), {}),
)
BY_NAME = {contender.name: contender for contender in CONTENDERS}


@dataclass(frozen=True)
class Server:
    """A running server."""

    name: str
    title: str
    pid: int
    port: int
    authorization: str = ""

    def path(self, workload: Workload) -> str:
        """The path of a workload's requests: the ceiling has one for each."""
        return f"/{workload.name}" if self.name == "ceiling" else "/graphql"

    def url(self, workload: Workload) -> str:
        """The URL of that path."""
        return f"http://127.0.0.1:{self.port}{self.path(workload)}"


@contextmanager
def running(contender: Contender, data: Path, folder: Path) -> Iterator[Server]:
    """A server over a copy of the data, with its log and its answers in `folder`; always stopped.

    Raises BenchmarkError when it does not start.
    """
    copy = folder / f"{contender.name}.db"
    shutil.copyfile(data, copy)
    port = _free_port()
    with (folder / f"{contender.name}.log").open("w+b") as log:
        process = subprocess.Popen(
            contender.command,
            cwd=HERE.parent,
            env=_environment(contender, copy, port, folder),
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for us, who stop it in order
        )
        try:
            _wait_until_it_listens(contender, process, port, Path(log.name))
            yield Server(contender.name, contender.title, process.pid, port)
        finally:
            _stop(process)
    for file in folder.glob(f"{copy.name}*"):
        file.unlink()


def post(server: Server, workload: Workload, body: str) -> bytes:
    """Send one request and return the answer's bytes; raises BenchmarkError unless it succeeds."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        headers = {"Content-Type": "application/json"}
        if server.authorization:
            headers["Authorization"] = server.authorization
        connection.request("POST", server.path(workload), body.encode(), headers)
        response = connection.getresponse()
        found = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise BenchmarkError(
            f"{server.name} answered {workload.name} with {response.status}: {found[:300]!r}"
        )
    return found


def _environment(contender: Contender, copy: Path, port: int, folder: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    ours = {"CHITTYGRAPH_DATABASE": str(copy), "CHITTYGRAPH_PORT": str(port)}
    rivals = {"BENCH_DATABASE": str(copy), "BENCH_PORT": str(port), "BENCH_ANSWERS": str(folder)}
    return {**inherited, **ours, **rivals, **contender.settings}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_until_it_listens(
    contender: Contender, process: subprocess.Popen[bytes], port: int, log: Path
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    said = log.read_text(errors="replace")[-2000:]
    raise BenchmarkError(f"{contender.name} did not start; it said:\n{said}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
