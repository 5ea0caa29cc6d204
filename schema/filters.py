"""The filters and orderings that clients may ask for.

An input's own field names are the whitelist: each is a column of its table, a relation said in
`filters`, or and/or/not. What they mean is in `schema.conditions`.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import strawberry
from strawberry import UNSET

from db import tables
from db.tables import Relation, Table
from schema.enums import (
    AccountType,
    ActorOrderField,
    ActorStatus,
    ActorType,
    ConnectionOrderField,
    ConnectionStatus,
    ConnectionType,
    ContextOrderField,
    ContextStatus,
    InstallationOrderField,
    OrderDirection,
    RepositorySelection,
    SourceType,
)
from schema.scalars import BigInt, ChittyID, DateTime

E = TypeVar("E")
T = TypeVar("T")


def renamed(name: str) -> Any:
    """An optional field whose GraphQL name is a Python keyword."""
    return strawberry.field(name=name, default=UNSET)


@strawberry.input(description="Conditions on a text; comparisons are exact, case included")
class StringFilter:
    eq: str | None = UNSET
    in_: list[str] | None = renamed("in")
    not_: str | None = renamed("not")
    contains: str | None = UNSET
    starts_with: str | None = UNSET
    is_null: bool | None = UNSET


@strawberry.input(description="Conditions on a whole number")
class IntFilter:
    eq: int | None = UNSET
    gt: int | None = UNSET
    gte: int | None = UNSET
    lt: int | None = UNSET
    lte: int | None = UNSET


@strawberry.input(description="Conditions on a 64-bit whole number")
class BigIntFilter:
    eq: BigInt | None = UNSET
    in_: list[BigInt] | None = renamed("in")
    gt: BigInt | None = UNSET
    gte: BigInt | None = UNSET
    lt: BigInt | None = UNSET
    lte: BigInt | None = UNSET


@strawberry.input(name="ChittyIDFilter", description="Conditions on a ChittyID")
class ChittyIdFilter:
    eq: ChittyID | None = UNSET
    in_: list[ChittyID] | None = renamed("in")
    is_null: bool | None = UNSET


@strawberry.input(description="Conditions on an instant")
class DateTimeFilter:
    gt: DateTime | None = UNSET
    gte: DateTime | None = UNSET
    lt: DateTime | None = UNSET
    lte: DateTime | None = UNSET
    is_null: bool | None = UNSET


@strawberry.input(description="Conditions on a list of texts")
class StringListFilter:
    contains: str | None = UNSET
    contains_any: list[str] | None = UNSET
    contains_all: list[str] | None = UNSET
    is_empty: bool | None = UNSET


@strawberry.input(name="Filter", description="Conditions on one of a few values")
class EnumFilter(Generic[E]):
    eq: E | None = UNSET
    in_: list[E] | None = renamed("in")
    not_: E | None = renamed("not")


@dataclass(frozen=True, slots=True)
class Filtered:
    """What a filter is over, and where its relation fields lead."""

    table: Table[Any]
    relations: dict[str, Relation[Any]]


FILTERED: dict[type, Filtered] = {}


def filters(table: Table[Any], **relations: Relation[Any]) -> Callable[[type[T]], type[T]]:
    """Make a class the filter of a table; `relations` say where its relation fields lead."""

    def decorate(cls: type[T]) -> type[T]:
        FILTERED[cls] = Filtered(table, relations)
        return strawberry.input(cls, description=inspect.getdoc(cls))

    return decorate


@strawberry.input(description="Whether some or none of the contexts meet a condition")
class ContextsMatch:
    some: "ContextFilter | None" = UNSET
    none: "ContextFilter | None" = UNSET


@strawberry.input(description="Whether some or none of the connections meet a condition")
class ConnectionsMatch:
    some: "ConnectionFilter | None" = UNSET
    none: "ConnectionFilter | None" = UNSET


@strawberry.input(description="Whether some or none of the installations meet a condition")
class InstallationsMatch:
    some: "InstallationFilter | None" = UNSET
    none: "InstallationFilter | None" = UNSET


@filters(
    tables.ACTORS,
    contexts=tables.ACTOR_CONTEXTS,
    connections=tables.ACTOR_CONNECTIONS,
    suspended_installations=tables.ACTOR_SUSPENDED_INSTALLATIONS,
)
class ActorFilter:
    """Which actors: every given part must hold."""

    and_: list["ActorFilter"] | None = renamed("and")
    or_: list["ActorFilter"] | None = renamed("or")
    not_: "ActorFilter | None" = renamed("not")
    chitty_id: ChittyIdFilter | None = UNSET
    actor_type: EnumFilter[ActorType] | None = UNSET
    status: EnumFilter[ActorStatus] | None = UNSET
    display_name: StringFilter | None = UNSET
    email: StringFilter | None = UNSET
    capabilities: StringListFilter | None = UNSET
    session_count: BigIntFilter | None = UNSET
    last_seen_at: DateTimeFilter | None = UNSET
    created_at: DateTimeFilter | None = UNSET
    updated_at: DateTimeFilter | None = UNSET
    contexts: ContextsMatch | None = UNSET
    connections: ConnectionsMatch | None = UNSET
    suspended_installations: InstallationsMatch | None = UNSET


@filters(
    tables.CONTEXTS,
    owner=tables.CONTEXT_OWNER,
    connections=tables.CONTEXT_CONNECTIONS,
    installations=tables.CONTEXT_INSTALLATIONS,
)
class ContextFilter:
    """Which contexts: every given part must hold."""

    and_: list["ContextFilter"] | None = renamed("and")
    or_: list["ContextFilter"] | None = renamed("or")
    not_: "ContextFilter | None" = renamed("not")
    chitty_id: ChittyIdFilter | None = UNSET
    name: StringFilter | None = UNSET
    status: EnumFilter[ContextStatus] | None = UNSET
    data: StringListFilter | None = UNSET
    systems: StringListFilter | None = UNSET
    tools: StringListFilter | None = UNSET
    created_at: DateTimeFilter | None = UNSET
    updated_at: DateTimeFilter | None = UNSET
    deleted_at: DateTimeFilter | None = UNSET
    owner: ActorFilter | None = UNSET
    connections: ConnectionsMatch | None = UNSET
    installations: InstallationsMatch | None = UNSET


@filters(
    tables.INSTALLATIONS,
    contexts=tables.INSTALLATION_CONTEXTS,
    connections=tables.INSTALLATION_CONNECTIONS,
)
class InstallationFilter:
    """Which installations: every given part must hold."""

    and_: list["InstallationFilter"] | None = renamed("and")
    or_: list["InstallationFilter"] | None = renamed("or")
    not_: "InstallationFilter | None" = renamed("not")
    installation_id: BigIntFilter | None = UNSET
    chitty_id: ChittyIdFilter | None = UNSET
    account_id: BigIntFilter | None = UNSET
    account_login: StringFilter | None = UNSET
    account_type: EnumFilter[AccountType] | None = UNSET
    repository_selection: EnumFilter[RepositorySelection] | None = UNSET
    events: StringListFilter | None = UNSET
    selected_repositories: StringListFilter | None = UNSET
    suspended_at: DateTimeFilter | None = UNSET
    installed_at: DateTimeFilter | None = UNSET
    updated_at: DateTimeFilter | None = UNSET
    uninstalled_at: DateTimeFilter | None = UNSET
    contexts: ContextsMatch | None = UNSET
    connections: ConnectionsMatch | None = UNSET


@filters(
    tables.CONNECTIONS,
    source_context=tables.CONNECTION_SOURCE_CONTEXT,
    source_actor=tables.CONNECTION_SOURCE_ACTOR,
    installation=tables.CONNECTION_INSTALLATION,
)
class ConnectionFilter:
    """Which connections: every given part must hold."""

    and_: list["ConnectionFilter"] | None = renamed("and")
    or_: list["ConnectionFilter"] | None = renamed("or")
    not_: "ConnectionFilter | None" = renamed("not")
    connection_id: StringFilter | None = UNSET
    target_service: StringFilter | None = UNSET
    target_endpoint: StringFilter | None = UNSET
    connection_type: EnumFilter[ConnectionType] | None = UNSET
    status: EnumFilter[ConnectionStatus] | None = UNSET
    source_type: EnumFilter[SourceType] | None = UNSET
    error_count: IntFilter | None = UNSET
    request_count: BigIntFilter | None = UNSET
    last_error: StringFilter | None = UNSET
    last_health_check: DateTimeFilter | None = UNSET
    last_used_at: DateTimeFilter | None = UNSET
    created_at: DateTimeFilter | None = UNSET
    updated_at: DateTimeFilter | None = UNSET
    disconnected_at: DateTimeFilter | None = UNSET
    source_context: ContextFilter | None = UNSET
    source_actor: ActorFilter | None = UNSET
    installation: InstallationFilter | None = UNSET


@strawberry.input(description="One part of an ordering of actors")
class ActorOrder:
    field: ActorOrderField
    direction: OrderDirection = OrderDirection.ASC


@strawberry.input(description="One part of an ordering of contexts")
class ContextOrder:
    field: ContextOrderField
    direction: OrderDirection = OrderDirection.ASC


@strawberry.input(description="One part of an ordering of installations")
class InstallationOrder:
    field: InstallationOrderField
    direction: OrderDirection = OrderDirection.ASC


@strawberry.input(description="One part of an ordering of connections")
class ConnectionOrder:
    field: ConnectionOrderField
    direction: OrderDirection = OrderDirection.ASC
