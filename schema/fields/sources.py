"""Where a field's value comes from: said once per field, read by both roads.

The generic road makes a resolver of it, the compiled road a part of a statement.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from db.model.tables import Column, Relation, Table
from db.program import Value
from resolvers.permissions import Requirement

METADATA = "source"


@dataclass(frozen=True, slots=True)
class FromColumn:
    """The value of a column."""

    column: Column


@dataclass(frozen=True, slots=True)
class GlobalId:
    """The object's global id, from its table and key."""


@dataclass(frozen=True, slots=True)
class Derived:
    """What `read` makes of a column's stored value; raises Unreadable like a Kind."""

    column: str
    read: Callable[[Value], Any]


@dataclass(frozen=True, slots=True)
class ToOne:
    """The row that a relation leads to; when `required` it is an error if there is none."""

    relation: Relation[Any]
    required: bool


@dataclass(frozen=True, slots=True)
class ToOneOf:
    """The row that one of several relations leads to, by the value of a column; required."""

    by: str
    relations: Mapping[str, Relation[Any]]


@dataclass(frozen=True, slots=True)
class PagedList:
    """Pages of a table's rows, or of what a relation leads to."""

    table: Table[Any]
    relation: Relation[Any] | None


@dataclass(frozen=True, slots=True)
class ByColumn:
    """The row of a table whose `column` has the value that `clean` makes of the only argument."""

    table: Table[Any]
    column: str
    clean: Callable[[Any], Value]


@dataclass(frozen=True, slots=True)
class ByGlobalId:
    """The object with a global id, or with each of several."""

    many: bool


@dataclass(frozen=True, slots=True)
class CurrentViewer:
    """Who asks."""


@dataclass(frozen=True, slots=True)
class ViewerActor:
    """The viewer's actor."""


@dataclass(frozen=True, slots=True)
class MutationField:
    """The payload of a mutation; `perform` takes the scope and the field's arguments.

    `permit` is what it takes, which `perform` checks.
    """

    perform: Callable[..., Awaitable[Any]]
    requirement: Requirement


Source: TypeAlias = (
    FromColumn
    | GlobalId
    | Derived
    | ToOne
    | ToOneOf
    | PagedList
    | ByColumn
    | ByGlobalId
    | CurrentViewer
    | ViewerActor
    | MutationField
)
