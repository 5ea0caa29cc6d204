"""Drives load with a real load generator: wrk, or autocannon from npm if wrk is missing."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from benchmarks import node
from benchmarks.errors import BenchmarkError

SCRIPT = Path(__file__).parent / "wrk.lua"
LONGEST_SECONDS = 600
GRACE_SECONDS = 90
# How many times as long a run lasts at first, and if no answer came.
PATIENCE = (1, 5)
# wrk sleeps on if the signal comes just before it sleeps.
AGAIN_SECONDS = 0.2
WRK, AUTOCANNON = "wrk", "autocannon"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})

_runs = itertools.count(1)


@dataclass(frozen=True)
class Load:
    """The result of one run, whose answers were all right."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        """Responses per second."""
        return self.requests / self.seconds


class NoAnswer(BenchmarkError):
    """Raised if no answer came: the machine may be that busy."""


class Generator:
    """A running load generator, until `finish`."""

    def __init__(
        self, url: str, bodies: Path, *, clients: int, headers: Mapping[str, str] = NO_HEADERS
    ) -> None:
        self._what = f"{url} with {clients} clients"
        run = f"{os.getpid()}-{next(_runs)}"
        self._process = subprocess.Popen(
            _command(url, bodies, clients, run, headers),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        if require() == AUTOCANNON:  # until then SIGINT would end it without a word
            assert self._process.stdout
            self._process.stdout.readline()

    def __enter__(self) -> "Generator":
        """Usable in a with statement, which ends it in any case."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no process behind."""
        self._process.kill()
        self._process.communicate()

    def finish(self) -> Load:
        """Stop it and return what it measured; raises BenchmarkError if any answer was wrong or none came."""
        said, complaint = self._stop()
        found = [line for line in said.splitlines() if line.startswith("{")]
        if not found:
            raise BenchmarkError(
                f"the load generator failed at {self._what}: {(complaint or said).strip()}"
            )
        measured = json.loads(found[-1])
        if measured["bad"] or measured["lost"]:
            raise BenchmarkError(
                f"{self._what}: {measured['bad']} wrong answers and {measured['lost']} lost"
                f" connections, as {measured['example']!r}"
            )
        if not measured["requests"]:
            raise NoAnswer(f"{self._what}: no answer came; give it more --seconds")
        return Load(*(measured[name] for name in ("requests", "seconds", "p50_ms", "p99_ms")))

    def _stop(self) -> tuple[str, str]:
        """What it says in the end; raises BenchmarkError if it does not end."""
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline:
            self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                return self._process.communicate(timeout=AGAIN_SECONDS)
        raise BenchmarkError(f"the load generator does not stop at {self._what}")


def run(
    url: str,
    bodies: Path,
    *,
    clients: int,
    seconds: float,
    headers: Mapping[str, str] = NO_HEADERS,
) -> Load:
    """Load a server for so long, or longer if no answer comes; raises BenchmarkError as `finish` does."""
    for patience in PATIENCE:
        with suppress(NoAnswer):
            return _run(url, bodies, clients, seconds * patience, headers)
    return _run(url, bodies, clients, seconds * PATIENCE[-1], headers)


def _run(url: str, bodies: Path, clients: int, seconds: float, headers: Mapping[str, str]) -> Load:
    with Generator(url, bodies, clients=clients, headers=headers) as generator:
        time.sleep(seconds)
        return generator.finish()


def require() -> str:
    """The load generator's name; raises BenchmarkError when there is none."""
    if shutil.which(WRK):
        return WRK
    try:
        node.require()
    except BenchmarkError as unfit:
        raise BenchmarkError(
            f"wrk is missing (on Debian: apt install wrk), and so is Node: {unfit}"
        ) from None
    return AUTOCANNON


def _command(
    url: str, bodies: Path, clients: int, run: str, headers: Mapping[str, str]
) -> Sequence[str]:
    if require() == WRK:
        limits = ["-t1", f"-c{clients}", f"-d{LONGEST_SECONDS}s", "--timeout", "60s"]
        sent = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
        return [WRK, *limits, *sent, "-s", str(SCRIPT), url, "--", str(bodies), run]
    script = str(node.FOLDER / "load.mjs")
    figures = (str(clients), str(LONGEST_SECONDS))
    return ["node", script, url, *figures, str(bodies), run, json.dumps(dict(headers))]
