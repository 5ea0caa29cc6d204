"""Commands in processes of their own, forked from one that has imported the program.

A fork takes milliseconds, and importing most of a second. It is a process like any other: it has its own
files, limits, signals, session and exit code, and is a child of this one. Only what Python does before the
first line of `main` is done already, /proc shows the command line of the process that it was forked from, and
it ends without taking the interpreter apart. The workers that it spawns are forked in the same way.
"""

import atexit
import functools
import gc
import inspect
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from tests.support.paths import ROOT
from tests.support.services import forking

MAIN = "import sys; from server.cli import main; sys.exit(main())"
COMMAND = (sys.executable, "-c", MAIN)
FORKING = "from tests.support.services.forked import fork_on_request; fork_on_request({})"
CAN_FORK = sys.platform == "linux"
_lock = Lock()


def start_command(
    *words: object,
    fork: bool = True,
    under: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    **options: Any,
) -> subprocess.Popen[str]:
    """Start one command; the options are those of Popen about files, cwd and start_new_session.

    `under` is a command that runs it, as `strace` does. Where that is given or the variables concern
    Python itself, the process is never forked.
    """
    argv = [str(word) for word in words]
    if not fork or under or not CAN_FORK or _must_be_there_from_the_start(env):
        return subprocess.Popen([*under, *COMMAND, *argv], text=True, env=env, **options)
    return _Forked(argv, text=True, env=env, **options)


def _must_be_there_from_the_start(env: Mapping[str, str] | None) -> bool:
    changed = dict(env or {}).items() - os.environ.items()
    return any(name.startswith(("PYTHON", "LD_")) for name, _ in changed)


class _Forked(subprocess.Popen[str]):
    def _execute_child(self, *given: Any) -> None:
        start: Any = super()._execute_child  # type: ignore[misc]
        asked = inspect.signature(start).bind(*given).arguments
        request = {
            "words": asked["args"],
            "cwd": os.fspath(asked["cwd"] or Path.cwd()),
            "env": dict(asked["env"] or os.environ),
            "session": asked["start_new_session"],
        }
        ends = [asked[name] for name in ("p2cread", "c2pwrite", "errwrite")]
        files = {number: number if end == -1 else end for number, end in enumerate(ends)}
        with _lock:
            self.pid = forking.fork(_requests(), request, files)
        self._child_created = True
        names = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        close: Any = self._close_pipe_fds  # type: ignore[attr-defined]
        close(*[asked[name] for name in names])


@functools.cache
def _requests() -> socket.socket:
    """Start the process that has imported the program; it reads the requests sent here."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        number = theirs.fileno()
        imported = subprocess.Popen(
            [sys.executable, "-c", FORKING.format(number)], pass_fds=[number], cwd=ROOT
        )

    @atexit.register
    def end() -> None:
        ours.close()
        imported.wait()

    return ours


def fork_on_request(number: int) -> None:
    """Run a command in a process of its own for each request."""
    import server.cli

    _prepare()
    gc.collect()
    gc.freeze()  # so that a fork does not copy what it only collects
    forking.run_command(forking.forked(socket.socket(fileno=number)), server.cli.main)


def _prepare() -> None:
    """Import what commands import once they run, and do what they do alike whatever they are told."""

    from db.migrating import migrator
    from server.cli import parser, serve
    from server.settings import Settings

    serve.server_config(Settings(), 0)
    parser()
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):  # makes a registry, and compares it with what migrations make
            migrator.migrate(Path(folder, "registry.db"))
    tempfile.tempdir = None  # each command finds out by itself where it is
