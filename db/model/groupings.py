"""What lists can be grouped by, and what is told of each group: GraphQL types and SQL derive from this."""

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from db.model.tables import (
    ACTORS,
    CONNECTION_INSTALLATION,
    CONNECTIONS,
    CONTEXT_OWNER,
    CONTEXTS,
    INSTALLATIONS,
    Relation,
    Table,
)

MOST_KEYS = 3


class Form(Enum):
    """What of a column's value makes rows alike."""

    VALUE = "the value"
    TEXT = "the text by code point, whatever its column compares by"
    PRESENCE = "whether there is one"
    DAY = "the day in UTC"
    MONTH = "the month in UTC"


def of_column(name: str) -> str:
    """SQL for a column of the row `{row}`."""
    return f"{{row}}.{name}"


def text_of(column: str) -> str:
    return f"{of_column(column)} COLLATE BINARY"


def day_of(column: str) -> str:
    """SQL for the day of a canonical instant, in the words of the index (migration 0029)."""
    return f"substr({of_column(column)}, 1, 10)"


@dataclass(frozen=True, slots=True)
class GroupKey:
    """`field` is the group's field that shows it: of keys with the same one, a list takes only one.

    A `relation` of the column leads to the object that is shown.
    """

    name: str
    column: str
    field: str
    form: Form = Form.VALUE
    relation: Relation[Any] | None = None

    @property
    def stored(self) -> str:
        """SQL for that by which canonical rows, named `{row}`, are counted."""
        match self.form:
            case Form.DAY | Form.MONTH:
                return day_of(self.column)
            case Form.PRESENCE:
                return f"{of_column(self.column)} IS NOT NULL"
            case Form.TEXT:
                return text_of(self.column)
        return of_column(self.column)


@dataclass(frozen=True, slots=True)
class Counted:
    """An index that has rows in the order of these terms, as in `GroupKey.stored`, and has other columns."""

    order: tuple[str, ...]
    besides: tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Groupings:
    """The keys of a table's lists by name; by the group's field, the columns summed and the latest told."""

    table: Table[Any]
    keys: Mapping[str, GroupKey]
    sums: Mapping[str, str] = dataclasses.field(default_factory=dict)
    latest: Mapping[str, str] = dataclasses.field(default_factory=dict)
    indexes: tuple[Counted, ...] = ()

    def counted_by(self, stored: Collection[str], read: Collection[str]) -> tuple[str, ...]:
        """The first terms of an index, among them all of `stored`: rows are in the order of these together.

        To count rows by more terms is faster than to sort them. Empty if no index has all that is `read`: to
        fetch rows in its order takes longer than to sort them.
        """
        for index in self.indexes:
            if set(stored) <= set(index.order) and {*read} <= {*index.order, *index.besides}:
                return index.order[: 1 + max(map(index.order.index, stored))]
        return ()


def _groupings(
    table: Table[Any],
    *keys: GroupKey,
    sums: Mapping[str, str] | None = None,
    latest: Mapping[str, str] | None = None,
    indexes: tuple[Counted, ...] = (),
) -> Groupings:
    return Groupings(table, {key.name: key for key in keys}, sums or {}, latest or {}, indexes)


def _value(column: str) -> GroupKey:
    return GroupKey(column, column, column)


CREATED = (
    GroupKey("created_day", "created_at", "created", Form.DAY),
    GroupKey("created_month", "created_at", "created", Form.MONTH),
)
_SERVICE, _STATUS = text_of("target_service"), of_column("status")
_KIND = tuple(map(of_column, ("connection_type", "source_type", "installation_id")))
_OTHERS = tuple(map(of_column, ("target_service", "request_count", "error_count", "last_used_at")))
GROUPINGS: Mapping[Table[Any], Groupings] = {
    each.table: each
    for each in (
        _groupings(ACTORS, _value("actor_type"), _value("status")),
        _groupings(
            CONTEXTS,
            _value("status"),
            GroupKey("owner", CONTEXT_OWNER.column, "owner", relation=CONTEXT_OWNER),
            *CREATED,
            indexes=(Counted((of_column(CONTEXT_OWNER.column),), (_STATUS,)),),
        ),
        _groupings(
            INSTALLATIONS,
            _value("account_type"),
            _value("repository_selection"),
            GroupKey("suspended", "suspended_at", "suspended", Form.PRESENCE),
        ),
        _groupings(
            CONNECTIONS,
            _value("status"),
            GroupKey("target_service", "target_service", "target_service", Form.TEXT),
            _value("connection_type"),
            _value("source_type"),
            GroupKey(
                "installation",
                CONNECTION_INSTALLATION.column,
                "installation",
                relation=CONNECTION_INSTALLATION,
            ),
            *CREATED,
            sums={"requests": "request_count", "errors": "error_count"},
            latest={"last_used_at": "last_used_at"},
            indexes=(
                Counted((_SERVICE, _STATUS, *_KIND), _OTHERS),
                Counted((day_of("created_at"), _STATUS, _SERVICE, *_KIND), _OTHERS),
            ),
        ),
    )
}
