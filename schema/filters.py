"""The filters and orderings that clients may ask for.

An input's own field names are the whitelist: each is a column of its table, a relation said in
`filters`, or and/or/not. What they mean is in `schema.conditions`.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import strawberry

from db.model import tables
from db.model.tables import Relation, Table
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
from schema.fields.input_fields import optional, required
from schema.fields.scalars import BigInt, ChittyID, DateTime

E = TypeVar("E")
T = TypeVar("T")


@strawberry.input(description="Conditions on a text; comparisons are exact, case included")
class StringFilter:
    eq: str | None = optional("Exactly this")
    in_: list[str] | None = optional("One of these", name="in")
    not_: str | None = optional("Not this, but something", name="not")
    contains: str | None = optional("This somewhere in it")
    starts_with: str | None = optional("This at its beginning")
    is_null: bool | None = optional("Whether there is none")


@strawberry.input(description="Conditions on a whole number")
class IntFilter:
    eq: int | None = optional("Exactly this")
    gt: int | None = optional("Greater than this")
    gte: int | None = optional("This or greater")
    lt: int | None = optional("Smaller than this")
    lte: int | None = optional("This or smaller")


@strawberry.input(description="Conditions on a 64-bit whole number")
class BigIntFilter:
    eq: BigInt | None = optional("Exactly this")
    in_: list[BigInt] | None = optional("One of these", name="in")
    gt: BigInt | None = optional("Greater than this")
    gte: BigInt | None = optional("This or greater")
    lt: BigInt | None = optional("Smaller than this")
    lte: BigInt | None = optional("This or smaller")


@strawberry.input(name="ChittyIDFilter", description="Conditions on a ChittyID")
class ChittyIdFilter:
    eq: ChittyID | None = optional("Exactly this")
    in_: list[ChittyID] | None = optional("One of these", name="in")
    is_null: bool | None = optional("Whether there is none")


@strawberry.input(description="Conditions on an instant")
class DateTimeFilter:
    gt: DateTime | None = optional("After this")
    gte: DateTime | None = optional("At this or after it")
    lt: DateTime | None = optional("Before this")
    lte: DateTime | None = optional("At this or before it")
    is_null: bool | None = optional("Whether there is none")


@strawberry.input(description="Conditions on a list of texts")
class StringListFilter:
    contains: str | None = optional("This is in it")
    contains_any: list[str] | None = optional("At least one of these is in it")
    contains_all: list[str] | None = optional("All of these are in it")
    is_empty: bool | None = optional("Whether nothing is in it")


@strawberry.input(name="Filter", description="Conditions on one of a few values")
class EnumFilter(Generic[E]):
    eq: E | None = optional("Exactly this")
    in_: list[E] | None = optional("One of these", name="in")
    not_: E | None = optional("Any but this", name="not")


@dataclass(frozen=True, slots=True)
class FilterTarget:
    """What a filter is over, and where its relation fields lead."""

    table: Table[Any]
    relations: dict[str, Relation[Any]]


FILTER_TARGETS: dict[type, FilterTarget] = {}


def filters(table: Table[Any], **relations: Relation[Any]) -> Callable[[type[T]], type[T]]:
    """Make a class the filter of a table; `relations` say where its relation fields lead."""

    def decorate(cls: type[T]) -> type[T]:
        FILTER_TARGETS[cls] = FilterTarget(table, relations)
        return strawberry.input(cls, description=inspect.getdoc(cls))

    return decorate


@strawberry.input(description="Whether some or none of the contexts meet a condition")
class ContextsMatch:
    some: "ContextFilter | None" = optional("At least one context meets this")
    none: "ContextFilter | None" = optional("No context meets this")


@strawberry.input(description="Whether some or none of the connections meet a condition")
class ConnectionsMatch:
    some: "ConnectionFilter | None" = optional("At least one connection meets this")
    none: "ConnectionFilter | None" = optional("No connection meets this")


@strawberry.input(description="Whether some or none of the installations meet a condition")
class InstallationsMatch:
    some: "InstallationFilter | None" = optional("At least one installation meets this")
    none: "InstallationFilter | None" = optional("No installation meets this")


@filters(
    tables.ACTORS,
    contexts=tables.ACTOR_CONTEXTS,
    connections=tables.ACTOR_CONNECTIONS,
    suspended_installations=tables.ACTOR_SUSPENDED_INSTALLATIONS,
)
class ActorFilter:
    """Which actors: every given part must hold."""

    and_: list["ActorFilter"] | None = optional("All of these hold", name="and")
    or_: list["ActorFilter"] | None = optional("At least one of these holds", name="or")
    not_: "ActorFilter | None" = optional("This does not hold", name="not")
    chitty_id: ChittyIdFilter | None = optional("Its ChittyID")
    actor_type: EnumFilter[ActorType] | None = optional("What kind of actor it is")
    status: EnumFilter[ActorStatus] | None = optional(
        "Where it is in its life; naming this lists deleted actors too"
    )
    display_name: StringFilter | None = optional("What people call it")
    email: StringFilter | None = optional("Its e-mail address")
    capabilities: StringListFilter | None = optional("What it may do")
    session_count: BigIntFilter | None = optional("How many sessions it has begun")
    last_seen_at: DateTimeFilter | None = optional("When it was last seen")
    created_at: DateTimeFilter | None = optional("When it was registered")
    updated_at: DateTimeFilter | None = optional("When it last changed")
    contexts: ContextsMatch | None = optional("The contexts that it owns")
    connections: ConnectionsMatch | None = optional("The connections that it opened itself")
    suspended_installations: InstallationsMatch | None = optional(
        "The installations that it suspended"
    )


@filters(
    tables.CONTEXTS,
    owner=tables.CONTEXT_OWNER,
    connections=tables.CONTEXT_CONNECTIONS,
    installations=tables.CONTEXT_INSTALLATIONS,
)
class ContextFilter:
    """Which contexts: every given part must hold."""

    and_: list["ContextFilter"] | None = optional("All of these hold", name="and")
    or_: list["ContextFilter"] | None = optional("At least one of these holds", name="or")
    not_: "ContextFilter | None" = optional("This does not hold", name="not")
    chitty_id: ChittyIdFilter | None = optional("Its ChittyID")
    name: StringFilter | None = optional("Its name")
    status: EnumFilter[ContextStatus] | None = optional(
        "Where it is in its life; naming this lists deleted contexts too"
    )
    data: StringListFilter | None = optional("The data it works with")
    systems: StringListFilter | None = optional("The systems it works in")
    tools: StringListFilter | None = optional("The tools it may use")
    created_at: DateTimeFilter | None = optional("When it was created")
    updated_at: DateTimeFilter | None = optional("When it last changed")
    deleted_at: DateTimeFilter | None = optional(
        "When it was deleted; naming this lists deleted contexts too"
    )
    owner: ActorFilter | None = optional("The actor that owns it")
    connections: ConnectionsMatch | None = optional("The connections that it opened")
    installations: InstallationsMatch | None = optional(
        "The installations that its connections go through"
    )


@filters(
    tables.INSTALLATIONS,
    contexts=tables.INSTALLATION_CONTEXTS,
    connections=tables.INSTALLATION_CONNECTIONS,
)
class InstallationFilter:
    """Which installations: every given part must hold."""

    and_: list["InstallationFilter"] | None = optional("All of these hold", name="and")
    or_: list["InstallationFilter"] | None = optional("At least one of these holds", name="or")
    not_: "InstallationFilter | None" = optional("This does not hold", name="not")
    installation_id: BigIntFilter | None = optional("GitHub's id of the installation")
    chitty_id: ChittyIdFilter | None = optional("Its ChittyID")
    account_id: BigIntFilter | None = optional("GitHub's id of the account")
    account_login: StringFilter | None = optional("The account's login")
    account_type: EnumFilter[AccountType] | None = optional("What kind of account it is")
    repository_selection: EnumFilter[RepositorySelection] | None = optional(
        "Which of the account's repositories it covers"
    )
    events: StringListFilter | None = optional("The events that it is told of")
    selected_repositories: StringListFilter | None = optional(
        "The repositories it was given, by full name"
    )
    suspended_at: DateTimeFilter | None = optional("When it was suspended")
    installed_at: DateTimeFilter | None = optional("When it was installed")
    updated_at: DateTimeFilter | None = optional("When it last changed here")
    uninstalled_at: DateTimeFilter | None = optional(
        "When it was removed; naming this lists removed installations too"
    )
    contexts: ContextsMatch | None = optional("The contexts whose connections go through it")
    connections: ConnectionsMatch | None = optional("The connections that go through it")


@filters(
    tables.CONNECTIONS,
    source_context=tables.CONNECTION_SOURCE_CONTEXT,
    source_actor=tables.CONNECTION_SOURCE_ACTOR,
    installation=tables.CONNECTION_INSTALLATION,
)
class ConnectionFilter:
    """Which connections: every given part must hold."""

    and_: list["ConnectionFilter"] | None = optional("All of these hold", name="and")
    or_: list["ConnectionFilter"] | None = optional("At least one of these holds", name="or")
    not_: "ConnectionFilter | None" = optional("This does not hold", name="not")
    connection_id: StringFilter | None = optional("Its UUID")
    target_service: StringFilter | None = optional("The service that it leads to")
    target_endpoint: StringFilter | None = optional("Where at the service")
    connection_type: EnumFilter[ConnectionType] | None = optional("How it reaches the service")
    status: EnumFilter[ConnectionStatus] | None = optional(
        "Where it is in its life; naming this lists disconnected ones too"
    )
    source_type: EnumFilter[SourceType] | None = optional("Whether a context or an actor opened it")
    error_count: IntFilter | None = optional("Consecutive unhealthy reports")
    request_count: BigIntFilter | None = optional("How many requests went through it")
    last_error: StringFilter | None = optional("What was last wrong with it")
    last_health_check: DateTimeFilter | None = optional("When its health was last reported")
    last_used_at: DateTimeFilter | None = optional("When it was last used")
    created_at: DateTimeFilter | None = optional("When it was opened")
    updated_at: DateTimeFilter | None = optional("When it last changed")
    disconnected_at: DateTimeFilter | None = optional(
        "When it was disconnected; naming this lists disconnected ones too"
    )
    source_context: ContextFilter | None = optional("The context that opened it")
    source_actor: ActorFilter | None = optional("The actor that opened it")
    installation: InstallationFilter | None = optional("The installation that it goes through")


@strawberry.input(description="One part of an ordering of actors")
class ActorOrder:
    field: ActorOrderField = required("What to order by")
    direction: OrderDirection = optional("Which way", default=OrderDirection.ASC)


@strawberry.input(description="One part of an ordering of contexts")
class ContextOrder:
    field: ContextOrderField = required("What to order by")
    direction: OrderDirection = optional("Which way", default=OrderDirection.ASC)


@strawberry.input(description="One part of an ordering of installations")
class InstallationOrder:
    field: InstallationOrderField = required("What to order by")
    direction: OrderDirection = optional("Which way", default=OrderDirection.ASC)


@strawberry.input(description="One part of an ordering of connections")
class ConnectionOrder:
    field: ConnectionOrderField = required("What to order by")
    direction: OrderDirection = optional("Which way", default=OrderDirection.ASC)
