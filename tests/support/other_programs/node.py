"""Programs of npm, run by Node against a real server."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.paths import NPM
from tests.support.services.server_process import TIMEOUT_SECONDS

SECONDS = 900


def require(package: str) -> str:
    """The command of node; skips the test where it or the package is missing."""
    node = shutil.which("node")
    if node is None or not (NPM / "node_modules" / package).exists():
        pytest.skip(f"node or {package} is missing: install Node and run `npm ci` in tests/npm/")
    return node


def run_script(package: str, script: str, *arguments: str) -> str:
    """What a script of this folder, which imports the package, prints; it must succeed."""
    ran = subprocess.run(
        [require(package), str(NPM / script), *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


class RunningScript:
    """A script that prints lines of JSON until it is stopped."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def hear(self) -> Any:
        """What the next line says."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr
            pytest.fail(f"the script has ended:\n{self._process.stderr.read()}")
        return json.loads(line)


@contextmanager
def running_script(package: str, script: str, *arguments: str) -> Iterator[RunningScript]:
    """A script of this folder, which imports the package and ends with its standard input."""
    process = subprocess.Popen(
        [require(package), str(NPM / script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(TIMEOUT_SECONDS, process.kill)
    watchdog.start()
    try:
        yield RunningScript(process)
    finally:
        watchdog.cancel()
        try:
            process.communicate(timeout=SECONDS)
        finally:
            process.kill()
            process.communicate()
