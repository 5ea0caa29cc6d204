"""A real server, in a process of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

COMMAND = (sys.executable, "-c", "import sys; from server.cli import main; sys.exit(main())")
# What a server says is read when it ends, or not: much of it fills a pipe, and stops the server.
QUIET = ("--log-level", "warning")
PATIENCE = 60  # seconds: a worker may take twenty to begin where other tests run beside it


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


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The processes that serve, oldest first; the parent has one more child, which keeps its books."""
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    children = [int(pid) for pid in path.read_text().split()]
    return [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
