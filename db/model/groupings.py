"""What lists can be grouped by, and what is told of each group: GraphQL types and SQL derive from this."""

import dataclasses
from collections.abc import Mapping, Sequence
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
    PRESENCE = "whether there is one"
    DAY = "the day in UTC"
    MONTH = "the month in UTC"


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


@dataclass(frozen=True, eq=False, slots=True)
class Groupings:
    """The keys of a table's lists by name; by the group's field, the columns summed and the latest told.

    An index begins with the columns `indexed`: rows are counted faster by more of them than by one alone.
    """

    table: Table[Any]
    keys: Mapping[str, GroupKey]
    sums: Mapping[str, str] = dataclasses.field(default_factory=dict)
    latest: Mapping[str, str] = dataclasses.field(default_factory=dict)
    indexed: tuple[str, ...] = ()

    def counted_by(self, keys: Sequence[GroupKey]) -> list[str]:
        """The columns besides those of the keys by which rows are in the order of the index."""
        columns = [key.column for key in keys if key.form is Form.VALUE]
        if len(columns) < len(keys) or not set(columns) <= set(self.indexed):
            return []
        last = max(map(self.indexed.index, columns))
        return [each for each in self.indexed[:last] if each not in columns]


def _groupings(
    table: Table[Any],
    *keys: GroupKey,
    sums: Mapping[str, str] | None = None,
    latest: Mapping[str, str] | None = None,
    indexed: tuple[str, ...] = (),
) -> Groupings:
    return Groupings(table, {key.name: key for key in keys}, sums or {}, latest or {}, indexed)


def _value(column: str) -> GroupKey:
    return GroupKey(column, column, column)


CREATED = (
    GroupKey("created_day", "created_at", "created", Form.DAY),
    GroupKey("created_month", "created_at", "created", Form.MONTH),
)
GROUPINGS: Mapping[Table[Any], Groupings] = {
    each.table: each
    for each in (
        _groupings(ACTORS, _value("actor_type"), _value("status")),
        _groupings(
            CONTEXTS,
            _value("status"),
            GroupKey("owner", CONTEXT_OWNER.column, "owner", relation=CONTEXT_OWNER),
            *CREATED,
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
            _value("target_service"),
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
            indexed=("target_service", "status", "connection_type", "source_type"),
        ),
    )
}
