"""The filters and orderings of lists, as input types.

Clients can filter only by what these types list: columns of the table, relations named in `filter_of`, and
and/or/not. `schema.filter_reader` turns them into conditions.
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
    ChangeOperation,
    ConnectionOrderField,
    ConnectionStatus,
    ConnectionType,
    ContextOrderField,
    ContextStatus,
    InstallationOrderField,
    NodeKind,
    OrderDirection,
    RepositorySelection,
    SourceType,
)
from schema.fields.input_fields import optional, required
from schema.fields.scalars import BigInt, ChittyID, DateTime

E = TypeVar("E")
T = TypeVar("T")


NULL = "A null value meets none of them"
NULL_BUT_IS_NULL = f"{NULL} but isNull: true"
NEGATION = "This does not match, because a value differs or is null"


@strawberry.input(
    description="Conditions on a string, which compare code points and thus the case of letters, unless "
    f"ignoreCase is true. {NULL_BUT_IS_NULL}"
)
class StringFilter:
    eq: str | None = optional("Equal to this value")
    in_: list[str] | None = optional("Equal to one of these values", name="in")
    not_: str | None = optional("Not null, and not equal to this value", name="not")
    contains: str | None = optional("Contains this string")
    starts_with: str | None = optional("Starts with this string")
    ends_with: str | None = optional("Ends with this string")
    ignore_case: bool | None = optional(
        "Whether eq, in, contains, startsWith and endsWith take ASCII letters in either case for the same; "
        "other letters always differ"
    )
    is_null: bool | None = optional("Is null (true) or not null (false)")


@strawberry.input(description=f"Conditions on a whole number. {NULL}")
class IntFilter:
    eq: int | None = optional("Equal to this value")
    gt: int | None = optional("Greater than this value")
    gte: int | None = optional("Greater than or equal to this value")
    lt: int | None = optional("Less than this value")
    lte: int | None = optional("Less than or equal to this value")


@strawberry.input(description=f"Conditions on a 64-bit whole number. {NULL}")
class BigIntFilter:
    eq: BigInt | None = optional("Equal to this value")
    in_: list[BigInt] | None = optional("Equal to one of these values", name="in")
    gt: BigInt | None = optional("Greater than this value")
    gte: BigInt | None = optional("Greater than or equal to this value")
    lt: BigInt | None = optional("Less than this value")
    lte: BigInt | None = optional("Less than or equal to this value")


@strawberry.input(
    name="ChittyIDFilter", description=f"Conditions on a ChittyID. {NULL_BUT_IS_NULL}"
)
class ChittyIdFilter:
    eq: ChittyID | None = optional("Equal to this value")
    in_: list[ChittyID] | None = optional("Equal to one of these values", name="in")
    is_null: bool | None = optional("Is null (true) or not null (false)")


@strawberry.input(description=f"Conditions on an instant. {NULL_BUT_IS_NULL}")
class DateTimeFilter:
    gt: DateTime | None = optional("After this instant")
    gte: DateTime | None = optional("At or after this instant")
    lt: DateTime | None = optional("Before this instant")
    lte: DateTime | None = optional("At or before this instant")
    is_null: bool | None = optional("Is null (true) or not null (false)")


@strawberry.input(description="Conditions on a list of strings; null counts as an empty list")
class StringListFilter:
    contains: str | None = optional("Contains this item")
    contains_any: list[str] | None = optional("Contains at least one of these items")
    contains_all: list[str] | None = optional("Contains all of these items")
    is_empty: bool | None = optional("Is empty (true) or not empty (false)")


@strawberry.input(name="Filter", description=f"Conditions on an enum value. {NULL}")
class EnumFilter(Generic[E]):
    eq: E | None = optional("Equal to this value")
    in_: list[E] | None = optional("Equal to one of these values", name="in")
    not_: E | None = optional("Not null, and not equal to this value", name="not")


@dataclass(frozen=True, slots=True)
class FilterTarget:
    table: Table[Any]
    relations: dict[str, Relation[Any]]


FILTER_TARGETS: dict[type, FilterTarget] = {}


def filter_of(table: Table[Any], **relations: Relation[Any]) -> Callable[[type[T]], type[T]]:
    def decorate(cls: type[T]) -> type[T]:
        FILTER_TARGETS[cls] = FilterTarget(table, relations)
        return strawberry.input(cls, description=inspect.getdoc(cls))

    return decorate


@strawberry.input(description="Conditions on related contexts")
class ContextsMatch:
    some: "ContextFilter | None" = optional("At least one context matches")
    none: "ContextFilter | None" = optional("No context matches, or there is none")


@strawberry.input(description="Conditions on related connections")
class ConnectionsMatch:
    some: "ConnectionFilter | None" = optional("At least one connection matches")
    none: "ConnectionFilter | None" = optional("No connection matches, or there is none")


@strawberry.input(description="Conditions on related installations")
class InstallationsMatch:
    some: "InstallationFilter | None" = optional("At least one installation matches")
    none: "InstallationFilter | None" = optional("No installation matches, or there is none")


@filter_of(
    tables.ACTORS,
    contexts=tables.ACTOR_CONTEXTS,
    connections=tables.ACTOR_CONNECTIONS,
    suspended_installations=tables.ACTOR_SUSPENDED_INSTALLATIONS,
)
class ActorFilter:
    """A filter of actors: all conditions in it must match, and none may be null."""

    and_: list["ActorFilter"] | None = optional("All of these match", name="and")
    or_: list["ActorFilter"] | None = optional("At least one of these matches", name="or")
    not_: "ActorFilter | None" = optional(NEGATION, name="not")
    chitty_id: ChittyIdFilter | None = optional("The ChittyID")
    actor_type: EnumFilter[ActorType] | None = optional("The type of actor")
    status: EnumFilter[ActorStatus] | None = optional(
        "The status; a filter with this condition includes soft-deleted actors"
    )
    display_name: StringFilter | None = optional("The display name")
    email: StringFilter | None = optional("The email address")
    capabilities: StringListFilter | None = optional("The capabilities")
    session_count: BigIntFilter | None = optional("The number of sessions")
    last_seen_at: DateTimeFilter | None = optional("When it was last seen")
    created_at: DateTimeFilter | None = optional("When it was registered")
    updated_at: DateTimeFilter | None = optional("When it last changed")
    contexts: ContextsMatch | None = optional("The contexts that it owns")
    connections: ConnectionsMatch | None = optional("The connections that it opened itself")
    suspended_installations: InstallationsMatch | None = optional(
        "The installations that it suspended"
    )


@filter_of(
    tables.CONTEXTS,
    owner=tables.CONTEXT_OWNER,
    connections=tables.CONTEXT_CONNECTIONS,
    installations=tables.CONTEXT_INSTALLATIONS,
)
class ContextFilter:
    """A filter of contexts: all conditions in it must match, and none may be null."""

    and_: list["ContextFilter"] | None = optional("All of these match", name="and")
    or_: list["ContextFilter"] | None = optional("At least one of these matches", name="or")
    not_: "ContextFilter | None" = optional(NEGATION, name="not")
    chitty_id: ChittyIdFilter | None = optional("The ChittyID")
    name: StringFilter | None = optional("The name")
    status: EnumFilter[ContextStatus] | None = optional(
        "The status; a filter with this condition includes soft-deleted contexts"
    )
    data: StringListFilter | None = optional("The data that it works with")
    systems: StringListFilter | None = optional("The systems that it works in")
    tools: StringListFilter | None = optional("The tools that it may use")
    created_at: DateTimeFilter | None = optional("When it was created")
    updated_at: DateTimeFilter | None = optional("When it last changed")
    deleted_at: DateTimeFilter | None = optional(
        "When it was deleted; a filter with this condition includes soft-deleted contexts"
    )
    owner: ActorFilter | None = optional("The actor that owns it")
    connections: ConnectionsMatch | None = optional("The connections that it opened")
    installations: InstallationsMatch | None = optional(
        "The installations that its connections use"
    )


@filter_of(
    tables.INSTALLATIONS,
    contexts=tables.INSTALLATION_CONTEXTS,
    connections=tables.INSTALLATION_CONNECTIONS,
)
class InstallationFilter:
    """A filter of installations: all conditions in it must match, and none may be null."""

    and_: list["InstallationFilter"] | None = optional("All of these match", name="and")
    or_: list["InstallationFilter"] | None = optional("At least one of these matches", name="or")
    not_: "InstallationFilter | None" = optional(NEGATION, name="not")
    installation_id: BigIntFilter | None = optional("GitHub's id of the installation")
    chitty_id: ChittyIdFilter | None = optional("The ChittyID")
    account_id: BigIntFilter | None = optional("GitHub's id of the account")
    account_login: StringFilter | None = optional("The account's login")
    account_type: EnumFilter[AccountType] | None = optional("The type of account")
    repository_selection: EnumFilter[RepositorySelection] | None = optional(
        "Whether it covers all repositories of the account or selected ones"
    )
    events: StringListFilter | None = optional("The events that the app is subscribed to")
    selected_repositories: StringListFilter | None = optional(
        "The selected repositories, by full name"
    )
    suspended_at: DateTimeFilter | None = optional("When it was suspended")
    installed_at: DateTimeFilter | None = optional("When it was installed")
    updated_at: DateTimeFilter | None = optional("When it last changed in this registry")
    uninstalled_at: DateTimeFilter | None = optional(
        "When it was removed; a filter with this condition includes removed installations"
    )
    contexts: ContextsMatch | None = optional("The contexts whose connections use it")
    connections: ConnectionsMatch | None = optional("The connections that use it")


@filter_of(
    tables.CONNECTIONS,
    source_context=tables.CONNECTION_SOURCE_CONTEXT,
    source_actor=tables.CONNECTION_SOURCE_ACTOR,
    installation=tables.CONNECTION_INSTALLATION,
)
class ConnectionFilter:
    """A filter of connections: all conditions in it must match, and none may be null."""

    and_: list["ConnectionFilter"] | None = optional("All of these match", name="and")
    or_: list["ConnectionFilter"] | None = optional("At least one of these matches", name="or")
    not_: "ConnectionFilter | None" = optional(NEGATION, name="not")
    connection_id: StringFilter | None = optional("The key of the connection")
    target_service: StringFilter | None = optional("The name of the service")
    target_endpoint: StringFilter | None = optional("The endpoint of the service")
    connection_type: EnumFilter[ConnectionType] | None = optional("The type of connection")
    status: EnumFilter[ConnectionStatus] | None = optional(
        "The status; a filter with this condition includes disconnected connections"
    )
    source_type: EnumFilter[SourceType] | None = optional("Whether a context or an actor opened it")
    error_count: IntFilter | None = optional("The number of consecutive unhealthy reports")
    request_count: BigIntFilter | None = optional("The number of requests")
    last_error: StringFilter | None = optional("The last error")
    last_health_check: DateTimeFilter | None = optional("When its health was last reported")
    last_used_at: DateTimeFilter | None = optional("When it was last used")
    created_at: DateTimeFilter | None = optional("When it was opened")
    updated_at: DateTimeFilter | None = optional("When it last changed")
    disconnected_at: DateTimeFilter | None = optional(
        "When it was disconnected; a filter with this condition includes disconnected connections"
    )
    source_context: ContextFilter | None = optional(
        "The context that opened it; if an actor did, this does not match"
    )
    source_actor: ActorFilter | None = optional(
        "The actor that opened it; if a context did, this does not match"
    )
    installation: InstallationFilter | None = optional(
        "The installation that it uses; without one, this does not match"
    )


@strawberry.input(
    description="A filter of changes: all conditions in it must match, and none may be null"
)
class ChangeFilter:
    kinds: list[NodeKind] | None = optional("Of objects of these kinds")
    operations: list[ChangeOperation] | None = optional("That did one of these")
    entity_id: strawberry.ID | None = optional("Of the object with this id, which may be gone")
    actor: ChittyID | None = optional("Made by this actor, if the viewer sees it")
    at: DateTimeFilter | None = optional("When it was made")


@strawberry.input(description="One field of an ordering of actors")
class ActorOrder:
    field: ActorOrderField = required("The field to order by")
    direction: OrderDirection = optional(
        "The direction of the ordering", default=OrderDirection.ASC
    )


@strawberry.input(description="One field of an ordering of contexts")
class ContextOrder:
    field: ContextOrderField = required("The field to order by")
    direction: OrderDirection = optional(
        "The direction of the ordering", default=OrderDirection.ASC
    )


@strawberry.input(description="One field of an ordering of installations")
class InstallationOrder:
    field: InstallationOrderField = required("The field to order by")
    direction: OrderDirection = optional(
        "The direction of the ordering", default=OrderDirection.ASC
    )


@strawberry.input(description="One field of an ordering of connections")
class ConnectionOrder:
    field: ConnectionOrderField = required("The field to order by")
    direction: OrderDirection = optional(
        "The direction of the ordering", default=OrderDirection.ASC
    )
