"""Statements that return one JSON text instead of many rows.

Fetching a row costs Python more than SQLite needs to write it into an array, and takes the interpreter's
lock again; one text is parsed in one go. Numbers, texts and NULL keep their types; SQLite refuses the
statement for a BLOB. Canonical rows need no parsing at all: SQLite returns the text of the response
itself (W2 and W3 of the benchmark).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from db.model.tables import Table
from db.program import Statement, Value, Values
from db.queries.conditions import EVERYTHING, Binder, without_operands
from db.queries.json_text import Member, non_canonical, object_text
from db.queries.listings import Cut, Listing, Order, counted, cut_from, reaches, uncut_from

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
        """The statement for these parents (or keys), given as a JSON array."""
        return Statement(self.sql, self.bind | {"parents": parents}, self.narrow)

    def filled(self, operands: Sequence[Value], limit: int) -> "JsonStatement":
        """The statement of a shape, with operands in their places."""
        bind = {
            name: limit if name == "limit" else operands[place]  # type: ignore[index]
            for name, place in self.bind.items()
        }
        return JsonStatement(self.sql, bind, self.narrow)

    def alone(self) -> Statement:
        """The statement for the list of a whole table, which has no parents."""
        return Statement(self.sql, self.bind, self.narrow)


def shape(listing: Listing, cut: Cut, operands: list[Value]) -> tuple[Listing, Cut]:
    """A page with places in `operands`, to which they are added, for the values that SQL only binds.

    Pages of one shape have statements of the same text: `JsonStatement.filled` puts their operands in.
    """
    after, before = (
        None if cursor is None else _places(cursor, operands) for cursor in (cut.after, cut.before)
    )
    where = listing.where
    if where is not EVERYTHING:
        where = without_operands(where, operands)
    limit = 1 if cut.limit <= LARGE else LARGE + 1
    return (
        Listing(listing.table, listing.relation, where, listing.live),
        Cut(cut.order, limit, cut.backward, after, before),
    )


def _places(cursor: Values, operands: list[Value]) -> Values:
    """NULL keeps its place: SQL for it is another."""
    places: list[Value] = []
    for value in cursor:
        places.append(None if value is None else len(operands))
        operands.append(value)
    return tuple(places)


def page(listing: Listing, cut: Cut, columns: Sequence[str]) -> JsonStatement:
    """One page, or one of each parent for a relation: an array of rows, each an array of these columns.

    The arrays come in the order of the parents.
    """

    def select(found: str) -> str:
        return f"SELECT {_arrays(listing, columns, found)}"

    return _statement(listing, cut, select)


def text_page(
    listing: Listing, cut: Cut, columns: Sequence[str], members: Sequence[Member]
) -> JsonStatement:
    """Like `page`, but rows are the JSON text of the response, unless the table has non-canonical rows.

    `split_pages` tells the two results apart.
    """
    joined = f"coalesce(group_concat(row.text, char({ord(ROW)})), '')"

    def select(found: str) -> str:
        texts = _each(object_text(members, "x"), found)
        page = f"(SELECT count(*) || char({ord(ROWS)}) || {joined} {texts})"
        pages = _per_parent(listing, page, f"char({ord(PAGE)})")
        table = listing.table
        return (
            f"SELECT CASE WHEN EXISTS (SELECT 1 FROM {table.name} WHERE {non_canonical(table)})"
            f" THEN {_arrays(listing, columns, found)} ELSE {pages} END"
        )

    return _statement(listing, cut, select)


def _statement(listing: Listing, cut: Cut, select: Callable[[str], str]) -> JsonStatement:
    """The statement that selects from the FROM clause it is given, and the one for a restricted viewer.

    A restricted viewer's rows are found in no order, so rowids are sorted first and only the rows of the
    page fetched: sorting whole rows took twice as long (W3 of `--auth`).
    """
    binder = Binder({"limit": cut.limit})
    sql = select(cut_from(listing, cut, "x", binder))
    narrow = ""
    if listing.is_walked:
        narrow = select(_picked(listing, cut, Binder({"limit": cut.limit})))
    return JsonStatement(sql, binder.bind, narrow)


def _picked(listing: Listing, cut: Cut, binder: Binder) -> str:
    """The FROM clause for the rows of a page, found among the viewer's own rows.

    With a LIMIT, SQLite sorts with a B-tree of that many rows, which is slow for large pages: they are
    cut from an array of all rowids instead, which takes a third less time (W3 as owner).
    """
    rows = f"{listing.table.picked} AS x ON x.rowid = picked.value"
    if cut.limit <= LARGE:
        found = f"SELECT x.rowid AS value {cut_from(listing, cut, 'x', binder)}"
        return f"FROM ({found}) AS picked CROSS JOIN {rows}"
    places = f"SELECT x.rowid AS place {uncut_from(listing, cut, 'x', binder)}"
    found = f"json_each((SELECT json_group_array(place) FROM ({places})))"
    return f"FROM {found} AS picked CROSS JOIN {rows} LIMIT :limit"


def split_pages(answer: str) -> list[tuple[int, str]] | None:
    """The row count and the text of each page; None if the result consists of arrays."""
    if answer.startswith("["):
        return None
    # Splitting a long text in vain takes ten times as long as looking first (W3 of the benchmark).
    pages = answer.split(PAGE) if PAGE in answer else [answer]
    parts = (page.partition(ROWS) for page in pages)
    return [(int(count), text) for count, _, text in parts]


def count(listing: Listing) -> JsonStatement:
    """The length of the whole list: an array with that of each parent."""
    binder = Binder()
    return JsonStatement(f"SELECT {_array(listing, counted(listing, binder))}", binder.bind)


def reach(
    listing: Listing, order: tuple[Order, ...], cursor: Values, *, ahead: bool
) -> JsonStatement:
    """Whether the list continues beyond a cursor: an array with 0 or 1 for each parent."""
    binder = Binder()
    reaching = reaches(listing, order, cursor, binder, ahead=ahead)
    return JsonStatement(f"SELECT {_array(listing, reaching)}", binder.bind)


def rows(table: Table[Any], column: str, columns: Sequence[str]) -> JsonStatement:
    """The rows whose `column` is one of the keys: arrays of its value and those of `columns`."""
    packed = ", ".join(f"x.{name}" for name in (column, *columns))
    return JsonStatement(
        f"SELECT json_group_array(json_array({packed})) FROM {table.seen} AS x"
        f" WHERE x.{column} IN (SELECT value FROM json_each(:parents))",
        {},
    )


def _arrays(listing: Listing, columns: Sequence[str], found: str) -> str:
    values = ", ".join(f"x.{column}" for column in columns)
    joined = "'[' || coalesce(group_concat(row.text, ','), '') || ']'"
    return _array(listing, f"(SELECT {joined} {_each(f'json_array({values})', found)})")


def _each(expression: str, found: str) -> str:
    """The FROM clause for the text of each row found, in order.

    The inner SELECT makes the text: passing all columns on and making it outside took a fifth longer (W2).
    """
    return f"FROM (SELECT {expression} AS text {found}) AS row"


def _array(listing: Listing, expression: str) -> str:
    parts = _per_parent(listing, expression, "','")
    return f"'[' || {parts} || ']'"


def _per_parent(listing: Listing, expression: str, separator: str) -> str:
    """SQL for the texts of an expression of all parents, in their order; a whole table has one."""
    if listing.relation is None:
        return expression
    return (
        f"(SELECT group_concat(part, {separator}) FROM"
        f" (SELECT {expression} AS part FROM json_each(:parents) AS parents))"
    )
