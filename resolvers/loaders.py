"""The dataloaders of an operation: rows by a unique column, and pages of lists by parent.

They serve every type, so the number of statements depends on the operation's shape, not on the rows it meets.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, Protocol, TypeVar

import orjson

from db.errors import BadRequest
from db.history import reading
from db.model.outgoing_webhooks import OutgoingDelivery
from db.model.tables import Table
from db.program import Program, Rows, Statement, Usage, Value, Values, rows
from db.queries import groups, listings, lookups, outgoing_webhooks, statistics
from db.queries.groups import Group, Grouping
from db.queries.listings import Listing, Order, PageRange
from db.queries.outgoing_webhooks import DeliveryRange
from db.queries.statistics import ConnectionStats, RegistryStats
from resolvers.dataloader import BatchScheduler, DataLoader

R = TypeVar("R")
T = TypeVar("T")

ROWS_PER_OPERATION = 50_000


class Read(Protocol):
    def __call__(self, program: Program[T], /) -> Awaitable[T]: ...


class Walked(Protocol):
    """What a walk through the graph or a search has found, and how many rows it read."""

    @property
    def rows(self) -> int: ...


W = TypeVar("W", bound=Walked | None)


class Loaders:
    def __init__(self, read: Read, usage: Usage) -> None:
        self._read = read
        self._usage = usage
        self._loaders: dict[Hashable, DataLoader[Any, Any]] = {}
        self._scheduler = BatchScheduler()
        self._walking = asyncio.Lock()
        self._rows = 0

    def stop(self) -> None:
        self._scheduler.stop()

    def row(self, table: Table[R], column: str | None = None) -> "DataLoader[Value, R | None]":
        by = column or table.key

        async def load(values: list[Value]) -> list[R | None]:
            loaded = await self._read(lookups.by_column(table, by, values))
            self._count(len(loaded))
            return loaded

        return self._loader((table, by), load)

    def page(self, listing: Listing, page_range: PageRange) -> "DataLoader[Value, list[Any]]":
        """One page for each parent, its rows as read: reversed if the page is read backwards."""

        async def load(parents: list[Value]) -> list[list[Any]]:
            by_parent: dict[Value, list[Any]] = {parent: [] for parent in parents}
            for parent, *values in await self._fetch(listings.page(listing, page_range, parents)):
                by_parent[parent].append(listing.table.of(values))
            return [by_parent[parent] for parent in parents]

        return self._loader(("page", listing, page_range), load)

    def count(self, listing: Listing) -> "DataLoader[Value, int]":
        async def load(parents: list[Value]) -> list[int]:
            return await self._value_per_parent(listings.count(listing, parents), parents)

        return self._loader(("count", listing), load)

    def groups(
        self, listing: Listing, grouping: Grouping, limit: int
    ) -> "DataLoader[Value, list[Group]]":
        async def load(parents: list[Value]) -> list[list[Group]]:
            statement = groups.groups(listing, grouping, limit, parents)
            texts = {row[0]: str(row[1]) for row in await self._read(rows(statement))}
            found = [orjson.loads(texts.get(parent, "[]")) for parent in parents]
            self._count(sum(map(len, found)))
            return [grouping.read(each) for each in found]

        return self._loader(("groups", listing, grouping, limit), load)

    def extends_past(
        self, listing: Listing, order: tuple[Order, ...], cursor: Values, *, ahead: bool
    ) -> "DataLoader[Value, bool]":
        """Whether each parent's list has rows at or before the cursor; with `ahead`, at or after it."""

        async def load(parents: list[Value]) -> list[bool]:
            statement = listings.extends_past(listing, order, cursor, parents, ahead=ahead)
            return [bool(extends) for extends in await self._value_per_parent(statement, parents)]

        return self._loader(("extends_past", listing, order, cursor, ahead), load)

    def limits_of_changes(self) -> "DataLoader[None, str]":
        """The limits of cursors of changes, whose only key is None."""

        async def load(keys: list[None]) -> list[str]:
            limits = await self._read(reading.limits())
            self._count(1)
            return [limits for _ in keys]

        return self._loader("limits of changes", load)

    def deliveries(self, wanted: DeliveryRange) -> "DataLoader[Value, Sequence[OutgoingDelivery]]":
        """The deliveries of each outgoing webhook in this range."""

        async def load(webhooks: list[Value]) -> list[Sequence[OutgoingDelivery]]:
            found = await self._read(outgoing_webhooks.deliveries(webhooks, wanted))
            self._count(sum(map(len, found.values())))
            return [found.get(str(webhook), []) for webhook in webhooks]

        return self._loader(("deliveries", wanted), load)

    def delivery_count(self, wanted: DeliveryRange) -> "DataLoader[Value, int]":
        async def load(webhooks: list[Value]) -> list[int]:
            counts = await self._read(outgoing_webhooks.delivery_counts(webhooks, wanted))
            return [counts.get(str(webhook), 0) for webhook in webhooks]

        return self._loader(("delivery count", wanted), load)

    def registry_stats(self) -> "DataLoader[None, RegistryStats]":
        """The statistics of the whole registry, whose only key is None."""

        async def load(keys: list[None]) -> list[RegistryStats]:
            stats = await self._read(statistics.of_registry())
            return [stats for _ in keys]

        return self._loader("registry stats", load)

    def service_stats(self) -> "DataLoader[Value, ConnectionStats]":
        async def load(names: list[Value]) -> list[ConnectionStats]:
            found = await self._read(statistics.of_services(names))
            return [found.get(name, ConnectionStats()) for name in names]

        return self._loader("service stats", load)

    async def walk(self, program: Program[W]) -> W:
        """What a walk finds. They take turns, so that none begins once too many rows were read."""
        async with self._walking:
            self._count(0)
            found = await self._read(program)
            self._count(0 if found is None else found.rows)
            return found

    async def _value_per_parent(self, statement: Statement, parents: list[Value]) -> list[Any]:
        values = {row[0]: row[1] for row in await self._fetch(statement)}
        return [values.get(parent, 0) for parent in parents]  # a BLOB is nobody's parent

    async def _fetch(self, statement: Statement) -> Rows:
        loaded = await self._read(rows(statement))
        self._count(len(loaded))
        return loaded

    def _count(self, read: int) -> None:
        """Raises BadRequest once the operation has read too many."""
        self._rows += read
        self._usage.rows += read
        if self._rows > ROWS_PER_OPERATION:
            raise BadRequest(
                "TOO_MANY_ROWS",
                f"the operation reads more than {ROWS_PER_OPERATION} rows: ask for smaller pages",
            )

    def _loader(
        self, key: Hashable, load: Callable[[list[Any]], Awaitable[list[Any]]]
    ) -> DataLoader[Any, Any]:
        if key not in self._loaders:
            self._loaders[key] = DataLoader(self._scheduler, load)
        return self._loaders[key]
