"""A connection of another program to an engine over HTTP, with what tests use of sqlite3's."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

Parameters: TypeAlias = Sequence[Any] | Mapping[str, Any]
Run: TypeAlias = Callable[[str, Parameters], list[tuple[Any, ...]]]


class Cursor:
    """The rows of one statement."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = iter(rows)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All that are left."""
        return list(self._rows)

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next one."""
        return next(self._rows, None)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._rows


class OtherConnection(AbstractContextManager["OtherConnection"]):
    """`run` carries out one statement, and commits it."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def execute(self, sql: str, parameters: Parameters = ()) -> Cursor:
        """See sqlite3."""
        return Cursor(self._run(sql, parameters))

    def executemany(self, sql: str, each: Iterable[Parameters]) -> None:
        """See sqlite3."""
        for parameters in each:
            self._run(sql, parameters)

    def close(self) -> None:
        """Nothing is open between statements."""

    def __exit__(self, *_: object) -> None:
        pass
