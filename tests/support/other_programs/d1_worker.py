"""The Worker of deploy/d1-proxy with real D1 databases, under workerd on this machine."""

import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.other_programs.node import require
from tests.support.other_programs.wrangler import require_wrangler
from tests.support.paths import NPM, ROOT
from tests.support.services.server_process import TIMEOUT_SECONDS

WORKER = ROOT / "deploy" / "d1-proxy" / "worker.js"
TOKEN = "token-of-the-tests"
MOST_DATABASES = 100
END_SECONDS = 10


class D1Worker:
    """A Worker that runs, and as many empty databases as tests want of it.

    `more` starts another one when this has no more of them.
    """

    def __init__(
        self,
        url: str,
        process: subprocess.Popen[str],
        more: "Callable[[], D1Worker] | None" = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.process = process
        self._databases = 0
        self._more = more
        self._next: D1Worker | None = None

    def new_url(self) -> str:
        """The address of the Worker for a database that is empty and that no other test has."""
        if self._databases == MOST_DATABASES:
            assert self._more, "one Worker has no more databases: start another"
            self._next = self._next or self._more()
            return self._next.new_url()
        self._databases += 1
        return f"{self.url}/r{self._databases - 1}"

    def new_database(self) -> str:
        """The same as a URL for `--database`."""
        return database_url(self.new_url())

    def kill(self) -> None:
        """End it with all its processes, as a crash does."""
        _kill(self.process)
        self.process.wait()


def database_url(url: str, token: str = TOKEN) -> str:
    """The URL for `--database` of a Worker at an address of HTTP."""
    scheme, _, rest = url.partition("://")
    return f"d1+{scheme}://{token}@{rest}"


@contextmanager
def running_d1_worker(
    folder: Path | None = None, more: Callable[[], D1Worker] | None = None
) -> Iterator[D1Worker]:
    """The Worker with its databases in memory, or in a folder, which outlives it."""
    require("miniflare")
    command = [require_wrangler(), str(NPM / "d1_worker.mjs"), str(WORKER), TOKEN]
    command += [str(MOST_DATABASES), *([] if folder is None else [str(folder)])]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        process = subprocess.Popen(
            command,
            env=os.environ | {"TMPDIR": temporary},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # workerd is a process of its own
        )
        watchdog = threading.Timer(TIMEOUT_SECONDS, _kill, [process])
        watchdog.start()
        try:
            assert process.stdout
            line = process.stdout.readline()
            watchdog.cancel()
            assert line, "the Worker did not start: see above"
            yield D1Worker(json.loads(line)["url"], process, more)
        finally:
            watchdog.cancel()
            # It ends with its standard input, and leaves the files of its databases whole.
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=END_SECONDS)
            _kill(process)
            process.communicate()


@pytest.fixture(scope="session")
def d1_worker() -> Iterator[D1Worker]:
    """One Worker for all tests of a process: it takes a second to start."""
    with ExitStack() as stack:

        def start() -> D1Worker:
            return stack.enter_context(running_d1_worker(more=start))

        yield start()


def _kill(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
