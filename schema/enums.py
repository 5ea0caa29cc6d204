"""The registry's enumerations as GraphQL enums, and the fields that clients may order lists by.

The rest of `schema` imports enumerations from here: Strawberry must see each before a type uses it.
"""

from enum import Enum
from typing import Any

import strawberry

from db.errors import ErrorCode as ErrorCode
from db.model.enums import AccountType as AccountType
from db.model.enums import ActorStatus as ActorStatus
from db.model.enums import ActorType as ActorType
from db.model.enums import ChangeOperation as ChangeOperation
from db.model.enums import ConnectionStatus as ConnectionStatus
from db.model.enums import ConnectionType as ConnectionType
from db.model.enums import ContextStatus as ContextStatus
from db.model.enums import NodeKind as NodeKind
from db.model.enums import RelationName as RelationName
from db.model.enums import RepositorySelection as RepositorySelection
from db.model.enums import SourceType as SourceType
from db.model.outgoing_webhooks import DeliveryStatus as DeliveryStatus
from db.model.outgoing_webhooks import PauseReason as PauseReason
from db.model.outgoing_webhooks import WebhookStatus as WebhookStatus


def publish(
    members: type[Enum], description: str, *, called: str | None = None, **values: str
) -> None:
    """Make an enumeration a GraphQL enum with these descriptions, of itself and of its values."""
    enum: Any = strawberry.enum(members, name=called, description=description)
    for value in enum.__strawberry_definition__.values:
        value.description = values[value.name]


publish(
    ActorType,
    "The type of an actor",
    HUMAN="A person",
    AI="An AI agent",
    SERVICE="A program that works for others",
    SYSTEM="A component of ChittyOS itself",
)
publish(
    ActorStatus,
    "The status of an actor",
    ACTIVE="May own contexts and open connections",
    SUSPENDED="Cannot open connections or receive contexts until it is reinstated",
    DELETED="Soft-deleted; can be reinstated",
)
publish(
    ContextStatus,
    "The status of a context",
    ACTIVE="In use",
    INACTIVE="Set aside",
    DELETED="Soft-deleted; keeps its name and can be restored",
)
publish(
    AccountType,
    "The type of a GitHub account",
    USER="A person's account",
    ORGANIZATION="An organization's account",
    ENTERPRISE="An enterprise, which consists of organizations",
)
publish(
    RepositorySelection,
    "The repositories that an installation covers",
    ALL="Every repository, including future ones",
    SELECTED="Only selected repositories",
)
publish(
    ConnectionType,
    "How a connection reaches its service",
    API="Calls the service's API",
    WEBHOOK="Receives webhooks",
    OAUTH="Calls the service's API on behalf of a user who consented",
    DIRECT="Uses the service's own protocol, such as that of a database",
)
publish(
    ConnectionStatus,
    "The status of a connection",
    ACTIVE="In use",
    INACTIVE="Switched off",
    FAILED="Too many consecutive reports were unhealthy",
    DISCONNECTED="Disconnected; can be reconnected",
)
publish(SourceType, "What opened a connection", CONTEXT="A context", ACTOR="An actor itself")
publish(
    ChangeOperation,
    "What a change did to a row",
    CREATED="The row was made; the first change of a row that is older than its history, too",
    UPDATED="Anything else",
    DELETED="The row is gone or soft-deleted",
    RESTORED="The row is no longer soft-deleted",
)
publish(
    NodeKind,
    "The kinds of objects with a global id",
    ACTOR="An actor",
    CONTEXT="A context",
    INSTALLATION="An installation",
    CONNECTION="A connection",
    SERVICE="A service, which is no row and has no changes",
)
publish(
    RelationName,
    "How two objects belong together",
    called="Relation",
    OWNS="An actor owns a context",
    OPENS="A context or an actor opened a connection",
    TARGETS="A connection leads to a service",
    USES="A connection uses a GitHub App installation",
    SUSPENDED="An actor suspended an installation",
)
publish(
    ErrorCode,
    "The kind of error that a mutation reports",
    INVALID="The value is not valid",
    NOT_FOUND="The referenced object does not exist or is not active",
    ALREADY_EXISTS="Such an object exists already, and only one is allowed",
    CONFLICT="The object has changed, or its state does not allow this",
    IN_USE="Other objects depend on it",
    FORBIDDEN="The viewer is not allowed to do this",
    LIMIT="A limit is exceeded",
    UNAVAILABLE="Temporarily unavailable: try again later",
)
publish(
    WebhookStatus,
    "The status of an outgoing webhook",
    called="OutgoingWebhookStatus",
    ACTIVE="Delivers what changes",
    FAILING="The change that is next was not delivered, and is sent again",
    PAUSED="Sends nothing until it is resumed, and then goes on where it stopped",
)
publish(
    PauseReason,
    "Why an outgoing webhook is paused",
    called="OutgoingWebhookPauseReason",
    REQUESTED="An admin paused it",
    RIGHTS_LOST="Its creator is no active admin any more: it reads changes for the admin who resumes it",
    GONE="The receiver answered 410 Gone",
    CHANGES_PRUNED="Changes that it had not delivered were pruned: it goes on with the oldest retained",
    CANNOT_SIGN="The registry was restored from SQL, which has no secrets: a new secret makes it go on",
)
publish(
    DeliveryStatus,
    "What became of a change at an outgoing webhook",
    called="OutgoingDeliveryStatus",
    DELIVERED="The receiver answered with a status from 200 to 299",
    FAILING="It was not delivered, and is sent again",
    DEAD="It was given up after 24 hours, and can be replayed",
    REPLAYING="It was given up, and is about to be sent once more",
)


class OrderDirection(Enum):
    ASC = "asc"
    DESC = "desc"


publish(
    OrderDirection,
    "The direction of an ordering; null counts as the smallest value",
    ASC="Ascending: the smallest, earliest or alphabetically first value comes first",
    DESC="Descending: the greatest, latest or alphabetically last value comes first",
)


class ActorOrderField(Enum):
    # Here and below, the values are names of columns.
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    LAST_SEEN_AT = "last_seen_at"
    DISPLAY_NAME = "display_name"
    SESSION_COUNT = "session_count"


class ContextOrderField(Enum):
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    NAME = "name"


class InstallationOrderField(Enum):
    INSTALLED_AT = "installed_at"
    UPDATED_AT = "updated_at"
    ACCOUNT_LOGIN = "account_login"


class ConnectionOrderField(Enum):
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    TARGET_SERVICE = "target_service"
    REQUEST_COUNT = "request_count"
    ERROR_COUNT = "error_count"
    LAST_USED_AT = "last_used_at"
    LAST_HEALTH_CHECK = "last_health_check"


_ORDERINGS = {
    "CREATED_AT": "Time of creation",
    "UPDATED_AT": "Time of the last change",
    "LAST_SEEN_AT": "Time when it was last seen",
    "DISPLAY_NAME": "Display name, by code point: all capitals come before all small letters",
    "SESSION_COUNT": "Number of sessions",
    "NAME": "Name, by code point: all capitals come before all small letters",
    "INSTALLED_AT": "Time of installation",
    "ACCOUNT_LOGIN": "Login of the account, by code point: all capitals come before all small letters",
    "TARGET_SERVICE": "Name of the service, by code point: all capitals come before all small letters",
    "REQUEST_COUNT": "Number of requests",
    "ERROR_COUNT": "Number of consecutive unhealthy reports",
    "LAST_USED_AT": "Time of the last use",
    "LAST_HEALTH_CHECK": "Time of the last health report",
}
for _fields, _objects in (
    (ActorOrderField, "actors"),
    (ContextOrderField, "contexts"),
    (InstallationOrderField, "installations"),
    (ConnectionOrderField, "connections"),
):
    publish(_fields, f"The fields that {_objects} can be ordered by", **_ORDERINGS)
