"""A real server, in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

COMMAND = (sys.executable, "-c", "import sys; from server.cli import main; sys.exit(main())")
# What a server says is read when it ends, or not: much of it fills a pipe, and stops the server.
QUIET = ("--log-level", "warning")
TIMEOUT_SECONDS = (
    300  # seconds: a busy machine may take long, and only a test that fails waits for all of it
)


@contextmanager
def served(path: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server on a free port, and what it printed; stopped if it outlives the test.

    It and its workers are a process group: killed alone it would leave them behind, and its pipes open.
    """
    process = subprocess.Popen(
        [*COMMAND, "serve", "--database", str(path), "--port", "0", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    assert process.stderr
    try:
        said = ""
        while "Ctrl-C" not in said:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            said += line
        yield process, said
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def url_of(said: str, path: str) -> str:
    """The address of a path on the server that printed this."""
    (root,) = re.findall(r"(http://\S+)/graphql", said)
    return f"{root}{path}"


def workers_of(process: subprocess.Popen[str], count: int) -> list[int]:
    """The processes that serve, oldest first, once there are so many: they start one after the other."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while len(found := _workers_of(process)) != count and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(found) == count, found
    return found


def _workers_of(process: subprocess.Popen[str]) -> list[int]:
    # The parent has one more child, which keeps its books.
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    children = [int(pid) for pid in path.read_text().split()]
    return [pid for pid in children if b"spawn_main" in _command_of(pid)]


def _command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has just ended
        return b""
