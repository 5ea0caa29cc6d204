"""Pages of lists: filter, ordering and position, and the statements that fetch them.

A list is a whole table, or what a relation leads to from each of many parents. SQL cuts the page: only
its own rows are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from db.model.tables import Relation, Table
from db.program import Statement, Value, Values, json_list
from db.queries.conditions import Binder, Condition, all_of, listed_rows, rows_of, to_sql, unindexed
from db.security import row_security

PARENT = "parents.value"


@dataclass(frozen=True, slots=True)
class Order:
    """One column of an ordering. NULL sorts before all values."""

    column: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows of a table or a relation that meet `where`; `live` excludes the soft-deleted ones."""

    table: Table[Any]
    relation: Relation[Any] | None
    where: Condition
    live: bool

    @property
    def is_walked(self) -> bool:
        """Whether a restricted viewer's rows are found from its own rows, which is in no order."""
        return self.relation is None or not self.relation.whole


@dataclass(frozen=True, slots=True)
class Cut:
    """One page of a listing, in an ordering whose last part is the table's key.

    `after` and `before` are the values of the ordering's columns at a cursor. `limit` rows are read, from
    the end of the list if `backward`.
    """

    order: tuple[Order, ...]
    limit: int
    backward: bool = False
    after: Values | None = None
    before: Values | None = None


def page(listing: Listing, cut: Cut, parents: Sequence[Value]) -> Statement:
    """The statement for one page, or for one of each parent for a relation.

    Its rows have the parent's value (NULL for a table) and then the columns. They come parent by parent,
    in the list's order, which is reversed if `backward`.
    """
    binder = Binder({"limit": cut.limit})
    table = listing.table
    if listing.relation is None:
        return Statement(
            f"SELECT NULL, {table.select_list('t')} {cut_from(listing, cut, 't', binder)}",
            binder.bind,
        )
    # The inner SELECT reads one parent's page off an index; json_each hands its rows on in order.
    binder.bind["parents"] = json_list(parents)
    picked = f"SELECT x.rowid {cut_from(listing, cut, 'x', binder)}"
    return Statement(
        f"SELECT {PARENT}, {table.select_list('t')}"
        " FROM json_each(:parents) AS parents"
        f" CROSS JOIN json_each((SELECT json_group_array(rowid) FROM ({picked}))) AS picked"
        f" CROSS JOIN {table.seen} AS t ON t.rowid = picked.value",
        binder.bind,
    )


def count(listing: Listing, parents: Sequence[Value]) -> Statement:
    """The statement for the length of the whole list: rows of the parent's value and the length."""
    binder = Binder()
    return _per_parent(listing, counted(listing, binder), parents, binder)


def extends_past(
    listing: Listing,
    order: tuple[Order, ...],
    cursor: Values,
    parents: Sequence[Value],
    *,
    ahead: bool,
) -> Statement:
    """The statement for whether the list has rows at or before a cursor, or at or after it if `ahead`."""
    binder = Binder()
    reaching = reaches(listing, order, cursor, binder, ahead=ahead)
    return _per_parent(listing, reaching, parents, binder)


def counted(listing: Listing, binder: Binder) -> str:
    return f"(SELECT count(*) {_all_from(listing, 'x', binder)})"


def reaches(
    listing: Listing, order: tuple[Order, ...], cursor: Values, binder: Binder, *, ahead: bool
) -> str:
    """SQL for whether the list continues beyond a cursor; it reads only its first or last row."""
    binder.bind["limit"] = 1
    columns = ", ".join(f"x.{part.column}" for part in order)
    first = f"SELECT {columns} {cut_from(listing, Cut(order, 1, backward=ahead), 'x', binder)}"
    beyond = _beyond(listing.table, order, cursor, "x", binder, backward=ahead)
    return f"EXISTS (SELECT 1 FROM ({first}) AS x WHERE ({beyond}) IS NOT TRUE)"


def _per_parent(
    listing: Listing, expression: str, parents: Sequence[Value], binder: Binder
) -> Statement:
    if listing.relation is None:
        return Statement(f"SELECT NULL, {expression}", binder.bind)
    binder.bind["parents"] = json_list(parents)
    return Statement(
        f"SELECT {PARENT}, {expression} FROM json_each(:parents) AS parents", binder.bind
    )


def _all_from(listing: Listing, row: str, binder: Binder, *more: str) -> str:
    table, belonging = _belonging(listing, row)
    conditions = [
        belonging,
        *listed_rows(listing.table, row, live=listing.live),
        to_sql(listing.where, row, binder),
        *more,
    ]
    kept = [condition for condition in conditions if condition != "TRUE"]
    return f"FROM {table} AS {row} WHERE {all_of(kept)}"


def _belonging(listing: Listing, row: str) -> tuple[str, str]:
    """SQL for the table, and the condition that a row belongs to the list."""
    if listing.relation is None:
        return listing.table.listed, "TRUE"
    return rows_of(listing.relation, row, PARENT)


def _walked(listing: Listing, by: str) -> Listing:
    """The listing, worded so that SQLite walks the index of the ordering.

    For an equality that another index can find, SQLite would fetch all such rows and sort them. That is
    only allowed if there is nothing to sort.
    """
    table = listing.table
    besides = {table.key, by} | table.unique
    if listing.relation is None and by == table.newest:
        besides |= table.sought
    return replace(listing, where=unindexed(listing.where, besides))


def cut_from(listing: Listing, cut: Cut, row: str, binder: Binder) -> str:
    """The FROM clause for one page, of the parent `parents.value` for a relation; `:limit` is not bound."""
    return f"{uncut_from(listing, cut, row, binder)} LIMIT :limit"


def uncut_from(listing: Listing, cut: Cut, row: str, binder: Binder) -> str:
    """The FROM clause for the page and all rows that follow it."""
    bounds = []
    if cut.after is not None:
        bounds.append(_beyond(listing.table, cut.order, cut.after, row, binder, backward=False))
    if cut.before is not None:
        bounds.append(_beyond(listing.table, cut.order, cut.before, row, binder, backward=True))
    parts = (
        f"{row}.{part.column} {'DESC' if part.descending != cut.backward else 'ASC'}"
        for part in cut.order
    )
    rows = _all_from(_walked(listing, cut.order[0].column), row, binder, *bounds)
    return f"{rows} ORDER BY {', '.join(parts)}"


def _beyond(
    table: Table[Any],
    order: Sequence[Order],
    cursor: Values,
    row: str,
    binder: Binder,
    *,
    backward: bool,
) -> str:
    """SQL for a row after the cursor in this ordering (before it if `backward`).

    It is built from the last column outwards: past the cursor in this column, or equal in this one and
    past the cursor in the rest. The bound on the first column is implied; with it SQLite can seek.
    """
    condition = ""
    for part, value in reversed(list(zip(order, cursor, strict=True))):
        past, level, seek = _past(
            f"{row}.{part.column}",
            value,
            binder,
            descending=part.descending != backward,
            nullable=table.columns[part.column].nullable,
            or_hidden=row_security.or_hidden(table, row, part.column),
        )
        condition = f"{seek}({past} OR ({level} AND {condition}))" if condition else past
    return condition


def _past(
    column: str, value: Value, binder: Binder, *, descending: bool, nullable: bool, or_hidden: str
) -> tuple[str, str, str]:
    """SQL for past a value, for equal to it, and for a bound that both imply.

    `or_hidden` adds the rows whose value is hidden from the viewer, for whom it is NULL. NULL sorts first:
    it is past a value only if descending.
    """
    if value is None:
        level = f"{column} IS NULL"
        if descending:
            return "FALSE", level, f"{level} AND "
        return f"{column} IS NOT NULL", level, ""
    bound = binder.value(value)
    level = f"{column} = {bound}"
    if not descending:
        return f"{column} > {bound}", level, f"{column} >= {bound} AND "
    if nullable:
        # No single bound includes values and NULLs. The + keeps SQLite from seeking both and sorting.
        return f"(+{column} < {bound} OR +{column} IS NULL)", level, ""
    past, seek = f"{column} < {bound}", f"{column} <= {bound}"
    if or_hidden:
        past, seek = f"({past}{or_hidden})", f"({seek}{or_hidden})"
    return past, level, f"{seek} AND "
