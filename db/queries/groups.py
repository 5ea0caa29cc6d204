"""SQL for the groups of lists: how many rows of a list have the same values, and their sums.

Each parent's groups are one JSON text, an array for each group: its keys, the number of its rows, the high
and the low half of each sum, and the latest instants.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Any, TypeAlias

from db.model import column_types, instants
from db.model.groupings import GROUPINGS, Form, GroupKey, of_column
from db.program import Statement, Value
from db.queries import exact_sums
from db.queries.conditions import Binder, columns_read
from db.queries.json_listings import JsonStatement, array_of
from db.queries.json_text import non_canonical
from db.queries.listings import LIMIT, Listing, all_from, per_parent
from db.security.row_security import by_key

Group: TypeAlias = dict[str, Value]
"""What is known of a group, by the names of its fields; a key is its stored value."""

STATEMENTS_CACHED = 1_024
# Canonical, but for the calendar: SQLite reads other forms, and takes four times as long.
_CANONICAL = "????-[01]?-[0-3]?T[0-2]?:[0-5]?:[0-5]?.???Z"
# date() refuses what is no day, such as "now" or a number; '+0 days' lets it refuse 30 February.
_IS_READABLE = "{0} >= '0001' AND date(substr({0}, 1, 10), '+0 days') = substr({0}, 1, 10)"
_READABLE = f"CASE WHEN {_IS_READABLE} THEN {{1}} END"
_FORMATS = {Form.DAY: "'%Y-%m-%dT00:00:00.000Z'", Form.MONTH: "'%Y-%m-01T00:00:00.000Z'"}


class GroupOrder(Enum):
    """The value is whether the count comes first, and whether the order descends."""

    COUNT_DESC = (True, True)
    COUNT_ASC = (True, False)
    KEY_ASC = (False, False)
    KEY_DESC = (False, True)


@dataclass(frozen=True, slots=True)
class Grouping:
    """By which keys a list is grouped; `sums` and `latest` pair fields of the group with columns."""

    keys: tuple[GroupKey, ...]
    order: GroupOrder
    sums: tuple[tuple[str, str], ...] = ()
    latest: tuple[tuple[str, str], ...] = ()

    def read(self, rows: Sequence[Sequence[Any]]) -> list[Group]:
        """The groups that the database returned as arrays."""
        return [self._group(row) for row in rows]

    def _group(self, row: Sequence[Any]) -> Group:
        values = iter(row)
        group: Group = {key.field: next(values) for key in self.keys}
        group["count"] = next(values)
        for name, _ in self.sums:
            high, low = next(values), next(values)
            group[name] = exact_sums.bounded(exact_sums.whole(high or 0, low or 0))
        for name, _ in self.latest:
            group[name] = next(values)
        return group


def groups(listing: Listing, grouping: Grouping, limit: int, parents: Sequence[Value]) -> Statement:
    """The statement for the groups of each parent, after the parent's value (NULL for a table)."""
    fast, sure, binder = _both(listing, grouping, limit)
    if fast == sure:
        return per_parent(listing, sure, parents, binder)
    either = f"CASE WHEN {_is_plain(listing, grouping)} THEN {fast} ELSE {sure} END"
    narrow = per_parent(listing, sure, parents, binder)
    return replace(per_parent(listing, either, parents, binder), narrow=narrow.sql)


@lru_cache(STATEMENTS_CACHED)
def json_groups(listing: Listing, grouping: Grouping) -> JsonStatement:
    """An array for each parent, in their order: its groups."""
    *forms, binder = _both(listing, grouping, 0)
    fast, sure = [array_of(listing, form) for form in forms]
    if fast == sure:
        return JsonStatement(f"SELECT {sure}", binder.bind)
    either = f"CASE WHEN {_is_plain(listing, grouping)} THEN {fast} ELSE {sure} END"
    return JsonStatement(f"SELECT {either}", binder.bind, f"SELECT {sure}")


def _both(listing: Listing, grouping: Grouping, limit: int) -> tuple[str, str, Binder]:
    """SQL for groups of plain rows and for those of any rows, with the same parameters.

    A viewer who sees a part of the rows gets the second one: whether there are others, it must not learn.
    """
    binder = Binder({"limit": limit})
    fast = _grouped(listing, grouping, Binder({"limit": limit}), plain=True)
    return fast, _grouped(listing, grouping, binder, plain=False), binder


def _is_plain(listing: Listing, grouping: Grouping) -> str:
    """SQL for whether all rows of the table are canonical, with counters of which SQLite can sum up 2^31."""
    table = listing.table
    others = [non_canonical(table)]
    for _, column in grouping.sums:
        if table.columns[column].type is not column_types.INT:
            others += [f"{column} > {exact_sums.LOW}", f"{column} < {-exact_sums.LOW}"]
    found = [f"NOT EXISTS (SELECT 1 FROM {table.name} WHERE {each})" for each in others]
    return " AND ".join(found)


def _grouped(listing: Listing, grouping: Grouping, binder: Binder, *, plain: bool) -> str:
    # Rows are counted by stored values, which an index may have in order; the few groups that this gives
    # are then joined by what is shown of them.
    keys = [_stored(key, plain=plain) for key in grouping.keys]
    terms = [term.format(row="x") for term in keys]
    more: list[str] = []
    values = terms
    if listing.relation is None:
        ordered = GROUPINGS[listing.table].counted_by(keys, _read(listing, grouping))
        more = [term.format(row="x") for term in ordered if term not in keys]
        if not ordered:
            # The + keeps SQLite from an index in this order that lacks something: it would fetch all rows
            # in that order, which takes longer than to sort them.
            terms = [f"+{term}" for term in terms]
        values = terms
        if len(ordered) > 1:
            values = [_of_group(*each) for each in zip(grouping.keys, terms, strict=True)]
    names = [f"k{place}" for place in range(len(keys))]
    stored = [f"{value} AS {name}" for value, name in zip(values, names, strict=True)]
    counted, added = _aggregates(grouping, plain=plain)
    rows = f"SELECT {', '.join([*stored, *counted])} {all_from(listing, 'x', binder)}"
    rows = f"{rows} GROUP BY {', '.join([*terms, *more])}"
    if more and any(key.relation for key in grouping.keys):
        # Each object is looked up once.
        of_keys = [f"c.{name}" for name in names]
        rows = (
            f"SELECT {', '.join([*of_keys, *added])} FROM ({rows}) AS c GROUP BY {_places(of_keys)}"
        )
    shown = [f"{_shown(listing, key, f'c.k{n}')} AS s{n}" for n, key in enumerate(grouping.keys)]
    joined = f"SELECT {', '.join([*shown, *added])} FROM ({rows}) AS c GROUP BY {_places(shown)}"
    listed = ", ".join(f"g.{each.rpartition(' AS ')[2]}" for each in (*shown, *added))
    return (
        f"(SELECT json_group_array(json_array({listed})) FROM"
        f" ({joined} ORDER BY {_order(grouping)} {LIMIT}) AS g)"
    )


def _aggregates(grouping: Grouping, *, plain: bool) -> tuple[list[str], list[str]]:
    """SQL for the number, the sums and the latest of rows, and for those of groups of them."""
    counted, added = ["count(*) AS n"], ["sum(c.n) AS n"]
    for place, (_, column) in enumerate(grouping.sums):
        value = f"x.{column}"
        halves = ("0", f"sum({value})") if plain else exact_sums.halves(value)
        for name, half in zip((f"h{place}", f"l{place}"), halves, strict=True):
            counted.append(f"{half} AS {name}")
            added.append(f"sum(c.{name}) AS {name}")
    for place, (_, column) in enumerate(grouping.latest):
        value = f"x.{column}"
        counted.append(f"max({value if plain else _instant(value)}) AS m{place}")
        added.append(f"max(c.m{place}) AS m{place}")
    return counted, added


def _read(listing: Listing, grouping: Grouping) -> set[str]:
    """SQL for the columns that a list's groups need besides their keys."""
    columns = {
        *columns_read(listing.where),
        *(column for _, column in grouping.sums + grouping.latest),
    }
    terms = set(map(of_column, columns))
    if listing.live:
        terms |= {
            term for term in map(of_column, listing.table.columns) if term in listing.table.live
        }
    return terms


def _places(columns: Sequence[str]) -> str:
    """The first columns of a SELECT, by their numbers."""
    return ", ".join(str(place) for place in range(1, len(columns) + 1))


def _order(grouping: Grouping) -> str:
    by_count, descending = grouping.order.value
    keys = range(len(grouping.keys))
    direction = " DESC" if descending else ""
    if by_count:
        return ", ".join([f"n{direction}", *[f"s{place}" for place in keys]])
    return ", ".join(f"s{place}{direction}" for place in keys)


def _stored(key: GroupKey, *, plain: bool) -> str:
    """SQL for that by which rows, named `{row}`, are counted."""
    if plain or key.form not in _FORMATS:
        return key.stored
    value = of_column(key.column)
    return f"CASE WHEN {value} GLOB '{_CANONICAL}' THEN {key.stored} ELSE {value} END"


def _of_group(key: GroupKey, term: str) -> str:
    """SQL for the value of this term that all rows of a group have."""
    # An index has the day, but for the first row of each group, and for each with a later instant than those
    # before it, SQLite would fetch the whole row to compute it.
    return f"min({term})" if key.form in _FORMATS else term


def _shown(listing: Listing, key: GroupKey, stored: str) -> str:
    """What a stored value is in the response, of which each is in one group; NULL if it cannot be read."""
    if key.relation is not None:
        # Objects that the viewer does not see are alike: how many there are is not told.
        child = key.relation.child
        return f"(SELECT o.{child.key} FROM {by_key(child, 'o', stored)})"
    if key.form in _FORMATS:
        return _READABLE.format(stored, f"strftime({_FORMATS[key.form]}, {stored}, '+0 days')")
    if key.form is Form.PRESENCE:
        return stored
    names = listing.table.columns[key.column].type.names
    if names:
        cases = " ".join(f"WHEN '{each.lower()}' THEN '{each}'" for each in names)
        return f"CASE lower(trim({stored})) {cases} END"
    return f"iif(typeof({stored}) IN ('text', 'integer'), CAST({stored} AS TEXT), NULL)"


def _instant(stored: str) -> str:
    read = _READABLE.format(stored, instants.as_instant(stored, "'+0 days'"))
    return f"CASE WHEN {stored} GLOB '{_CANONICAL}' THEN {stored} ELSE {read} END"
