"""A real server, in a process of its own."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.services.forked import start_command
from tests.support.services.forking import WORKER

# What a server says is read when it ends, or not: much of it fills a pipe, and stops the server.
QUIET = ("--log-level", "warning")
# A busy machine may take long over what comes first, and may let the tests themselves wait.
UNHURRIED = (
    *("--read-seconds", "60", "--wait-seconds", "60", "--idle-seconds", "60"),
    *("--head-seconds", "60", "--body-seconds", "60", "--answer-seconds", "60"),
)
TIMEOUT_SECONDS = (
    300  # seconds: a busy machine may take long, and only a test that fails waits for all of it
)


@contextmanager
def served(
    database: Path | str,
    *flags: str,
    fork: bool = True,
    under: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server on a free port over a file or URL, and the line that it printed; it does not outlive the test.

    `under` is a command that runs it, as `strace` does, and `environment` is added to that of the tests.
    It and its workers are a process group: killed alone it would leave them behind, and its pipes open.
    """
    process = start_command(
        *("serve", "--database", database, "--port", "0", *flags),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        fork=fork,
        under=under,
        env=os.environ | dict(environment or {}),
    )
    assert process.stdout
    assert process.stderr
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        assert json.loads(line)["event"] == "serving"
        yield process, line
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def url_of(said: str, path: str) -> str:
    """The address of a path on the server that printed this."""
    url: str = json.loads(said)["url"]
    return f"{url.removesuffix('/graphql')}{path}"


def workers_of(process: subprocess.Popen[str], count: int) -> list[int]:
    """The processes that serve, oldest first, once there are so many: they start one after the other."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while len(found := _workers_of(process)) != count and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(found) == count, found
    return found


def end_all(leader: int, how: signal.Signals = signal.SIGKILL) -> None:
    """Signal a server and all its processes, and wait until they have ended: its address is free then."""
    os.killpg(leader, how)
    wait_until_all_ended(leader)


def wait_until_all_ended(leader: int) -> None:
    """Wait until neither a server nor any process that it started is there any more."""
    for process in Path("/proc").glob("[0-9]*"):
        if _group_of(process) == str(leader):
            wait_until_ended(int(process.name))


def wait_until_ended(pid: int) -> None:
    """Wait until a process is no more, and has closed what it had open."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not _has_ended(Path(f"/proc/{pid}")):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _has_ended(process: Path) -> bool:
    # Nobody may take note of its end, where the first process of a container does not. One that is dead
    # keeps its files, and listens, until the last of its threads is gone.
    stat = _stat_of(process)
    if stat and stat[0] != "Z":
        return False
    return len(list((process / "task").glob("*"))) <= 1


def _group_of(process: Path) -> str:
    stat = _stat_of(process)
    return stat[2] if stat else ""


def _stat_of(process: Path) -> list[str]:
    """Its state, its parent, its group and so on (proc(5)), or nothing if it is no more."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):  # it may end while this is read, too
        return []


def _workers_of(process: subprocess.Popen[str]) -> list[int]:
    # The parent has more children: one keeps its books, and one may fork the others.
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [pid for pid in map(int, path.read_text().split()) if _is_worker(pid)]


def _is_worker(pid: int) -> bool:
    process = Path(f"/proc/{pid}")
    try:
        shown = (process / "cmdline").read_text() + (process / "comm").read_text()
    except OSError:  # it has just ended
        return False
    return WORKER in shown
