"""SQL for the groups of lists: how many rows of a list have the same values, and their sums.

Each parent's groups are one JSON text, an array for each group: its keys, the number of its rows, the high
and the low half of each sum, and the latest instants.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, TypeAlias

from db.model import instants
from db.model.column_types import INT64_MAX, INT64_MIN
from db.model.groupings import GROUPINGS, Form, GroupKey
from db.program import Statement, Value
from db.queries.conditions import Binder
from db.queries.json_listings import JsonStatement, array_of
from db.queries.listings import LIMIT, Listing, all_from, per_parent
from db.security.row_security import by_key

Group: TypeAlias = dict[str, Value]
"""What is known of a group, by the names of its fields; a key is its stored value."""

STATEMENTS_CACHED = 1_024
_HALF = 32  # bits
_LOW = (1 << _HALF) - 1
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
            group[name] = _sum(next(values), next(values))
        for name, _ in self.latest:
            group[name] = next(values)
        return group


def _sum(high: int | None, low: int | None) -> int:
    """The sum of 64-bit numbers from those of their halves; beyond 64 bits, the nearest number."""
    return min(max(((high or 0) << _HALF) + (low or 0), INT64_MIN), INT64_MAX)


def groups(listing: Listing, grouping: Grouping, limit: int, parents: Sequence[Value]) -> Statement:
    """The statement for the groups of each parent, after the parent's value (NULL for a table)."""
    binder = Binder({"limit": limit})
    return per_parent(listing, _grouped(listing, grouping, binder), parents, binder)


@lru_cache(STATEMENTS_CACHED)
def json_groups(listing: Listing, grouping: Grouping) -> JsonStatement:
    """An array for each parent, in their order: its groups."""
    binder = Binder({"limit": 0})
    return JsonStatement(
        f"SELECT {array_of(listing, _grouped(listing, grouping, binder))}", binder.bind
    )


def _grouped(listing: Listing, grouping: Grouping, binder: Binder) -> str:
    # Rows are counted by stored values, which an index may have in order; the few groups that this gives
    # are then joined by what is shown of them.
    stored = [f"{_stored(key, 'x')} AS k{place}" for place, key in enumerate(grouping.keys)]
    shown = [f"{_shown(listing, key, f'c.k{n}')} AS s{n}" for n, key in enumerate(grouping.keys)]
    if listing.relation is None:
        more = GROUPINGS[listing.table].counted_by(grouping.keys)
        stored += [f"x.{column} AS more{place}" for place, column in enumerate(more)]
    counted, added = ["count(*) AS n"], ["sum(c.n) AS total"]
    for place, (_, column) in enumerate(grouping.sums):
        counted += [
            f"sum(x.{column} >> {_HALF}) AS h{place}",
            f"sum(x.{column} & {_LOW}) AS l{place}",
        ]
        added += [f"sum(c.h{place}) AS high{place}", f"sum(c.l{place}) AS low{place}"]
    for place, (_, column) in enumerate(grouping.latest):
        counted.append(f"max({_instant(f'x.{column}')}) AS m{place}")
        added.append(f"max(c.m{place}) AS latest{place}")
    rows = f"SELECT {', '.join([*stored, *counted])} {all_from(listing, 'x', binder)}"
    joined = f"SELECT {', '.join([*shown, *added])} FROM ({rows} GROUP BY {_places(stored)}) AS c"
    names = [each.rpartition(" AS ")[2] for each in (*shown, *added)]
    values = ", ".join(f"g.{name}" for name in names)
    return (
        f"(SELECT json_group_array(json_array({values})) FROM"
        f" ({joined} GROUP BY {_places(shown)} ORDER BY {_order(grouping)} {LIMIT}) AS g)"
    )


def _places(columns: Sequence[str]) -> str:
    """The first columns of a SELECT, by their numbers."""
    return ", ".join(str(place) for place in range(1, len(columns) + 1))


def _order(grouping: Grouping) -> str:
    by_count, descending = grouping.order.value
    keys = range(len(grouping.keys))
    direction = " DESC" if descending else ""
    if by_count:
        return ", ".join([f"total{direction}", *[f"s{place}" for place in keys]])
    return ", ".join(f"s{place}{direction}" for place in keys)


def _stored(key: GroupKey, row: str) -> str:
    value = f"{row}.{key.column}"
    match key.form:
        case Form.PRESENCE:
            return f"{value} IS NOT NULL"
        case Form.DAY | Form.MONTH:
            return f"CASE WHEN {value} GLOB '{_CANONICAL}' THEN substr({value}, 1, 10) ELSE {value} END"
    return value


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
