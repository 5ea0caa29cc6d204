"""Statements whose whole answer is one JSON text.

Each fetched row costs Python more than SQLite needs to write it into an array, and takes the
interpreter's lock anew; one text, parsed in one go, does not. Values keep their types: numbers, texts
and NULL. A BLOB cannot be packed: SQLite refuses the statement. Better still is not to parse it: a row
may come spelled, as the answer's own text (W2 and W3 of the benchmark).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from db.model.tables import Table
from db.program import Statement, Value, Values
from db.queries.conditions import Binder
from db.queries.json_text import Member, odd, spelled
from db.queries.listings import Cut, Listing, Order, counted, cut_from, reaches, uncut_from

# What stands between the rows of a spelled page, between their number and them, and between pages:
# JSON text never holds it.
ROW, ROWS, PAGE = "\x1e", "\x1f", "\x1d"
LARGE = 100  # rows of a page


@dataclass(frozen=True, slots=True)
class Packed:
    """A statement that wants the values of the parents it is about, and may be kept for the next ones.

    `narrow` is a Statement's.
    """

    sql: str
    bind: dict[str, Value]
    narrow: str = ""

    def of(self, parents: str) -> Statement:
        """The statement for these parents (or keys), a JSON array; a table's own list has none."""
        return Statement(self.sql, self.bind | {"parents": parents}, self.narrow)

    def alone(self) -> Statement:
        """The statement for a table's own list."""
        return Statement(self.sql, self.bind, self.narrow)


def page(listing: Listing, cut: Cut, columns: Sequence[str]) -> Packed:
    """One page as an array of rows, each the values of these columns; of each parent for a relation.

    The arrays of several parents come in their order.
    """

    def select(found: str) -> str:
        return f"SELECT {_arrays(listing, columns, found)}"

    return _packed(listing, cut, select)


def spelled_page(
    listing: Listing, cut: Cut, columns: Sequence[str], members: Sequence[Member]
) -> Packed:
    """Like `page`, but with rows that are spelled, unless any row of the table is odd.

    `spelled_pages` tells the two answers apart.
    """
    joined = f"coalesce(group_concat(row.text, char({ord(ROW)})), '')"

    def select(found: str) -> str:
        texts = _each(spelled(members, "x"), found)
        page = f"(SELECT count(*) || char({ord(ROWS)}) || {joined} {texts})"
        pages = _per_parent(listing, page, f"char({ord(PAGE)})")
        return (
            f"SELECT CASE WHEN EXISTS (SELECT 1 FROM {listing.table.name} WHERE {odd(listing.table)})"
            f" THEN {_arrays(listing, columns, found)} ELSE {pages} END"
        )

    return _packed(listing, cut, select)


def _packed(listing: Listing, cut: Cut, select: Callable[[str], str]) -> Packed:
    """The statement that selects from what SQL from FROM on finds, and the one for a narrow viewer.

    That viewer's rows are found in no order: only those of the page are fetched. To sort them with all
    that is made of them took twice as long (W3 of `--auth`).
    """
    binder = Binder({"limit": cut.limit})
    sql = select(cut_from(listing, cut, "x", binder))
    narrow = ""
    if listing.is_walked:
        narrow = select(_picked(listing, cut, Binder({"limit": cut.limit})))
    return Packed(sql, binder.bind, narrow)


def _picked(listing: Listing, cut: Cut, binder: Binder) -> str:
    """SQL from FROM on for the rows of a page, found among what is the viewer's own.

    Where there is a LIMIT, SQLite sorts with a B-tree of so many rows, which is slow for large pages:
    these are cut from an array of all (a third less of W3 as owner).
    """
    rows = f"{listing.table.picked} AS x ON x.rowid = picked.value"
    if cut.limit <= LARGE:
        found = f"SELECT x.rowid AS value {cut_from(listing, cut, 'x', binder)}"
        return f"FROM ({found}) AS picked CROSS JOIN {rows}"
    places = f"SELECT x.rowid AS place {uncut_from(listing, cut, 'x', binder)}"
    found = f"json_each((SELECT json_group_array(place) FROM ({places})))"
    return f"FROM {found} AS picked CROSS JOIN {rows} LIMIT :limit"


def spelled_pages(answer: str) -> list[tuple[int, str]] | None:
    """How many rows each page has, and their text; None where the answer is one of arrays."""
    if answer.startswith("["):
        return None
    # To split a long text in vain takes ten times as long as to look first (W3 of the benchmark).
    pages = answer.split(PAGE) if PAGE in answer else [answer]
    parts = (page.partition(ROWS) for page in pages)
    return [(int(count), text) for count, _, text in parts]


def count(listing: Listing) -> Packed:
    """The whole list's length, as an array with that of each parent."""
    binder = Binder()
    return Packed(f"SELECT {_array(listing, counted(listing, binder))}", binder.bind)


def reach(listing: Listing, order: tuple[Order, ...], cursor: Values, *, ahead: bool) -> Packed:
    """Whether the list reaches past a cursor, as an array with 0 or 1 for each parent."""
    binder = Binder()
    reaching = reaches(listing, order, cursor, binder, ahead=ahead)
    return Packed(f"SELECT {_array(listing, reaching)}", binder.bind)


def rows(table: Table[Any], column: str, columns: Sequence[str]) -> Packed:
    """The rows whose `column` is among the keys, as arrays of its value and those of `columns`."""
    packed = ", ".join(f"x.{name}" for name in (column, *columns))
    return Packed(
        f"SELECT json_group_array(json_array({packed})) FROM {table.seen} AS x"
        f" WHERE x.{column} IN (SELECT value FROM json_each(:parents))",
        {},
    )


def _arrays(listing: Listing, columns: Sequence[str], found: str) -> str:
    values = ", ".join(f"x.{column}" for column in columns)
    joined = "'[' || coalesce(group_concat(row.text, ','), '') || ']'"
    return _array(listing, f"(SELECT {joined} {_each(f'json_array({values})', found)})")


def _each(expression: str, found: str) -> str:
    """SQL from FROM on for the text of each row found, in order.

    It is made inside: to hand on every column and make it outside took a fifth longer (W2).
    """
    return f"FROM (SELECT {expression} AS text {found}) AS row"


def _array(listing: Listing, expression: str) -> str:
    parts = _per_parent(listing, expression, "','")
    return f"'[' || {parts} || ']'"


def _per_parent(listing: Listing, expression: str, separator: str) -> str:
    """SQL for the texts of an expression of all parents, in their order; a table's own list has one."""
    if listing.relation is None:
        return expression
    return (
        f"(SELECT group_concat(part, {separator}) FROM"
        f" (SELECT {expression} AS part FROM json_each(:parents) AS parents))"
    )
