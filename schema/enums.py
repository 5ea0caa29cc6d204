"""The registry's enumerations as GraphQL enums, and the fields that clients may order lists by.

The rest of `schema` imports enumerations from here: Strawberry must see each before a type uses it.
"""

import inspect
from enum import Enum
from typing import Any

import strawberry

from db.errors import ErrorCode as ErrorCode
from db.model.enums import AccountType as AccountType
from db.model.enums import ActorStatus as ActorStatus
from db.model.enums import ActorType as ActorType
from db.model.enums import ConnectionStatus as ConnectionStatus
from db.model.enums import ConnectionType as ConnectionType
from db.model.enums import ContextStatus as ContextStatus
from db.model.enums import RepositorySelection as RepositorySelection
from db.model.enums import SourceType as SourceType


def _describe(members: type[Enum], **values: str) -> None:
    """Make an enumeration a GraphQL enum; its docstring and `values` become the descriptions."""
    made: Any = strawberry.enum(members, description=inspect.getdoc(members))
    for value in made.__strawberry_definition__.values:
        value.description = values[value.name]


_describe(
    ActorType,
    HUMAN="A person",
    AI="An AI agent",
    SERVICE="A program that works for others",
    SYSTEM="A component of ChittyOS itself",
)
_describe(
    ActorStatus,
    ACTIVE="May own contexts and open connections",
    SUSPENDED="Cannot open connections or receive contexts until it is reinstated",
    DELETED="Soft-deleted; can be reinstated",
)
_describe(
    ContextStatus,
    ACTIVE="In use",
    INACTIVE="Set aside",
    DELETED="Soft-deleted; keeps its name and can be restored",
)
_describe(
    AccountType,
    USER="A person's account",
    ORGANIZATION="An organization's account",
    ENTERPRISE="An enterprise, which consists of organizations",
)
_describe(
    RepositorySelection,
    ALL="Every repository, including future ones",
    SELECTED="Only selected repositories",
)
_describe(
    ConnectionType,
    API="Calls the service's API",
    WEBHOOK="Receives webhooks",
    OAUTH="Calls the service's API on behalf of a user who consented",
    DIRECT="Uses the service's own protocol, such as that of a database",
)
_describe(
    ConnectionStatus,
    ACTIVE="In use",
    INACTIVE="Switched off",
    FAILED="Too many consecutive reports were unhealthy",
    DISCONNECTED="Disconnected; can be reconnected",
)
_describe(SourceType, CONTEXT="A context", ACTOR="An actor itself")
_describe(
    ErrorCode,
    INVALID="The value is not valid",
    NOT_FOUND="The referenced object does not exist or is not active",
    ALREADY_EXISTS="Such an object exists already, and only one is allowed",
    CONFLICT="The object has changed, or its state does not allow this",
    IN_USE="Other objects depend on it",
    FORBIDDEN="The viewer is not allowed to do this",
    LIMIT="A limit is exceeded",
    UNAVAILABLE="Temporarily unavailable: try again later",
)


class OrderDirection(Enum):
    """The direction of an ordering; null counts as the smallest value."""

    ASC = "asc"
    DESC = "desc"


_describe(
    OrderDirection,
    ASC="Ascending: the smallest, earliest or alphabetically first value comes first",
    DESC="Descending: the greatest, latest or alphabetically last value comes first",
)


class ActorOrderField(Enum):
    """The fields that actors can be ordered by."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    LAST_SEEN_AT = "last_seen_at"
    DISPLAY_NAME = "display_name"
    SESSION_COUNT = "session_count"


class ContextOrderField(Enum):
    """The fields that contexts can be ordered by."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    NAME = "name"


class InstallationOrderField(Enum):
    """The fields that installations can be ordered by."""

    INSTALLED_AT = "installed_at"
    UPDATED_AT = "updated_at"
    ACCOUNT_LOGIN = "account_login"


class ConnectionOrderField(Enum):
    """The fields that connections can be ordered by."""

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
    "DISPLAY_NAME": "Display name",
    "SESSION_COUNT": "Number of sessions",
    "NAME": "Name",
    "INSTALLED_AT": "Time of installation",
    "ACCOUNT_LOGIN": "Login of the account",
    "TARGET_SERVICE": "Name of the service",
    "REQUEST_COUNT": "Number of requests",
    "ERROR_COUNT": "Number of consecutive unhealthy reports",
    "LAST_USED_AT": "Time of the last use",
    "LAST_HEALTH_CHECK": "Time of the last health report",
}
# The value of each member is a column's name.
for _fields in (ActorOrderField, ContextOrderField, InstallationOrderField, ConnectionOrderField):
    _describe(_fields, **_ORDERINGS)
