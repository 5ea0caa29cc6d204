"""Search: the rows that a viewer sees by the words of their texts, best first.

What matches, and how well, is decided by the visible row alone: statistics of all rows would tell of those
that the viewer does not see.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from db.errors import BadRequest
from db.model import words
from db.model.searched import searched_part
from db.model.services import SERVICES
from db.model.tables import CONNECTIONS, Table
from db.model.words import Rank
from db.program import Program, Rows, Value, Values, in_order
from db.queries import cursors, searches
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


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page of what was found, of which `total` is the number, among so many `rows` that were looked at."""

    found: Sequence[Found]
    total: int
    rows: int
    has_previous: bool
    has_next: bool
    words: Sequence[str]
    make_cursor: Callable[[Values], str]

    def cursor(self, found: Found) -> str:
        return self.make_cursor(found.place)

    def highlight(self, found: Found) -> str:
        return words.highlight(found.text, self.words)


class ReadPage(LazyPage):
    """The position of such a page, which has been read."""

    def __init__(self, page: FoundPage) -> None:
        self._page = page

    async def rows(self) -> list[Any]:
        return list(self._page.found)

    async def total(self) -> int:
        return self._page.total

    async def has_next(self) -> bool:
        return self._page.has_next

    async def has_previous(self) -> bool:
        return self._page.has_previous

    def cursor(self, row: Found) -> str:
        return self._page.cursor(row)


def page(
    ctx: OperationContext, text: str, tables: Sequence[Table[Any]], arguments: PageArguments
) -> Program[FoundPage]:
    """What is found in these tables. Raises BadRequest at once."""
    size = pages.size(ctx, arguments)
    wanted, folded = _words(text)
    kinds = tuple(table for table in KINDS if table in tables)
    name = f"search {','.join(table.name for table in kinds)} {' '.join(folded)}"
    after: Values = ()
    until: tuple[int | None, ...] | None = None
    if arguments.after is not None:
        values = cursors.open_at(ctx.cursor_key, name, arguments.after)
        after, until = values[:PLACE], tuple(map(_rowid, values[PLACE:]))
    whole = frozenset(table for table in tables if _sees_all(ctx.viewer.security.extent, table))
    search = Search(wanted, folded, kinds, whole, until)
    return _page(search, after, size, lambda values: cursors.made_at(ctx.cursor_key, name, values))


def _page(
    search: Search, after: Values, size: int, make_cursor: Callable[[Values], str]
) -> Program[FoundPage]:
    candidates = yield from searches.candidates(search)
    found = [
        each
        for table, rows in zip(search.tables, candidates.rows, strict=False)
        for each in _found(table, rows, search.words)
    ]
    found.sort(key=lambda each: _order(each.place), reverse=True)
    start = sum(_order(each.place) >= _order(after) for each in found) if after else 0
    return FoundPage(
        found[start : start + size],
        len(found),
        sum(map(len, candidates.rows)),
        start > 0,
        start + size < len(found),
        search.words,
        lambda place: make_cursor((*place, *candidates.until)),
    )


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
