"""The registry's enumerations as GraphQL has them, and the orderings that clients may ask for.

The rest of `schema` takes them from here: Strawberry must know an enumeration before a type uses it.
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
    """Make an enumeration GraphQL's: its docstring describes it, and `values` each of its values."""
    made: Any = strawberry.enum(members, description=inspect.getdoc(members))
    for value in made.__strawberry_definition__.values:
        value.description = values[value.name]


_describe(
    ActorType,
    HUMAN="A person",
    AI="An AI agent",
    SERVICE="A program that works for others",
    SYSTEM="A part of ChittyOS itself",
)
_describe(
    ActorStatus,
    ACTIVE="It may own contexts and open connections",
    SUSPENDED="It may open nothing and is given nothing, until it is reinstated",
    DELETED="It is kept to be seen, and can be reinstated",
)
_describe(
    ContextStatus,
    ACTIVE="It is in use",
    INACTIVE="It is set aside",
    DELETED="It is kept to be seen, with its name, and can be restored",
)
_describe(
    AccountType,
    USER="The account of one person",
    ORGANIZATION="The account of an organization",
    ENTERPRISE="An enterprise, which has organizations",
)
_describe(
    RepositorySelection,
    ALL="Every repository, later ones too",
    SELECTED="Only those that were selected",
)
_describe(
    ConnectionType,
    API="By calling its API",
    WEBHOOK="By webhooks",
    OAUTH="By an API, on behalf of somebody who agreed to it",
    DIRECT="By a protocol of its own, as a database's",
)
_describe(
    ConnectionStatus,
    ACTIVE="It is in use",
    INACTIVE="It is switched off",
    FAILED="Too many reports in a row said that it is unhealthy",
    DISCONNECTED="It is kept to be seen, and can be reconnected",
)
_describe(SourceType, CONTEXT="A context", ACTOR="An actor itself")
_describe(
    ErrorCode,
    INVALID="The value has not the form that it must have",
    NOT_FOUND="What is referred to does not exist, or is not active",
    ALREADY_EXISTS="There is one already, and there may be one only",
    CONFLICT="The row is in a state, or has changed, so that this cannot be done",
    IN_USE="Others depend on it",
    FORBIDDEN="The viewer may not do this",
    LIMIT="It is more than is allowed",
    UNAVAILABLE="It cannot be done at the moment: try again later",
)


class OrderDirection(Enum):
    """Which way an ordering goes; NULL is smaller than everything."""

    ASC = "asc"
    DESC = "desc"


_describe(
    OrderDirection,
    ASC="Smallest, earliest or alphabetically first at the beginning",
    DESC="Greatest, latest or alphabetically last at the beginning",
)


class ActorOrderField(Enum):
    """What actors can be ordered by."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    LAST_SEEN_AT = "last_seen_at"
    DISPLAY_NAME = "display_name"
    SESSION_COUNT = "session_count"


class ContextOrderField(Enum):
    """What contexts can be ordered by."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    NAME = "name"


class InstallationOrderField(Enum):
    """What installations can be ordered by."""

    INSTALLED_AT = "installed_at"
    UPDATED_AT = "updated_at"
    ACCOUNT_LOGIN = "account_login"


class ConnectionOrderField(Enum):
    """What connections can be ordered by."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    TARGET_SERVICE = "target_service"
    REQUEST_COUNT = "request_count"
    ERROR_COUNT = "error_count"
    LAST_USED_AT = "last_used_at"
    LAST_HEALTH_CHECK = "last_health_check"


_ORDERINGS = {
    "CREATED_AT": "When it was created",
    "UPDATED_AT": "When it last changed",
    "LAST_SEEN_AT": "When it was last seen",
    "DISPLAY_NAME": "What people call it",
    "SESSION_COUNT": "How many sessions it has begun",
    "NAME": "Its name",
    "INSTALLED_AT": "When it was installed",
    "ACCOUNT_LOGIN": "The account's login",
    "TARGET_SERVICE": "The service that it leads to",
    "REQUEST_COUNT": "How many requests went through it",
    "ERROR_COUNT": "How many reports in a row said that it is unhealthy",
    "LAST_USED_AT": "When it was last used",
    "LAST_HEALTH_CHECK": "When its health was last reported",
}
# Each value names a column.
for _fields in (ActorOrderField, ContextOrderField, InstallationOrderField, ConnectionOrderField):
    _describe(_fields, **_ORDERINGS)
