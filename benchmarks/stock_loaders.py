"""The stock server's reads: one DataLoader per relation and arguments, fresh for each request."""

from collections.abc import Callable, Sequence
from typing import Any

import aiosqlite
from strawberry.dataloader import DataLoader

Row = Any

LIVE_CONNECTIONS = "status <> 'disconnected' AND source_type = 'context'"
LIVE_CONTEXTS = "status <> 'deleted'"

CONTEXTS_BY_ID = "SELECT * FROM contexts WHERE chitty_id IN ({marks})"
ACTORS_BY_ID = "SELECT * FROM actors WHERE chitty_id IN ({marks})"
CHILDREN = """
    SELECT * FROM (
        SELECT *, row_number() OVER (
            PARTITION BY {parent} ORDER BY created_at DESC, {key} DESC
        ) AS place
        FROM {table}
        WHERE {parent} IN ({{marks}}) AND {live}
    )
    WHERE place <= ?
    ORDER BY place
"""
CONNECTIONS_OF_CONTEXTS = CHILDREN.format(
    table="connections", parent="source_chitty_id", key="connection_id", live=LIVE_CONNECTIONS
)
CONTEXTS_OF_ACTORS = CHILDREN.format(
    table="contexts", parent="owner_chitty_id", key="chitty_id", live=LIVE_CONTEXTS
)


class Loaders:
    """What one request loads; `first + 1` children are read so that a page knows of the next."""

    def __init__(self, reader: aiosqlite.Connection) -> None:
        self.reader = reader
        self.context = DataLoader(self._by_id(CONTEXTS_BY_ID))
        self.actor = DataLoader(self._by_id(ACTORS_BY_ID))
        self._children: dict[tuple[str, int], DataLoader[str, list[Row]]] = {}

    def connections(self, first: int) -> DataLoader[str, list[Row]]:
        """The newest connections of contexts."""
        return self._related(CONNECTIONS_OF_CONTEXTS, "source_chitty_id", first)

    def contexts(self, first: int) -> DataLoader[str, list[Row]]:
        """The newest contexts of actors."""
        return self._related(CONTEXTS_OF_ACTORS, "owner_chitty_id", first)

    async def rows(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """All rows of one statement."""
        return list(await self.reader.execute_fetchall(sql, values))

    def _by_id(self, sql: str) -> Callable[[list[str]], Any]:
        async def load(keys: list[str]) -> list[Row | None]:
            found = await self.rows(sql.format(marks=_marks(keys)), keys)
            rows = {row["chitty_id"]: row for row in found}
            return [rows.get(key) for key in keys]

        return load

    def _related(self, sql: str, parent: str, first: int) -> DataLoader[str, list[Row]]:
        async def load(keys: list[str]) -> list[list[Row]]:
            rows: dict[str, list[Row]] = {key: [] for key in keys}
            for row in await self.rows(sql.format(marks=_marks(keys)), [*keys, first + 1]):
                rows[row[parent]].append(row)
            return [rows[key] for key in keys]

        return self._children.setdefault((sql, first), DataLoader(load))


def _marks(keys: Sequence[str]) -> str:
    return ", ".join("?" * len(keys))
