"""Running servers: how one starts over its own copy of the data, and stops."""

import http.client
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import CEILING, Contender
from benchmarks.errors import BenchmarkError
from benchmarks.registries import Registry
from benchmarks.workloads import Workload
from db.migrating import history_triggers
from db.migrating.history_triggers import HISTORIED
from server.setting_fields import PREFIX

HERE = Path(__file__).parent
STOP_SECONDS = 10


@dataclass(frozen=True)
class Server:
    """A running server."""

    contender: Contender
    registry: Registry
    pid: int
    port: int
    engine_pids: tuple[int, ...] = ()  # of the processes that keep its data, if it does not itself

    @property
    def name(self) -> str:
        """The contender's name."""
        return self.contender.name

    @property
    def headers(self) -> dict[str, str]:
        """The headers that every request to it has."""
        credential = self.registry.credentials.get(self.contender.viewer, "")
        return {**self.contender.headers, **({"Authorization": credential} if credential else {})}

    def path(self, workload: Workload) -> str:
        """The path of a workload's requests: the ceiling has one for each."""
        return f"/{workload.name}" if self.name == CEILING else "/graphql"

    def url(self, workload: Workload) -> str:
        """The URL of that path."""
        return f"http://127.0.0.1:{self.port}{self.path(workload)}"

    def bodies(self, workload: Workload) -> list[str]:
        """The bodies of a workload's requests, over the rows and in the spelling of this server."""
        asked = self.registry.asked(workload)
        return self.contender.spelled(asked).bodies(self.registry.size)


@contextmanager
def running(
    contender: Contender, registry: Registry, folder: Path, engine_pids: tuple[int, ...] = ()
) -> Iterator[Server]:
    """A server over a copy of the registry, with its log and its answers in `folder`; always stopped.

    Raises BenchmarkError when it does not start.
    """
    copy = folder / f"{contender.name}.db"
    shutil.copyfile(registry.path, copy)
    if contender.is_rival and not contender.keeps_history:
        # SQLite 3.40 fails the first RETURNING after another process has changed a schema with FTS5.
        _drop_history_triggers(copy)
    port = _free_port()
    with (folder / f"{contender.name}.log").open("w+b") as log:
        process = subprocess.Popen(
            contender.command,
            cwd=contender.home,
            env=_environment(contender, copy, port, folder),
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for us, who stop it in order
        )
        try:
            _wait_until_it_answers(contender, process, port, Path(log.name))
            if not contender.is_rival and not contender.keeps_history:
                # Only now: at its start our server mends what is missing.
                _drop_history_triggers(copy)
            yield Server(contender, registry, process.pid, port, engine_pids)
        finally:
            _stop(process)
    for file in folder.glob(f"{copy.name}*"):
        file.unlink()


def post(server: Server, workload: Workload, body: str) -> bytes:
    """Send one request and return the answer's bytes; raises BenchmarkError unless it succeeds."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        headers = {"Content-Type": "application/json", **server.headers}
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


def _drop_history_triggers(database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for table in HISTORIED:
            for name in history_triggers.names(table):
                connection.execute(f"DROP TRIGGER IF EXISTS {name}")


def _environment(contender: Contender, copy: Path, port: int, folder: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    ours = {"CHITTYGRAPH_DATABASE": str(copy), "CHITTYGRAPH_PORT": str(port)}
    rivals = {"BENCH_DATABASE": str(copy), "BENCH_PORT": str(port), "BENCH_ANSWERS": str(folder)}
    return {**inherited, **ours, **rivals, **contender.settings}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_until_it_answers(
    contender: Contender, process: subprocess.Popen[bytes], port: int, log: Path
) -> None:
    deadline = time.monotonic() + contender.start_seconds
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=1)) as connection:
                connection.request("GET", "/")
                connection.getresponse()
                return
        except (OSError, http.client.HTTPException):
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
