"""Where a field's value comes from: declared once, for generic and compiled execution."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from strawberry.schema.schema_converter import GraphQLCoreConverter

from db.model.groupings import Groupings
from db.model.tables import Column, Relation, Table
from db.program import Program, Value
from resolvers.permissions import Requirement

DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF
"""The extension of a field of the built schema that is its declaration, which has the metadata."""
METADATA = "source"
NULL_ON_ERROR = "null on error"
"""The metadata of a field that is nullable for its errors only: every viewer gets a value."""


@dataclass(frozen=True, slots=True)
class FromColumn:
    column: Column


@dataclass(frozen=True, slots=True)
class GlobalId:
    """The object's global id, made of its type and key."""


@dataclass(frozen=True, slots=True)
class Derived:
    """The result of `read` for a column's stored value; raises Unreadable."""

    column: str
    read: Callable[[Value], Any]


@dataclass(frozen=True, slots=True)
class Computed:
    """The result of `read` for the stored values of several columns."""

    columns: tuple[str, ...]
    read: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A text made of the registry's key and the row's key, which clients must not learn."""

    seal: Callable[[bytes, int], str]


@dataclass(frozen=True, slots=True)
class ToOne:
    """The row that a to-one relation leads to; if `required`, its absence is an error."""

    relation: Relation[Any]
    required: bool


@dataclass(frozen=True, slots=True)
class ToOneOf:
    """The row that one of several relations leads to; the column `discriminator` says which.

    If `required`, its absence is an error.
    """

    discriminator: str
    relations: Mapping[str, Relation[Any]]
    required: bool


@dataclass(frozen=True, slots=True)
class PagedList:
    """Pages of a table, or of the rows that a to-many relation leads to."""

    table: Table[Any]
    relation: Relation[Any] | None


@dataclass(frozen=True, slots=True)
class Grouped:
    """The groups of a page's list."""

    groupings: Groupings


@dataclass(frozen=True, slots=True)
class GroupValue:
    """The result of `read` for a value of a group; raises Unreadable."""

    name: str
    read: Callable[[Value], Any]


@dataclass(frozen=True, slots=True)
class GroupObject:
    """The row whose key is a value of a group, to which a relation leads."""

    name: str
    relation: Relation[Any]


@dataclass(frozen=True, slots=True)
class ByColumn:
    """The row whose unique `column` has the first of the `spellings` of the only argument that any has."""

    table: Table[Any]
    column: str
    spellings: Callable[[Any], Sequence[Value]]


@dataclass(frozen=True, slots=True)
class ByGlobalId:
    """The object with a global id, or those with each of several."""

    many: bool


@dataclass(frozen=True, slots=True)
class CurrentViewer:
    """The viewer of the operation."""


@dataclass(frozen=True, slots=True)
class ViewerActor:
    """The viewer's actor."""


@dataclass(frozen=True, slots=True)
class Around:
    """What lies around an object of the graph."""


@dataclass(frozen=True, slots=True)
class ShortestPath:
    """The relations of a shortest path between two objects of the graph."""


@dataclass(frozen=True, slots=True)
class Searched:
    """Objects by the words of their texts."""


@dataclass(frozen=True, slots=True)
class NamedServices:
    """Pages of all services."""


@dataclass(frozen=True, slots=True)
class Made:
    """An object of plain attributes, made of what a Program without arguments returns."""

    read: Callable[[], Program[Any]]


@dataclass(frozen=True, slots=True)
class MadeOfKeys:
    """An object of plain attributes for each row, which the Program returns by their keys."""

    read: Callable[[Sequence[Value]], Program[Mapping[Value, Any]]]


@dataclass(frozen=True, slots=True)
class OnlyGeneric:
    """What the field's resolver returns; no plan has it."""


@dataclass(frozen=True, slots=True)
class MutationField:
    """`perform` takes the OperationContext and the arguments, and checks the `requirement`."""

    perform: Callable[..., Awaitable[Any]]
    requirement: Requirement


@dataclass(frozen=True, slots=True)
class Events:
    """Events as they happen, each of which queries read: see `schema.execution.events`."""


Source: TypeAlias = (
    FromColumn
    | GlobalId
    | Derived
    | Computed
    | Sealed
    | ToOne
    | ToOneOf
    | PagedList
    | Grouped
    | GroupValue
    | GroupObject
    | ByColumn
    | ByGlobalId
    | CurrentViewer
    | ViewerActor
    | Around
    | ShortestPath
    | Searched
    | NamedServices
    | Made
    | MadeOfKeys
    | OnlyGeneric
    | MutationField
    | Events
)
