"""Groups of lists: their GraphQL types and enumerations, and the field of a page that returns them.

What a list can be grouped by is declared in `db.model.groupings`; here it gets descriptions.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, TypeVar

import strawberry
from strawberry.utils.str_converters import to_camel_case

from db.model import column_types, tables
from db.model.groupings import GROUPINGS, MOST_KEYS, Form, Groupings, GroupKey
from db.model.tables import Table
from db.program import Value
from db.queries.groups import Group, Grouping, GroupOrder
from resolvers import groups
from schema import enums
from schema.fields import fields
from schema.fields.collect_fields import selects
from schema.fields.costs import WHOLE_TABLE, FieldCost
from schema.fields.fields import Info
from schema.fields.scalars import BigInt, DateTime
from schema.fields.sources import Grouped, GroupObject, GroupValue

T = TypeVar("T")

enums.publish(
    GroupOrder,
    "The order of groups; null counts as the smallest value, and keys follow in the order of the argument by",
    COUNT_DESC="The largest groups come first; equal ones in the order of their keys",
    COUNT_ASC="The smallest groups come first; equal ones in the order of their keys",
    KEY_ASC="By the keys, ascending: texts by code point, objects by their keys, members by name",
    KEY_DESC="By the keys, descending",
)


@dataclass(frozen=True, slots=True)
class _Shown:
    description: str
    of_keys: Mapping[str, str]


def shown(description: str, **of_keys: str) -> Any:
    """A field of a group; `of_keys` describes the keys that it shows, if there are several."""
    return _Shown(description, of_keys)


@dataclass(frozen=True, slots=True)
class Groups:
    """The GraphQL type of a table's groups, and the enumeration of what makes them."""

    groupings: Groupings
    type: Any
    by: Any

    def requested(
        self, by: list[Any], first: int | None, order: GroupOrder, selected: Callable[[str], bool]
    ) -> tuple[Grouping, int]:
        """The groups that a field's arguments ask for, and how many at most; raises BadRequest."""
        names = [key.value for key in by]
        return groups.requested(self.groupings, names, order, selected), groups.size(first)


GROUPS: dict[Table[Any], Groups] = {}


@strawberry.type
class _Group:
    group: strawberry.Private[Group]


def _group_type(table: Table[Any]) -> Callable[[type[T]], type[T]]:
    """Make a class the GraphQL type of the groups of a table's lists, described by its docstring."""

    def decorate(cls: type[T]) -> type[T]:
        groupings = GROUPINGS[table]
        described = {name: each for name, each in vars(cls).items() if isinstance(each, _Shown)}
        for name, each in described.items():
            setattr(cls, name, _field(groupings, name, each.description))
        type_: Any = strawberry.type(cls, description=inspect.getdoc(cls))
        GROUPS[table] = Groups(groupings, type_, _keys(groupings, described))
        return type_  # type: ignore[no-any-return]

    return decorate


def _keys(groupings: Groupings, described: Mapping[str, _Shown]) -> Any:
    type_name = groupings.table.row.__name__
    members: Any = Enum(f"{type_name}GroupBy", {name.upper(): name for name in groupings.keys})  # type: ignore[misc]
    descriptions = {}
    for name, key in groupings.keys.items():
        each = described[key.field]
        descriptions[name.upper()] = each.of_keys.get(name, each.description)
    enums.publish(members, f"What {groupings.table.name} can be grouped by", **descriptions)
    return members


def _field(groupings: Groupings, name: str, description: str) -> Any:
    keys = {key.field: key for key in groupings.keys.values()}
    columns = groupings.table.columns
    if name == "count":
        return _value(name, column_types.INT.read, int, description)
    if name in groupings.sums:
        return _value(name, column_types.BIG_INT.read, BigInt, description)
    if name in groupings.latest:
        return _value(name, _nullable(column_types.INSTANT.read), DateTime | None, description)
    key = keys[name]
    if key.relation is not None:
        return _object(key, description)
    if key.form is Form.PRESENCE:
        return _value(name, _nullable(bool), bool | None, description)
    if key.form in (Form.VALUE, Form.TEXT):
        column = columns[key.column]
        returns = fields.column_type(column) | None
        return _value(name, _nullable(column.type.read), returns, description)
    return _value(name, _nullable(column_types.INSTANT.read), DateTime | None, description)


def _nullable(read: Callable[[Value], Any]) -> Callable[[Value], Any]:
    return lambda stored: None if stored is None else read(stored)


def _value(name: str, read: Callable[[Value], Any], returns: Any, description: str) -> Any:
    def resolve(self: Any) -> Any:
        return read(self.group.get(name))

    return fields.field(GroupValue(name, read), resolve, returns, description)


def _object(key: GroupKey, description: str) -> Any:
    relation: Any = key.relation

    async def resolve(self: Any, info: Info) -> Any:
        value = self.group.get(key.field)
        if value is None:
            return None
        return fields.to_object(await info.context.loaders.row(relation.child).load(value))

    returns = fields.object_type(relation.child) | None
    return fields.field(GroupObject(key.field, relation), resolve, returns, description)


_COUNT = "The number of objects in the group"
_CREATED = {
    "created_day": "The day of creation, in UTC",
    "created_month": "The month of creation, in UTC",
}


@_group_type(tables.ACTORS)
class ActorGroup(_Group):
    """The actors of a list that are alike; what the list is not grouped by is null"""

    actor_type = shown("The type of actor")
    status = shown("The status")
    count = shown(_COUNT)


@_group_type(tables.CONTEXTS)
class ContextGroup(_Group):
    """The contexts of a list that are alike; what the list is not grouped by is null"""

    status = shown("The status")
    owner = shown("The actor that owns them; null for all owners that the viewer may not see")
    created = shown("The first instant of the day or month of creation, in UTC", **_CREATED)
    count = shown(_COUNT)


@_group_type(tables.INSTALLATIONS)
class InstallationGroup(_Group):
    """The installations of a list that are alike; what the list is not grouped by is null"""

    account_type = shown("The type of account")
    repository_selection = shown("Whether they cover all repositories or selected ones")
    suspended = shown("Whether they are suspended")
    count = shown(_COUNT)


@_group_type(tables.CONNECTIONS)
class ConnectionGroup(_Group):
    """The connections of a list that are alike; what the list is not grouped by is null"""

    status = shown("The status")
    target_service = shown("The name of the service")
    connection_type = shown("The type of connection")
    source_type = shown("Whether contexts or actors opened them")
    installation = shown(
        "The GitHub App installation that they use; null if they use none, or the viewer may not see it"
    )
    created = shown("The first instant of the day or month of creation, in UTC", **_CREATED)
    count = shown(_COUNT)
    requests = shown(
        "The sum of requestCount; beyond 64 bits, the largest number of 64 bits, 9223372036854775807"
    )
    errors = shown("The sum of errorCount")
    last_used_at = shown("When one of them was last used; null if none was")


FirstGroups = Annotated[
    int | None,
    strawberry.argument(description=f"The number of groups from the start: 1 to {groups.MOST}"),
]
OrderGroups = Annotated[GroupOrder, strawberry.argument(description="The order of the groups")]


def field(table: Table[Any]) -> Any:
    """The field of a page that groups the page's list."""
    of_table = GROUPS[table]

    async def resolve(
        self: Any,
        info: Info,
        by: Any,
        first: FirstGroups = groups.DEFAULT,
        order_by: OrderGroups = GroupOrder.COUNT_DESC,
    ) -> Any:
        raw, known = info._raw_info, info.context.known_of_nodes
        key = (*map(id, raw.field_nodes), "groups")
        if key not in known:  # the same for all parents
            known[key] = of_table.requested(
                by, first, order_by, lambda name: selects(raw, to_camel_case(name))
            )
        grouping, limit = known[key]
        found: list[Group] = await self.page.groups(grouping, limit)
        return [of_table.type(group=group) for group in found]

    resolve.__annotations__["by"] = Annotated[
        list[of_table.by],  # type: ignore[name-defined]
        strawberry.argument(
            description=f"What makes objects alike: 1 to {MOST_KEYS} keys, each once, not days and months"
        ),
    ]
    return fields.field(
        Grouped(of_table.groupings),
        resolve,
        list[of_table.type],  # type: ignore[name-defined]
        "The objects of the whole list in groups, with their number",
        cost=FieldCost(reads=WHOLE_TABLE, size=("first", groups.MOST), each=1),
    )
