"""What every test may use."""

# Before anything imports sqlite3: two SQLite libraries in one process break each other's locks.
import db  # isort: skip # noqa: F401

import contextlib
import logging
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.registries.databases import new_registry

# A shell has what it runs in the background ignore Ctrl-C, and so would every server started here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = (
    "tests.support.corpus.sharing",
    "tests.support.engines.suite",
    "tests.support.pages.pictures",
    "tests.support.registries.transfers",
    "tests.support.running.strict_mode",
    "tests.support.running.thorough",
    "tests.support.running.garbage",
    "tests.support.running.certificates",
    "tests.support.running.visitors",
    "tests.support.running.validation",
    "tests.support.running.parallel",
    "tests.support.running.faults",
    "tests.support.other_programs.d1_worker",
    "tests.support.services.engines",
)


@pytest.fixture(autouse=True)
def the_process_as_it_was() -> Iterator[None]:
    """Take back what a command that ran in this process set for all of it: logging and SIGTERM."""
    root, uvicorn = logging.getLogger(), logging.getLogger("uvicorn")
    handlers, levels = root.handlers[:], (root.level, uvicorn.level)
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    uvicorn.setLevel(levels[1])


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Keep what the services say of operations that fail out of a report of the one that matters."""
    caplog.set_level(logging.CRITICAL)


@pytest.fixture
def migrated(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a new registry, without the service."""
    file = tmp_path / "registry.db"
    new_registry(file)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        yield connection
