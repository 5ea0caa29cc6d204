"""Pages of lists after Relay's Connection specification: their arguments and their contents."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from db.errors import BadRequest, Unreadable
from db.history import reading
from db.model.tables import Table
from db.program import Value, Values
from db.queries import cursors
from db.queries.groups import Group, Grouping
from db.queries.listings import Listing, Order, PageRange
from resolvers.operation_context import OperationContext


@dataclass(frozen=True, slots=True)
class PageArguments:
    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None


class LazyPage:
    """One page of a listing. What it needs is read on first use, once.

    `look_ahead` reads one row beyond the page; without it, nothing tells whether the list goes on there.
    """

    def __init__(
        self,
        ctx: OperationContext,
        listing: Listing,
        page_range: PageRange,
        parent: Value,
        *,
        look_ahead: bool,
    ) -> None:
        self._ctx = ctx
        self._listing = listing
        self._parent = parent
        self._size = page_range.limit
        self._page_range = (
            replace(page_range, limit=page_range.limit + 1) if look_ahead else page_range
        )

    @property
    def has_cursors_to_check(self) -> bool:
        return has_cursors_to_check(self._listing.table, self._page_range)

    async def check_cursors(self) -> None:
        """Raise BadRequest for a cursor outside the limits of the log."""
        limits = await self._ctx.loaders.limits_of_changes().load(None)
        check_cursors(self._page_range, limits)

    async def rows(self) -> list[Any]:
        kept = (await self._read())[: self._size]
        return kept[::-1] if self._page_range.backward else kept

    async def total(self) -> int:
        return await self._ctx.loaders.count(self._listing).load(self._parent)

    async def groups(self, grouping: Grouping, limit: int) -> list[Group]:
        """Groups of the whole list."""
        return await self._ctx.loaders.groups(self._listing, grouping, limit).load(self._parent)

    async def has_next(self) -> bool:
        if not self._page_range.backward and await self._has_more():
            return True
        return await self._extends_past(self._page_range.before, ahead=True)

    async def has_previous(self) -> bool:
        if self._page_range.backward and await self._has_more():
            return True
        return await self._extends_past(self._page_range.after, ahead=False)

    def cursor(self, row: Any) -> str:
        order = self._page_range.order
        table, values = self._listing.table, tuple(getattr(row, part.column) for part in order)
        try:
            return cursors.encoder(self._ctx.cursor_key, table, order)(values)
        except Unreadable as unreadable:
            raise Unreadable(f"{table.place(row)}: {unreadable}") from None

    async def _read(self) -> list[Any]:
        return await self._ctx.loaders.page(self._listing, self._page_range).load(self._parent)

    async def _has_more(self) -> bool:
        return len(await self._read()) > self._size

    async def _extends_past(self, cursor: Values | None, *, ahead: bool) -> bool:
        if cursor is None:
            return False
        order = self._page_range.order
        loader = self._ctx.loaders.extends_past(self._listing, order, cursor, ahead=ahead)
        return await loader.load(self._parent)


def has_cursors_to_check(table: Table[Any], page_range: PageRange) -> bool:
    """Whether the list is a log, whose cursors must be of changes that there are."""
    return table.is_log and (page_range.after is not None or page_range.before is not None)


def check_cursors(page_range: PageRange, limits: str) -> None:
    """Raise BadRequest if one of a log's cursors is outside these limits."""
    after, before = [
        None if cursor is None else cursor[0] for cursor in (page_range.after, page_range.before)
    ]
    reading.check_cursors(after, before, limits)


def page_range(
    ctx: OperationContext, table: Table[Any], order: Sequence[Order], arguments: PageArguments
) -> PageRange:
    """The page that the arguments select from a table's list.

    Raises BadRequest for a size out of range, for `first` together with `last`, and for a bad cursor.
    """
    full = _with_key(table, order)
    after, before = (
        None if cursor is None else cursors.decode(ctx.cursor_key, table, full, cursor)
        for cursor in (arguments.after, arguments.before)
    )
    return PageRange(full, size(ctx, arguments), arguments.last is not None, after, before)


def _with_key(table: Table[Any], order: Sequence[Order]) -> tuple[Order, ...]:
    """The ordering (newest first by default), made total by the key in the direction of the last part.

    That of a log or of what is derived is its key, in ascending order.
    """
    if table.is_log or table.is_derived:
        return (Order(table.key, descending=False),)
    requested = order or [Order(table.newest, descending=True)]
    return (*requested, Order(table.key, requested[-1].descending))


def size(ctx: OperationContext, arguments: PageArguments) -> int:
    """Raises BadRequest for a size out of range, and for `first` together with `last`."""
    if arguments.first is not None and arguments.last is not None:
        raise BadRequest("BAD_PAGE", "give first or last, not both")
    name = "last" if arguments.last is not None else "first"
    requested = arguments.last if arguments.last is not None else arguments.first
    chosen = ctx.policy.page_default if requested is None else requested
    if not 1 <= chosen <= ctx.policy.page_max:
        message = f"{name} must be from 1 to {ctx.policy.page_max}, not {chosen}"
        raise BadRequest("BAD_PAGE", message)
    return chosen
