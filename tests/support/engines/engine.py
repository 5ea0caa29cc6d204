"""What tests want of an engine: databases that begin with what a file holds."""

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol


class Engine(Protocol):
    """Keeps a database for each path that a test uses, until it is released."""

    largest_integer: int
    relations: int
    """Over how many relations a filter may lead, at least."""

    def url(self, path: Path) -> str:
        """The database of this path, for `--database`.

        It holds what the file held when the URL was first wanted. An engine over HTTP takes the file away
        then: whoever looked into it afterwards would see what is no longer so.
        """
        ...

    def holds(self, path: Path) -> bool:
        """Whether there is a database for this path."""
        ...

    def file(self, path: Path) -> Path:
        """A file, only to be read, with what the database of this path holds now."""
        ...

    def connect(self, path: Path) -> Any:
        """A connection of another program to the database of this path, as sqlite3 has them.

        Each statement commits by itself.
        """
        ...

    def paths(self) -> frozenset[Path]:
        """The paths that have a database which is to be released."""
        ...

    def release(self, paths: Collection[Path]) -> None:
        """Let the databases of these paths serve others."""
        ...

    def close(self) -> None:
        """End its processes."""
        ...


class Files:
    """The embedded SQLite: the database of a path is its file."""

    largest_integer = 2**63 - 1
    relations = 10

    def url(self, path: Path) -> str:
        """The path."""
        return str(path)

    def holds(self, path: Path) -> bool:
        """Whether there is a file."""
        return path.exists()

    def file(self, path: Path) -> Path:
        """The path."""
        return path

    def connect(self, path: Path) -> Any:
        """It waits for what the server is just writing."""
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def paths(self) -> frozenset[Path]:
        """None: a test's folder is removed."""
        return frozenset()

    def release(self, paths: Collection[Path]) -> None:
        """Nothing is to be done."""

    def close(self) -> None:
        """Nothing is to be done."""


_present: list[Engine] = [Files()]


def present() -> Engine:
    """The engine of the test that runs."""
    return _present[-1]


def set_present(engine: Engine) -> None:
    """Have tests from now on use this engine."""
    _present[:] = [engine]


def exact(number: int) -> int:
    """The number, or another one near the largest that the present engine can express."""
    largest = present().largest_integer
    return number if abs(number) <= largest else largest - abs(number) % 1_000


def taken_away(path: Path) -> bytes:
    """The content of a SQLite file that nobody has open, as one file; the path has none afterwards."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    content = path.read_bytes()
    path.unlink()
    return content
