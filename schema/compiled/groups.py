"""Groups of a page's list in a plan: their statement, and the objects of the response."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from graphql import GraphQLEnumType, GraphQLField, get_named_type

from db.program import Value
from db.queries.groups import Group, Grouping, json_groups
from db.queries.json_listings import JsonStatement
from db.queries.listings import Listing
from schema.compiled.arguments import Arguments
from schema.compiled.lookups import LookupTask, TableLookup
from schema.compiled.plan import Objects, PlanRun, Task
from schema.fields.sources import GroupValue
from schema.groups import Groups

Read: TypeAlias = Callable[[Group], Any]


@dataclass(eq=False, slots=True)
class GroupObjects:
    """Fields of groups that show the object whose key is the value at `name`."""

    name: str
    lookup: TableLookup


@dataclass(eq=False, slots=True)
class GroupsPlan:
    """One `groups` field: its members by response key, and the objects that later tasks put there.

    `selected` are the fields of the group, by Python's names.
    """

    groups: Groups
    arguments: Arguments
    selected: frozenset[str]
    members: list[tuple[str, Read]]
    objects: list[GroupObjects] = field(default_factory=list)

    def requested(
        self, listing: Listing, operands: Sequence[Value], run: PlanRun
    ) -> tuple[Grouping, JsonStatement]:
        """The grouping and its statement, of a listing without its operands; raises BadRequest."""
        values = self.arguments.values(run)
        grouping, limit = self.groups.requested(
            values["by"], values["first"], values["order_by"], self.selected.__contains__
        )
        return grouping, json_groups(listing, grouping).filled(operands, limit)


@dataclass(eq=False, slots=True)
class GroupRows:
    """The groups of all parents, as objects of the response; `tasks` complete them."""

    plan: GroupsPlan
    groups: list[list[Group]]
    built: list[Objects] = field(init=False)

    def __post_init__(self) -> None:
        members = self.plan.members
        self.built = [
            [{key: read(group) for key, read in members} for group in groups]
            for groups in self.groups
        ]

    def tasks(self, run: PlanRun) -> Iterator[Task]:
        for each in self.plan.objects:
            targets = [
                (built, group[each.name])
                for groups, objects in zip(self.groups, self.built, strict=True)
                for group, built in zip(groups, objects, strict=True)
                if group.get(each.name) is not None
            ]
            if targets:
                yield LookupTask(each.lookup, targets, run)


def reader(definition: GraphQLField, source: GroupValue) -> Read:
    """Reads a value of a group as the response has it; raises Unreadable."""
    name, read, type_ = source.name, source.read, get_named_type(definition.type)
    if isinstance(type_, GraphQLEnumType):

        def member(group: Group) -> Any:
            value = read(group.get(name))
            return None if value is None else value.name

        return member
    if type_.name == "BigInt":
        return lambda group: str(read(group.get(name)))
    return lambda group: read(group.get(name))


def empty(group: Group) -> None:
    """The place of an object, until a task fills it."""
