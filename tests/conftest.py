"""What every test may use."""

# Before anything imports sqlite3: two SQLite libraries in one process break each other's locks.
from db import migrator  # isort: skip

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = ("tests.corpus.sharing", "tests.strict")


@pytest.fixture
def migrated(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a new registry, without the service."""
    file = tmp_path / "registry.db"
    migrator.migrate(file)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        yield connection
