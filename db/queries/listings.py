"""Pages of a list: which rows, in which order, from where; and the statements that fetch them.

A list is a whole table, or what a relation leads to from each of many parents at once. Either way it
is cut in SQL: a page reads its own rows, not all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from db.model.tables import Relation, Table
from db.program import Statement, Value, Values, listed
from db.queries.conditions import Binder, Condition, all_of, listed_rows, rows_of, to_sql, unindexed
from db.security import row_security

PARENT = "parents.value"


@dataclass(frozen=True, slots=True)
class Order:
    """One part of an ordering. NULL is smaller than everything."""

    column: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list holds: a table's rows, or those of a relation, that meet `where`.

    `live` leaves out the soft-deleted ones.
    """

    table: Table[Any]
    relation: Relation[Any] | None
    where: Condition
    live: bool

    @property
    def is_walked(self) -> bool:
        """Whether a viewer that sees few of the rows finds them from its own, and in no order."""
        return self.relation is None or not self.relation.whole


@dataclass(frozen=True, slots=True)
class Cut:
    """One page of a listing, in an ordering whose last part is the table's key.

    `after` and `before` are the order's values at a cursor. `limit` rows are read, from the end of the
    list when `backward`.
    """

    order: tuple[Order, ...]
    limit: int
    backward: bool = False
    after: Values | None = None
    before: Values | None = None


def page(listing: Listing, cut: Cut, parents: Sequence[Value]) -> Statement:
    """The statement for one page, of each parent for a relation.

    Its rows hold the parent's value first (NULL for a table) and then the columns. They come parent
    by parent, in the list's order or, when `backward`, against it.
    """
    binder = Binder({"limit": cut.limit})
    table = listing.table
    if listing.relation is None:
        return Statement(
            f"SELECT NULL, {table.select_list('t')} {cut_from(listing, cut, 't', binder)}",
            binder.bind,
        )
    # The inner SELECT reads one parent's page off an index; json_each hands its rows on in order.
    binder.bind["parents"] = listed(parents)
    picked = f"SELECT x.rowid {cut_from(listing, cut, 'x', binder)}"
    return Statement(
        f"SELECT {PARENT}, {table.select_list('t')}"
        " FROM json_each(:parents) AS parents"
        f" CROSS JOIN json_each((SELECT json_group_array(rowid) FROM ({picked}))) AS picked"
        f" CROSS JOIN {table.seen} AS t ON t.rowid = picked.value",
        binder.bind,
    )


def count(listing: Listing, parents: Sequence[Value]) -> Statement:
    """The statement for the whole list's length: rows of the parent's value and its count."""
    binder = Binder()
    return _per_parent(listing, counted(listing, binder), parents, binder)


def overreaches(
    listing: Listing,
    order: tuple[Order, ...],
    cursor: Values,
    parents: Sequence[Value],
    *,
    ahead: bool,
) -> Statement:
    """The statement that asks whether the list reaches past a cursor: to it or behind it, or `ahead`."""
    binder = Binder()
    reaching = reaches(listing, order, cursor, binder, ahead=ahead)
    return _per_parent(listing, reaching, parents, binder)


def counted(listing: Listing, binder: Binder) -> str:
    """SQL for the whole list's length."""
    return f"(SELECT count(*) {_all_from(listing, 'x', binder)})"


def reaches(
    listing: Listing, order: tuple[Order, ...], cursor: Values, binder: Binder, *, ahead: bool
) -> str:
    """SQL for whether the list reaches past a cursor; it looks at its very first or last row only."""
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
    binder.bind["parents"] = listed(parents)
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
    """What stands for the table, and the condition that a row is the list's."""
    if listing.relation is None:
        return listing.table.listed, "TRUE"
    return rows_of(listing.relation, row, PARENT)


def _walked(listing: Listing, by: str) -> Listing:
    """The listing, so asked for that SQLite walks the index that it is ordered by.

    For an equality that another index could find, it would fetch all such rows and sort them, which is
    kept to where there is nothing to sort.
    """
    table = listing.table
    besides = {table.key, by} | table.unique
    if listing.relation is None and by == table.newest:
        besides |= table.sought
    return replace(listing, where=unindexed(listing.where, besides))


def cut_from(listing: Listing, cut: Cut, row: str, binder: Binder) -> str:
    """SQL from FROM on for one page, of the parent `parents.value` for a relation; binds no `:limit`."""
    return f"{uncut_from(listing, cut, row, binder)} LIMIT :limit"


def uncut_from(listing: Listing, cut: Cut, row: str, binder: Binder) -> str:
    """The same, with all rows that follow those of the page."""
    bounds = []
    if cut.after is not None:
        bounds.append(_beyond(listing.table, cut.order, cut.after, row, binder, backward=False))
    if cut.before is not None:
        bounds.append(_beyond(listing.table, cut.order, cut.before, row, binder, backward=True))
    parts = (
        f"{row}.{part.column} {'DESC' if part.descending != cut.backward else 'ASC'}"
        for part in cut.order
    )
    listed = _all_from(_walked(listing, cut.order[0].column), row, binder, *bounds)
    return f"{listed} ORDER BY {', '.join(parts)}"


def _beyond(
    table: Table[Any],
    order: Sequence[Order],
    cursor: Values,
    row: str,
    binder: Binder,
    *,
    backward: bool,
) -> str:
    """SQL: the row comes after the cursor in this order (before it when `backward`).

    Made from the last column outwards: strictly past the cursor in this one, or level with it and
    beyond in the rest. The bound on the first column alone is implied; it lets SQLite seek.
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
    """SQL for strictly past a value, for level with it, and for a bound that both imply.

    `or_hidden` is SQL that adds the rows whose value is hidden from the viewer, and NULL for that.

    NULL comes first when ascending, so a value has no NULL past it; descending, it has.
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
        # No one bound holds values and NULLs. The + keeps SQLite from looking both up and sorting them.
        return f"(+{column} < {bound} OR +{column} IS NULL)", level, ""
    past, seek = f"{column} < {bound}", f"{column} <= {bound}"
    if or_hidden:
        past, seek = f"({past}{or_hidden})", f"({seek}{or_hidden})"
    return past, level, f"{seek} AND "
