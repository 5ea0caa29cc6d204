"""What groups must be, counted in Python over the rows of a list."""

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from strawberry.utils.str_converters import to_camel_case

from db.model.column_types import INT64_MAX
from db.model.groupings import GROUPINGS, MOST_KEYS, Form, GroupKey
from db.model.tables import Table
from db.queries.groups import GroupOrder
from tests.support.expectations.oracle import public

KEY_FIELDS = {"owner": "owner { chittyId }", "installation": "installation { installationId }"}


class Asked:
    """A grouping made at random, the same one for the same seed."""

    def __init__(self, table: Table[Any], chance: random.Random) -> None:
        groupings = GROUPINGS[table]
        most = min(MOST_KEYS, len(groupings.keys))
        names = chance.sample(sorted(groupings.keys), chance.randint(1, most))
        by_field = {groupings.keys[name].field: groupings.keys[name] for name in names}
        self.table = table
        self.keys = list(by_field.values())
        self.order = chance.choice(list(GroupOrder))
        self.first = chance.choice([1, 2, 5, 100, 1000])
        told = [*groupings.sums, *groupings.latest]
        self.told = chance.sample(told, chance.randint(0, len(told)))

    @property
    def field(self) -> str:
        """The field as a document has it."""
        by = ", ".join(key.name.upper() for key in self.keys)
        shown = [KEY_FIELDS.get(key.field, to_camel_case(key.field)) for key in self.keys]
        told = [to_camel_case(name) for name in self.told]
        return (
            f"groups(by: [{by}], first: {self.first}, orderBy: {self.order.name})"
            f" {{ {' '.join([*shown, *told])} count }}"
        )

    def expected(self, rows: Sequence[Any]) -> list[dict[str, Any]]:
        """The groups of these rows."""
        alike: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
        for row in rows:
            alike[tuple(_value(self.table, key, row) for key in self.keys)].append(row)
        by_count, descending = self.order.value
        found = sorted(alike.items(), key=lambda each: _rank(each[0]))
        if by_count:
            found.sort(key=lambda each: len(each[1]), reverse=descending)
        elif descending:
            found.reverse()
        return [self._group(values, each) for values, each in found[: self.first]]

    def _group(self, values: tuple[Any, ...], rows: list[Any]) -> dict[str, Any]:
        groupings = GROUPINGS[self.table]
        group = {
            to_camel_case(key.field): _shown(key, value)
            for key, value in zip(self.keys, values, strict=True)
        }
        for name in self.told:
            if name in groupings.sums:
                total = sum(getattr(row, groupings.sums[name]) for row in rows)
                group[to_camel_case(name)] = str(min(total, INT64_MAX))
            else:
                moments = [getattr(row, groupings.latest[name]) for row in rows]
                group[to_camel_case(name)] = max((each for each in moments if each), default=None)
        return group | {"count": len(rows)}


def _value(table: Table[Any], key: GroupKey, row: Any) -> Any:
    if key.form is Form.PRESENCE:
        return getattr(row, key.column) is not None
    value = public(table, key.column, row)
    if key.form is Form.DAY:
        return f"{value[:10]}T00:00:00.000Z"
    return f"{value[:7]}-01T00:00:00.000Z" if key.form is Form.MONTH else value


def _shown(key: GroupKey, value: Any) -> Any:
    if key.relation is None or value is None:
        return value
    name = "chittyId" if key.field == "owner" else "installationId"
    return {name: str(value)}


def _rank(values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    return [() if value is None else (value,) for value in values]
