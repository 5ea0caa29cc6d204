"""Statements that return one JSON text instead of many rows, which is faster to fetch and parse.

SQLite refuses such a statement for a BLOB. For canonical rows it returns the response's own text.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from db.model.services import SERVICES
from db.model.tables import Relation, Table
from db.program import Statement, Value, Values
from db.queries.conditions import EVERYTHING, Binder, without_operands
from db.queries.json_text import Member, non_canonical, object_text
from db.queries.listings import (
    LIMIT,
    Listing,
    Order,
    PageRange,
    counted,
    either_way,
    page_from,
    reaches,
    unlimited_page_from,
)
from db.security.row_security import by_key, by_keys

# The separators of rows in a page, of a page's row count and its rows, and of pages. JSON text holds none
# of these characters.
ROW, ROWS, PAGE = "\x1e", "\x1f", "\x1d"
LARGE = 100  # rows of a page


@dataclass(frozen=True, slots=True)
class JsonStatement:
    """A Statement without its parents, so that it can be cached for others."""

    sql: str
    bind: dict[str, Value]
    narrow: str = ""

    def of(self, parents: str) -> Statement:
        return Statement(self.sql, self.bind | {"parents": parents}, self.narrow)

    def filled(self, operands: Sequence[Value], limit: int) -> "JsonStatement":
        bind = {
            name: limit if name == "limit" else operands[place]  # type: ignore[index]
            for name, place in self.bind.items()
        }
        return JsonStatement(self.sql, bind, self.narrow)

    def alone(self) -> Statement:
        return Statement(self.sql, self.bind, self.narrow)


def shape(
    listing: Listing, page_range: PageRange, operands: list[Value]
) -> tuple[Listing, PageRange]:
    """Replace each bound value by its index in `operands`, to which it is appended."""
    # Pages of one shape have the same text; `JsonStatement.filled` puts their operands back.
    after, before = (
        None if cursor is None else _places(cursor, operands)
        for cursor in (page_range.after, page_range.before)
    )
    where = listing.where
    if where is not EVERYTHING:
        where = without_operands(where, operands)
    limit = 1 if page_range.limit <= LARGE else LARGE + 1
    return (
        Listing(listing.table, listing.relation, where, listing.live),
        PageRange(page_range.order, limit, page_range.backward, after, before),
    )


def _places(cursor: Values, operands: list[Value]) -> Values:
    places: list[Value] = []
    for value in cursor:
        places.append(None if value is None else len(operands))
        operands.append(value)
    return tuple(places)


def page(listing: Listing, page_range: PageRange, columns: Sequence[str]) -> JsonStatement:
    """An array for each parent, in their order: its page, as arrays of `columns`."""

    def select(from_clause: str) -> str:
        return f"SELECT {_arrays(listing, columns, from_clause)}"

    return _statement(listing, page_range, select)


def text_page(
    listing: Listing, page_range: PageRange, columns: Sequence[str], members: Sequence[Member]
) -> JsonStatement:
    """Like `page`, but returns the response's own text if all rows of the table are canonical."""
    joined = f"coalesce(group_concat(row.text, char({ord(ROW)})), '')"

    def select(from_clause: str) -> str:
        texts = _each(object_text(members, "x"), from_clause)
        page = f"(SELECT count(*) || char({ord(ROWS)}) || {joined} {texts})"
        pages = _per_parent(listing, page, f"char({ord(PAGE)})")
        table = listing.table
        return (
            f"SELECT CASE WHEN EXISTS (SELECT 1 FROM {table.name} WHERE {non_canonical(table)})"
            f" THEN {_arrays(listing, columns, from_clause)} ELSE {pages} END"
        )

    return _statement(listing, page_range, select)


def _statement(
    listing: Listing, page_range: PageRange, select: Callable[[str], str]
) -> JsonStatement:
    """Build the statement, and its `narrow` form for a restricted viewer."""
    # That form sorts rowids and fetches only the page: sorting whole rows took twice as long (W3 of
    # `--auth`).
    binder = Binder({"limit": page_range.limit})
    sql, narrow = either_way(
        listing,
        lambda in_order: select(page_from(listing, page_range, "x", binder, in_order=in_order)),
    )
    if listing.is_walked:
        narrow = select(_picked(listing, page_range, Binder({"limit": page_range.limit})))
    return JsonStatement(sql, binder.bind, narrow)


def _picked(listing: Listing, page_range: PageRange, binder: Binder) -> str:
    """The FROM clause that finds a page among the viewer's own rows."""
    # LIMIT makes SQLite sort with a B-tree, which is slow for large pages; an array of all rowids takes a
    # third less time (W3 as owner).
    rows = f"{listing.table.picked} AS x ON x.rowid = picked.value"
    if page_range.limit <= LARGE:
        page = f"SELECT x.rowid AS value {page_from(listing, page_range, 'x', binder)}"
        return f"FROM ({page}) AS picked CROSS JOIN {rows}"
    places = f"SELECT x.rowid AS place {unlimited_page_from(listing, page_range, 'x', binder)}"
    rowids = f"json_each((SELECT json_group_array(place) FROM ({places})))"
    return f"FROM {rowids} AS picked CROSS JOIN {rows} {LIMIT}"


def split_pages(answer: str) -> list[tuple[int, str]] | None:
    """The row count and text of each page; None if the answer consists of arrays."""
    if answer.startswith("["):
        return None
    # Splitting a long text in vain takes ten times as long as looking first (W3 of the benchmark).
    pages = answer.split(PAGE) if PAGE in answer else [answer]
    parts = (page.partition(ROWS) for page in pages)
    return [(int(count), text) for count, _, text in parts]


def count(listing: Listing) -> JsonStatement:
    binder = Binder()
    return JsonStatement(f"SELECT {array_of(listing, counted(listing, binder))}", binder.bind)


def reach(
    listing: Listing, order: tuple[Order, ...], cursor: Values, *, ahead: bool
) -> JsonStatement:
    """Whether each parent's list continues beyond a cursor: an array of 0 and 1."""
    binder = Binder()
    sql, narrow = either_way(
        listing,
        lambda in_order: (
            "SELECT "
            + array_of(
                listing,
                reaches(listing, order, cursor, binder, ahead=ahead, in_order=in_order),
            )
        ),
    )
    return JsonStatement(sql, binder.bind, narrow)


def rows(
    table: Table[Any],
    column: str,
    columns: Sequence[str],
    references: Sequence[tuple[Relation[Any], Sequence[str]]] = (),
) -> JsonStatement:
    """Arrays of `column`, `columns` and `references`, for the rows whose `column` is one of the keys.

    A reference is an array of these columns of the row that a to-one relation leads to, or null.
    """
    packed = [f"x.{name}" for name in (column, *columns)]
    for place, (relation, names) in enumerate(references):
        child = f"x{place}"
        values = ", ".join(f"{child}.{name}" for name in names)
        found = by_key(relation.child, child, f"x.{relation.column}")
        packed.append(f"json((SELECT json_array({values}) FROM {found}))")
    selected = f"SELECT json_group_array(json_array({', '.join(packed)})) FROM "
    found = f"{table.seen} AS x WHERE x.{column} IN (SELECT value FROM json_each(:parents))"
    keyed = by_keys(table, "x", ":parents") if column == table.key else ""
    return JsonStatement(
        f"{selected}{keyed if table is SERVICES else found}",
        {},
        f"{selected}{keyed}" if keyed else "",
    )


def _arrays(listing: Listing, columns: Sequence[str], from_clause: str) -> str:
    values = ", ".join(f"x.{column}" for column in columns)
    joined = "'[' || coalesce(group_concat(row.text, ','), '') || ']'"
    return array_of(listing, f"(SELECT {joined} {_each(f'json_array({values})', from_clause)})")


def _each(expression: str, from_clause: str) -> str:
    # The inner SELECT makes the text: making it outside took a fifth longer (W2).
    return f"FROM (SELECT {expression} AS text {from_clause}) AS row"


def array_of(listing: Listing, expression: str) -> str:
    """SQL for a JSON array with an SQL expression, which is JSON, for each parent."""
    parts = _per_parent(listing, expression, "','")
    return f"'[' || {parts} || ']'"


def _per_parent(listing: Listing, expression: str, separator: str) -> str:
    if listing.relation is None:
        return expression
    return (
        f"(SELECT group_concat(part, {separator}) FROM"
        f" (SELECT {expression} AS part FROM json_each(:parents) AS parents))"
    )
