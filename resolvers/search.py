"""Search: the rows that a viewer sees by the words of their texts, best first.

What matches, and how well, is decided by the visible row alone: statistics of all rows would tell of those
that the viewer does not see.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db.errors import BadRequest
from db.model import words
from db.model.searched import searched_part
from db.model.services import SERVICES
from db.model.tables import CONNECTIONS, Table
from db.model.words import Rank
from db.program import Rows, Value, Values, in_order
from db.queries import cursors
from db.queries.searches import COLUMNS, KINDS, Search
from db.security.row_security import Extent
from resolvers import pages
from resolvers.operation_context import OperationContext
from resolvers.pages import LazyPage, PageArguments

LONGEST = 200
"""Characters of what is searched for."""
MOST_WORDS = 8
PLACE = 4
"""Values of a place; those after it in a cursor are rowids, so that rows which come later move no page."""
NEWER_THAN_ALL = "~"
"""In place of the time of a service, which has none: it comes before objects that match as well."""


@dataclass(frozen=True, slots=True)
class Found:
    """A row that was found by one of its columns; `place` is where it stands, the greatest first."""

    table: Table[Any]
    key: Value
    column: str
    text: str
    place: Values


class FoundPage(LazyPage):
    """A page of what was found; all of it is ranked, which is bounded."""

    def __init__(
        self,
        ctx: OperationContext,
        text: str,
        tables: Sequence[Table[Any]],
        arguments: PageArguments,
    ) -> None:
        """Raises BadRequest for a text that is too long, and for bad arguments."""
        self._ctx = ctx
        self._size = pages.size(ctx, arguments)
        wanted, self._words = _words(text)
        kinds = tuple(table for table in KINDS if table in tables)
        self._name = f"search {','.join(table.name for table in kinds)} {' '.join(self._words)}"
        self._after: Values | None = None
        until: tuple[int | None, ...] | None = None
        if arguments.after is not None:
            values = cursors.open_at(ctx.cursor_key, self._name, arguments.after)
            self._after, until = values[:PLACE], tuple(map(_rowid, values[PLACE:]))
        whole = frozenset(table for table in tables if _sees_all(ctx.viewer.security.extent, table))
        self._search = Search(wanted, self._words, kinds, whole, until)
        self._all: list[Found] | None = None
        self._until: Values = ()

    async def rows(self) -> list[Any]:
        start = await self._start()
        return (await self._ranked())[start : start + self._size]

    async def total(self) -> int:
        return len(await self._ranked())

    async def has_next(self) -> bool:
        return await self._start() + self._size < len(await self._ranked())

    async def has_previous(self) -> bool:
        return await self._start() > 0

    def cursor(self, row: Found) -> str:
        return cursors.made_at(self._ctx.cursor_key, self._name, (*row.place, *self._until))

    def highlight(self, row: Found) -> str:
        return words.highlight(row.text, self._words)

    async def _start(self) -> int:
        if self._after is None:
            return 0
        after = _order(self._after)
        return sum(_order(each.place) >= after for each in await self._ranked())

    async def _ranked(self) -> list[Found]:
        candidates = await self._ctx.loaders.found(self._search).load(None)
        if self._all is None:  # several fields ask at once, and are told one after another
            self._until = candidates.until
            found = [
                each
                for table, rows in zip(self._search.tables, candidates.rows, strict=False)
                for each in _found(table, rows, self._words)
            ]
            self._all = sorted(found, key=lambda each: _order(each.place), reverse=True)
        return self._all


def _words(text: str) -> tuple[str, tuple[str, ...]]:
    """The text that is searched for, and its folded words; raises BadRequest if it is too long."""
    if len(text) > LONGEST:
        raise BadRequest(
            "BAD_SEARCH", f"text has {len(text)} characters: at most {LONGEST} are searched for"
        )
    text = text.encode(errors="replace").decode()  # no database takes half of a surrogate pair
    wanted = tuple(map(words.fold, words.split(text)))
    if len(wanted) > MOST_WORDS:
        raise BadRequest(
            "BAD_SEARCH", f"text has {len(wanted)} words: at most {MOST_WORDS} are searched for"
        )
    return text, wanted


def _rowid(value: Value) -> int | None:
    return value if isinstance(value, int) else None


def _sees_all(extent: Extent, table: Table[Any]) -> bool:
    if table is SERVICES:
        return CONNECTIONS.name in extent.seen
    has_private = any(table.columns[name].private for name in COLUMNS[table])
    return table.name in extent.seen and (table.name in extent.shown or not has_private)


def _found(table: Table[Any], rows: Rows, wanted: Sequence[str]) -> list[Found]:
    """The rows of which a column matches, each once."""
    kind = -KINDS.index(table)
    found = []
    for key, newest, *texts in set(rows):
        best = min(_matches(texts, wanted), default=None)
        if best is not None and key is not None and not isinstance(key, bytes):
            rank, index, text = best
            at = NEWER_THAN_ALL if table is SERVICES else str(newest)
            place = (-int(rank), at, kind, key)
            found.append(Found(table, key, COLUMNS[table][index], text, place))
    return found


def _order(place: Values) -> tuple[Any, ...]:
    return tuple(map(in_order, place))


def _matches(texts: Sequence[Value], wanted: Sequence[str]) -> list[tuple[Rank, int, str]]:
    matches = []
    for index, text in enumerate(texts):
        if isinstance(text, str):
            part = searched_part(text)
            rank = words.rank(part, wanted)
            if rank is not None:
                matches.append((rank, index, part))
    return matches
