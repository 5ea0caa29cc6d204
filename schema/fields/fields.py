"""Fields of GraphQL types that are made from tables: columns, relations and lookups.

A column is public only if a GraphQL type lists it; its GraphQL type comes from the table.
"""

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import strawberry
from strawberry.utils.str_converters import to_camel_case

from db.errors import Unreadable
from db.model import column_types
from db.model.column_types import ColumnType
from db.model.tables import Column, Relation, Table
from db.program import Value
from resolvers.operation_context import OperationContext
from schema.fields import global_ids, stored_values
from schema.fields.costs import COST, FieldCost
from schema.fields.scalars import JSON, BigInt, ChittyID, DateTime
from schema.fields.sources import (
    METADATA,
    NULL_ON_ERROR,
    ByColumn,
    Computed,
    Derived,
    FromColumn,
    GlobalId,
    Sealed,
    Source,
    ToOne,
    ToOneOf,
)

T = TypeVar("T")
Info = strawberry.Info[OperationContext, None]

_GRAPHQL_TYPES: dict[ColumnType, Any] = {
    column_types.TEXT: str,
    column_types.CHITTY_ID: ChittyID,
    column_types.INT: int,
    column_types.BIG_INT: BigInt,
    column_types.INSTANT: DateTime,
    column_types.STRING_LIST: list[str],
    column_types.OBJECT: JSON,
}


def field(
    source: Source,
    resolve: Callable[..., Any],
    returns: Any,
    description: str,
    *,
    null_on_error: bool = False,
    deprecated: str | None = None,
    cost: FieldCost | None = None,
) -> Any:
    """`null_on_error` makes a field nullable that always has a value, so that its error nulls only itself.

    Never set it where the value may be missing, or where the viewer may not see it. `deprecated` says what to
    use instead.
    """
    resolve.__annotations__["return"] = returns | None if null_on_error else returns
    metadata: dict[str, Any] = {METADATA: source, NULL_ON_ERROR: null_on_error}
    if cost is not None:
        metadata[COST] = cost
    return strawberry.field(
        resolver=resolve,
        description=description,
        deprecation_reason=deprecated,
        metadata=metadata,
    )


def _global_id(self: Any) -> Any:
    return global_ids.encode(self.row)


@strawberry.interface(description="An object with a global id")
class Node:
    row: strawberry.Private[Any]
    id = field(GlobalId(), _global_id, strawberry.ID, "Opaque, stable, and unique across all types")


@dataclass(frozen=True, slots=True)
class _PublicColumn:
    description: str
    as_id: bool
    deprecated: str | None


def column(description: str, *, as_id: bool = False, deprecated: str | None = None) -> Any:
    """The field of the column with this name; `as_id` makes it an ID. Private columns are nullable."""
    return _PublicColumn(description, as_id, deprecated)


def derived(name: str, read: Callable[[Value], Any], returns: Any, description: str) -> Any:
    def resolve(self: Any) -> Any:
        return stored_values.named(self.row, name, lambda: read(getattr(self.row, name)))

    return field(Derived(name, read), resolve, returns, description)


def computed(
    columns: tuple[str, ...], read: Callable[..., Any], returns: Any, description: str
) -> Any:
    """A field made of several columns by `read`, which takes their stored values."""

    def resolve(self: Any) -> Any:
        return read(*[getattr(self.row, name) for name in columns])

    return field(Computed(columns, read), resolve, returns, description)


def sealed(
    table: Table[Any], seal: Callable[[bytes, int], str], returns: Any, description: str
) -> Any:
    """A field made of the key of a row of a log by `seal`, which takes the registry's own key, too."""

    def resolve(self: Any, info: Info) -> Any:
        return seal(info.context.cursor_key, getattr(self.row, table.key))

    return field(Sealed(seal), resolve, returns, description)


def to_one(relation: Relation[Any], description: str, *, required: bool = False) -> Any:
    """The field of a to-one relation; shows soft-deleted objects too."""

    async def resolve(self: Any, info: Info) -> Any:
        row = await _follow(info, relation, self.row)
        if row is None and required:
            raise _leads_nowhere(self.row, relation.column)
        return to_object(row)

    returns: Any = object_type(relation.child)
    returns = returns if required else returns | None
    return field(ToOne(relation, required), resolve, returns, description)


def to_one_of(
    discriminator: str,
    relations: Mapping[str, Relation[Any]],
    union: Any,
    description: str,
    *,
    required: bool = True,
) -> Any:
    """The field of one of several to-one relations; the column `discriminator` says which."""

    async def resolve(self: Any, info: Info) -> Any:
        relation = relations.get(getattr(self.row, discriminator))
        if relation is None:
            if required:
                raise _leads_nowhere(self.row, discriminator)
            return None
        row = await _follow(info, relation, self.row)
        if row is None and required:
            raise _leads_nowhere(self.row, relation.column)
        return to_object(row)

    returns = union if required else union | None
    return field(ToOneOf(discriminator, relations, required), resolve, returns, description)


def lookup(
    table: Table[Any],
    description: str,
    argument: str,
    *,
    by: str | None = None,
    argument_type: Any = None,
    spellings: Callable[[Any], Sequence[Value]] = lambda value: (value,),
) -> Any:
    """A field that looks up a row by a unique column, which may hold any of the argument's `spellings`."""
    source = ByColumn(table, by or table.key, spellings)

    async def resolve(self: Any, info: Info, value: Any) -> Any:
        loader = info.context.loaders.row(table, source.column)
        rows = await asyncio.gather(*[loader.load(each) for each in spellings(value)])
        return to_object(next((row for row in rows if row is not None), None))

    resolve.__annotations__["value"] = Annotated[
        argument_type or column_type(table.columns[source.column]),
        strawberry.argument(name=to_camel_case(source.column), description=argument),
    ]
    return field(source, resolve, object_type(table) | None, description)


def object_type(table: Table[Any]) -> Any:
    return Annotated[table.row.__name__, strawberry.lazy("schema.types")]


_TYPE_OF_ROW: dict[type, type[Node]] = {}


def graphql_type(table: Table[Any]) -> Callable[[type[T]], type[T]]:
    """Make a class the GraphQL type of a table's rows, described by its docstring."""

    def decorate(cls: type[T]) -> type[T]:
        for name, published in list(vars(cls).items()):
            if isinstance(published, _PublicColumn):
                setattr(cls, name, _column_field(table.columns[name], published))
        type_ = strawberry.type(cls, description=inspect.getdoc(cls))
        _TYPE_OF_ROW[table.row] = type_  # type: ignore[assignment]
        return type_

    return decorate


def type_of(table: Table[Any]) -> type[Node]:
    """The GraphQL type of a table's rows, once it is made."""
    return _TYPE_OF_ROW[table.row]


def to_object(row: Any) -> Any:
    return None if row is None else _TYPE_OF_ROW[type(row)](row=row)


def _leads_nowhere(row: Any, column: str) -> Unreadable:
    return stored_values.at(row, column, "the stored reference leads nowhere")


async def _follow(info: Info, relation: Relation[Any], row: Any) -> Any:
    key: Value = getattr(row, relation.column)
    if isinstance(key, bytes):
        raise stored_values.at(
            row, relation.column, "the stored reference is neither text nor a number"
        )
    return None if key is None else await info.context.loaders.row(relation.child).load(key)


def column_type(source: Column) -> Any:
    stored = source.type
    return stored.python if stored.names else _GRAPHQL_TYPES[stored]


def _column_field(source: Column, published: _PublicColumn) -> Any:
    def resolve(self: Any) -> Any:
        return stored_values.read_column(self.row, source)

    returns = strawberry.ID if published.as_id else column_type(source)
    if source.nullable or source.private:
        returns = returns | None
    return field(
        FromColumn(source),
        resolve,
        returns,
        published.description,
        deprecated=published.deprecated,
    )
