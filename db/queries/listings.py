"""SQL for pages of lists: of a whole table, or of a relation from many parents."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from db.model import services
from db.model.tables import Relation, Table
from db.program import Statement, Value, Values, json_list
from db.queries.conditions import (
    All,
    Binder,
    Compare,
    Condition,
    all_of,
    listed_rows,
    rows_of,
    to_sql,
    unindexed,
)
from db.security import row_security

PARENT = "parents.value"
# SQLite looks at a bare parameter when it plans, and so compiles the statement anew each time that one is
# bound, which takes longer than most pages (W1 to W5 of the benchmark).
LIMIT = "LIMIT :limit + 0"


@dataclass(frozen=True, slots=True)
class Order:
    column: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Listing:
    table: Table[Any]
    relation: Relation[Any] | None
    where: Condition
    live: bool

    @property
    def is_walked(self) -> bool:
        """Whether a restricted viewer's rows are found from its own rows, in no order."""
        if self.relation is None:
            return not self.table.is_derived
        return not (self.relation.whole or self.relation.inherited)

    def is_sorted(self, order: Sequence[Order]) -> bool:
        """Whether no index has the rows in this order, so that those of each parent are sorted."""
        newest = order[0].column == self.table.newest
        return self.relation is not None and self.relation.sorts and not newest

    def terms(self, order: Sequence[Order], row: str) -> list[str]:
        """SQL for the columns of an ordering."""
        terms = [f"{row}.{part.column}" for part in order]
        # The + keeps SQLite from the whole table's index of the column: it would skip other parents' rows.
        return [f"+{terms[0]}", *terms[1:]] if self.is_sorted(order) else terms


@dataclass(frozen=True, slots=True)
class PageRange:
    """One page, from the end of the list if `backward`; cursors are values of the ordering's columns."""

    order: tuple[Order, ...]  # ends with the table's key
    limit: int
    backward: bool = False
    after: Values | None = None
    before: Values | None = None


def page(listing: Listing, page_range: PageRange, parents: Sequence[Value]) -> Statement:
    """The statement for one page per parent, whose rows begin with the parent's value (NULL for a table)."""
    binder = Binder({"limit": page_range.limit})
    table = listing.table
    if listing.relation is None:
        columns = table.select_list("t")
        sql, narrow = either_way(
            listing,
            lambda in_order: (
                f"SELECT NULL, {columns}"
                f" {page_from(listing, page_range, 't', binder, in_order=in_order)}"
            ),
        )
        return Statement(sql, binder.bind, narrow)
    # The inner SELECT reads one parent's page off an index; json_each hands its rows on in order.
    binder.bind["parents"] = json_list(parents)
    picked = f"SELECT x.rowid {page_from(listing, page_range, 'x', binder)}"
    return Statement(
        f"SELECT {PARENT}, {table.select_list('t')}"
        " FROM json_each(:parents) AS parents"
        f" CROSS JOIN json_each((SELECT json_group_array(rowid) FROM ({picked}))) AS picked"
        f" CROSS JOIN {table.seen} AS t ON t.rowid = picked.value",
        binder.bind,
    )


def count(listing: Listing, parents: Sequence[Value]) -> Statement:
    binder = Binder()
    return per_parent(listing, counted(listing, binder), parents, binder)


def extends_past(
    listing: Listing,
    order: tuple[Order, ...],
    cursor: Values,
    parents: Sequence[Value],
    *,
    ahead: bool,
) -> Statement:
    """Whether rows lie at or before a cursor, or at or after it if `ahead`."""
    binder = Binder()
    sql, narrow = either_way(
        listing,
        lambda in_order: reaches(listing, order, cursor, binder, ahead=ahead, in_order=in_order),
    )
    found = per_parent(listing, sql, parents, binder)
    return replace(found, narrow=f"SELECT NULL, {narrow}") if narrow else found


def counted(listing: Listing, binder: Binder) -> str:
    return f"(SELECT count(*) {all_from(listing, 'x', binder)})"


def reaches(
    listing: Listing,
    order: tuple[Order, ...],
    cursor: Values,
    binder: Binder,
    *,
    ahead: bool,
    in_order: bool = False,
) -> str:
    """SQL for whether the list continues beyond a cursor; reads only its first or last row."""
    binder.bind["limit"] = 1
    columns = ", ".join(f"x.{part.column}" for part in order)
    one = PageRange(order, 1, backward=ahead)
    first = f"SELECT {columns} {page_from(listing, one, 'x', binder, in_order=in_order)}"
    beyond = _beyond(listing, order, cursor, "x", binder, backward=ahead)
    return f"EXISTS (SELECT 1 FROM ({first}) AS x WHERE ({beyond}) IS NOT TRUE)"


def per_parent(
    listing: Listing, expression: str, parents: Sequence[Value], binder: Binder
) -> Statement:
    """The statement for an SQL expression about the rows of each parent, after the parent's value."""
    if listing.relation is None:
        return Statement(f"SELECT NULL, {expression}", binder.bind)
    binder.bind["parents"] = json_list(parents)
    return Statement(
        f"SELECT {PARENT}, {expression} FROM json_each(:parents) AS parents", binder.bind
    )


def all_from(listing: Listing, row: str, binder: Binder, *more: str) -> str:
    """The FROM clause for all rows of a list, whose parent is PARENT."""
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
    if listing.relation is None:
        return listing.table.listed, "TRUE"
    return rows_of(listing.relation, row, PARENT)


def _walking_index(listing: Listing, order: Sequence[Order]) -> Listing:
    """Make SQLite walk the ordering's index: by another one it would fetch and sort all matching rows."""
    table, by = listing.table, order[0].column
    one = {table.key} | table.unique
    ordered = set() if listing.is_sorted(order) else {by}
    sought = frozenset[str]()
    if listing.relation is None and by == table.newest:
        sought = table.sought | table.unique
    besides = {
        "eq": one | ordered | sought,
        "starts_with": ordered | sought,
        "eq_any_case": sought,
        "starts_with_any_case": sought,
    }
    return replace(listing, where=unindexed(listing.where, besides))


def either_way(listing: Listing, select: Callable[[bool], str]) -> tuple[str, str]:
    """SQL made by `select`, and its narrow form.

    What is derived comes in order, and no further than the page, to those who see all of it; the rows of
    others are few, and sorted.
    """
    if listing.relation is None and listing.table.is_derived:
        return select(True), select(False)
    return select(False), ""


def page_from(
    listing: Listing, page_range: PageRange, row: str, binder: Binder, *, in_order: bool = False
) -> str:
    """The FROM clause of one page; the caller binds `:limit`."""
    rows = services_from if in_order else unlimited_page_from
    return f"{rows(listing, page_range, row, binder)} {LIMIT}"


def services_from(listing: Listing, page_range: PageRange, row: str, binder: Binder) -> str:
    """The FROM clause of all services between the cursors, in order, which begins at the first one."""
    bounds = [f"{{name}} {operator} {sql}" for operator, sql in _bounds(listing.where, binder)]
    for operator, cursor in (">", page_range.after), ("<", page_range.before):
        if cursor is not None:
            bounds.append(f"{{name}} {operator} {binder.value(cursor[0])}")
    begins, ends = (
        [each for each in bounds if each.startswith(f"{{name}} {sign}")] for sign in (">", "<")
    )
    if page_range.backward:
        begins, ends = ends, begins
    names = services.in_order(begins, ends, descending=page_range.backward)
    name = f"{row}.{listing.table.key}"
    conditions = [each.format(name=name) for each in bounds]
    conditions.append(to_sql(listing.where, row, binder))
    return f"FROM {names} AS {row} WHERE {all_of(conditions)}"


def _bounds(where: Condition, binder: Binder) -> Iterator[tuple[str, str]]:
    """Between which names those are that meet the condition."""
    match where:
        case All(parts):
            for part in parts:
                yield from _bounds(part, binder)
        case Compare(_, "eq", operand):
            yield ">=", binder.value(operand)
            yield "<=", binder.value(operand)
        case Compare(_, "starts_with", operand):
            yield ">=", binder.value(operand)
            yield "<", f"{binder.value(operand)} || x'FF'"


def unlimited_page_from(listing: Listing, page_range: PageRange, row: str, binder: Binder) -> str:
    bounds = []
    if page_range.after is not None:
        bounds.append(
            _beyond(listing, page_range.order, page_range.after, row, binder, backward=False)
        )
    if page_range.before is not None:
        bounds.append(
            _beyond(listing, page_range.order, page_range.before, row, binder, backward=True)
        )
    parts = (
        f"{term} {'DESC' if part.descending != page_range.backward else 'ASC'}"
        for part, term in zip(page_range.order, listing.terms(page_range.order, row), strict=True)
    )
    walked = _walking_index(listing, page_range.order)
    if listing.table.is_log and page_range.after is not None:
        walked = replace(walked, live=False)  # SQLite begins at one bound only: at the cursor
    rows = all_from(walked, row, binder, *bounds)
    return f"{rows} ORDER BY {', '.join(parts)}"


def _beyond(
    listing: Listing,
    order: Sequence[Order],
    cursor: Values,
    row: str,
    binder: Binder,
    *,
    backward: bool,
) -> str:
    """SQL for a row after the cursor, or before it if `backward`."""
    # Each column adds: past the cursor here, or equal here and past it in the rest. SQLite seeks by the
    # bound on the first column, which is implied.
    condition, table = "", listing.table
    terms = listing.terms(order, row)
    for part, term, value in reversed(list(zip(order, terms, cursor, strict=True))):
        past, level, seek = _past(
            term,
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
    """SQL for past a value, for equal to it, and for a bound that both imply."""
    # NULL sorts first: it is past a value only if descending. `or_hidden` adds the rows whose value the
    # viewer sees as NULL.
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
