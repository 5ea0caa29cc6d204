"""Pages of lists, Relay's way: what a client may ask of one, and what it gets."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from db.errors import BadRequest
from db.model.tables import Table
from db.program import Value, Values
from db.queries import cursors
from db.queries.listings import Cut, Listing, Order
from resolvers.operation_context import OperationContext


@dataclass(frozen=True, slots=True)
class Paging:
    """The arguments of a list, as the client gave them."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None


class Page:
    """One page of a listing: its rows, read once for all who ask, and what lies around them."""

    def __init__(
        self, ctx: OperationContext, listing: Listing, cut: Cut, parent: Value, *, look_ahead: bool
    ) -> None:
        self._ctx = ctx
        self._listing = listing
        self._parent = parent
        self._size = cut.limit
        self._cut = replace(cut, limit=cut.limit + 1) if look_ahead else cut

    async def rows(self) -> list[Any]:
        """The rows of the page in the list's order."""
        kept = (await self._found())[: self._size]
        return kept[::-1] if self._cut.backward else kept

    async def total(self) -> int:
        """How many rows the whole list has."""
        return await self._ctx.loaders.count(self._listing).load(self._parent)

    async def has_next(self) -> bool:
        """Whether the list goes on after this page."""
        if not self._cut.backward and await self._has_more():
            return True
        return await self._reaches_past(self._cut.before, ahead=True)

    async def has_previous(self) -> bool:
        """Whether the list has rows before this page."""
        if self._cut.backward and await self._has_more():
            return True
        return await self._reaches_past(self._cut.after, ahead=False)

    def cursor(self, row: Any) -> str:
        """The cursor of a row of this page."""
        order = self._cut.order
        values = tuple(getattr(row, part.column) for part in order)
        return cursors.encoder(self._ctx.cursor_key, self._listing.table.name, order)(values)

    async def _found(self) -> list[Any]:
        return await self._ctx.loaders.page(self._listing, self._cut).load(self._parent)

    async def _has_more(self) -> bool:
        return len(await self._found()) > self._size

    async def _reaches_past(self, cursor: Values | None, *, ahead: bool) -> bool:
        if cursor is None:
            return False
        order = self._cut.order
        loader = self._ctx.loaders.overreach(self._listing, order, cursor, ahead=ahead)
        return await loader.load(self._parent)


def cut(ctx: OperationContext, table: Table[Any], order: Sequence[Order], paging: Paging) -> Cut:
    """The part of a table's list, in this ordering, that the paging arguments ask for.

    Raises BadRequest for a size out of range, for both directions at once, and for a bad cursor.
    """
    full = _with_key(table, order)
    after, before = (
        None if given is None else cursors.decode(ctx.cursor_key, table.name, full, given)
        for given in (paging.after, paging.before)
    )
    return Cut(full, _size(ctx, paging), paging.last is not None, after, before)


def _with_key(table: Table[Any], order: Sequence[Order]) -> tuple[Order, ...]:
    """The ordering, newest first where none is given, ended by the key in its last direction."""
    given = order or [Order(table.newest, descending=True)]
    parts: dict[str, Order] = {}
    for part in given:
        parts.setdefault(part.column, part)  # a column that is named again decides nothing more
    return (*parts.values(), Order(table.key, given[-1].descending))


def _size(ctx: OperationContext, paging: Paging) -> int:
    if paging.first is not None and paging.last is not None:
        raise BadRequest("BAD_PAGE", "give first or last, not both")
    name = "last" if paging.last is not None else "first"
    asked = paging.last if paging.last is not None else paging.first
    size = ctx.policy.page_default if asked is None else asked
    if not 1 <= size <= ctx.policy.page_max:
        raise BadRequest("BAD_PAGE", f"{name} must be from 1 to {ctx.policy.page_max}, not {size}")
    return size
