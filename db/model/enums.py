"""The enumerations of the registry: the member is the GraphQL name, the value is what is stored."""

from enum import Enum


class ActorType(Enum):
    """What kind of actor it is."""

    HUMAN = "human"
    AI = "ai"
    SERVICE = "service"
    SYSTEM = "system"


class ActorStatus(Enum):
    """Where an actor is in its life."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"


class ContextStatus(Enum):
    """Where a context is in its life."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    DELETED = "deleted"


class AccountType(Enum):
    """What kind of GitHub account an app is installed on; stored as GitHub spells it."""

    USER = "User"
    ORGANIZATION = "Organization"
    ENTERPRISE = "Enterprise"


class RepositorySelection(Enum):
    """Which repositories of the account an installation covers."""

    ALL = "all"
    SELECTED = "selected"


class ConnectionType(Enum):
    """How a connection reaches its service."""

    API = "api"
    WEBHOOK = "webhook"
    OAUTH = "oauth"
    DIRECT = "direct"


class ConnectionStatus(Enum):
    """Where a connection is in its life."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    FAILED = "failed"
    DISCONNECTED = "disconnected"


class SourceType(Enum):
    """What opens a connection."""

    CONTEXT = "context"
    ACTOR = "actor"
