"""How a table's columns become GraphQL fields.

A column is published by listing it in a type, with its description, and by nothing else: a new
column stays private until then. Its GraphQL type comes from the table.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

import strawberry

from db import kinds
from db.errors import Unreadable
from db.kinds import Kind
from db.tables import Column, Table
from resolvers.scope import Scope
from schema import ids
from schema.scalars import JSON, BigInt, ChittyID, DateTime

T = TypeVar("T")
Info = strawberry.Info[Scope, None]

_GRAPHQL_TYPES: dict[Kind, Any] = {
    kinds.TEXT: str,
    kinds.CHITTY_ID: ChittyID,
    kinds.INT: int,
    kinds.BIG_INT: BigInt,
    kinds.INSTANT: DateTime,
    kinds.STRING_LIST: list[str],
    kinds.OBJECT: JSON,
}


@strawberry.interface(description="An object that has an id of its own")
class Node:
    """What every stored thing offers: its row behind it, and its global id."""

    row: strawberry.Private[Any]

    @strawberry.field(description="Opaque, stable, and unique over all types")
    def id(self) -> strawberry.ID:
        """The global id."""
        return strawberry.ID(ids.encode(self.row))


@dataclass(frozen=True)
class Published:
    """A column to publish: its description, and whether it may be null though its column may not."""

    description: str
    hideable: bool
    as_id: bool


def column(description: str, *, hideable: bool = False, as_id: bool = False) -> Any:
    """Publish the column of this name; `hideable` makes the field nullable, `as_id` an ID."""
    return Published(description, hideable, as_id)


_EXPOSED: dict[type, type[Node]] = {}


def exposes(table: Table[Any]) -> Callable[[type[T]], type[T]]:
    """Make a class the GraphQL type of a table's rows: its docstring describes it."""

    def decorate(cls: type[T]) -> type[T]:
        for name, published in list(vars(cls).items()):
            if isinstance(published, Published):
                setattr(cls, name, _field(table.columns[name], published))
        described = strawberry.type(cls, description=inspect.getdoc(cls))
        _EXPOSED[table.row] = described  # type: ignore[assignment]
        return described

    return decorate


def of(row: Any) -> Any:
    """A row as the GraphQL object that exposes it; None stays None."""
    return None if row is None else _EXPOSED[type(row)](row=row)


def existing(row: Any) -> Any:
    """Like `of`, for a row that must be there; raises Unreadable where it is not."""
    if row is None:
        raise Unreadable("the stored reference leads nowhere")
    return of(row)


def _field(source: Column, published: Published) -> Any:
    def resolve(self: Node) -> Any:
        return source.read(self.row)

    kind = source.kind
    is_enum = isinstance(kind.python, type) and issubclass(kind.python, Enum)
    graphql_type = kind.python if is_enum else _GRAPHQL_TYPES[kind]
    if published.as_id:
        graphql_type = strawberry.ID
    nullable = source.nullable or published.hideable
    resolve.__annotations__["return"] = graphql_type | None if nullable else graphql_type
    return strawberry.field(resolver=resolve, description=published.description)
