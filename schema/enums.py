"""The registry's enumerations as GraphQL has them, and the orderings that clients may ask for.

The rest of `schema` takes them from here: Strawberry must know an enumeration before a type uses it.
"""

import inspect
from enum import Enum

import strawberry

from db.enums import (
    AccountType as AccountType,
)
from db.enums import (
    ActorStatus as ActorStatus,
)
from db.enums import (
    ActorType as ActorType,
)
from db.enums import (
    ConnectionStatus as ConnectionStatus,
)
from db.enums import (
    ConnectionType as ConnectionType,
)
from db.enums import (
    ContextStatus as ContextStatus,
)
from db.enums import (
    RepositorySelection as RepositorySelection,
)
from db.enums import (
    SourceType as SourceType,
)
from db.errors import ErrorCode as ErrorCode

for _members in (
    ActorType,
    ActorStatus,
    ContextStatus,
    AccountType,
    RepositorySelection,
    ConnectionType,
    ConnectionStatus,
    SourceType,
    ErrorCode,
):
    strawberry.enum(_members, description=inspect.getdoc(_members))


@strawberry.enum(description="Which way an ordering goes; NULL is smaller than everything")
class OrderDirection(Enum):
    """Smallest first or greatest first."""

    ASC = "asc"
    DESC = "desc"


@strawberry.enum(description="What actors can be ordered by")
class ActorOrderField(Enum):
    """Each value names a column."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    LAST_SEEN_AT = "last_seen_at"
    DISPLAY_NAME = "display_name"
    SESSION_COUNT = "session_count"


@strawberry.enum(description="What contexts can be ordered by")
class ContextOrderField(Enum):
    """Each value names a column."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    NAME = "name"


@strawberry.enum(description="What installations can be ordered by")
class InstallationOrderField(Enum):
    """Each value names a column."""

    INSTALLED_AT = "installed_at"
    UPDATED_AT = "updated_at"
    ACCOUNT_LOGIN = "account_login"


@strawberry.enum(description="What connections can be ordered by")
class ConnectionOrderField(Enum):
    """Each value names a column."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    TARGET_SERVICE = "target_service"
    REQUEST_COUNT = "request_count"
    ERROR_COUNT = "error_count"
    LAST_USED_AT = "last_used_at"
    LAST_HEALTH_CHECK = "last_health_check"
