"""The enumerations of the registry: a member's name is its GraphQL name, its value is stored."""

from enum import Enum


class ActorType(Enum):
    HUMAN = "human"
    AI = "ai"
    SERVICE = "service"
    SYSTEM = "system"


class ActorStatus(Enum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"


class ContextStatus(Enum):
    ACTIVE = "active"
    INACTIVE = "inactive"
    DELETED = "deleted"


class AccountType(Enum):
    """The values are GitHub's."""

    USER = "User"
    ORGANIZATION = "Organization"
    ENTERPRISE = "Enterprise"


class RepositorySelection(Enum):
    ALL = "all"
    SELECTED = "selected"


class ConnectionType(Enum):
    API = "api"
    WEBHOOK = "webhook"
    OAUTH = "oauth"
    DIRECT = "direct"


class ConnectionStatus(Enum):
    ACTIVE = "active"
    INACTIVE = "inactive"
    FAILED = "failed"
    DISCONNECTED = "disconnected"


class SourceType(Enum):
    CONTEXT = "context"
    ACTOR = "actor"


class ChangeOperation(Enum):
    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    RESTORED = "restored"


class NodeKind(Enum):
    """The values are names of tables; services are in none."""

    ACTOR = "actors"
    CONTEXT = "contexts"
    INSTALLATION = "installations"
    CONNECTION = "connections"
    SERVICE = "services"


class RelationName(Enum):
    """How two objects of the registry belong together."""

    OWNS = "owns"
    OPENS = "opens"
    TARGETS = "targets"
    USES = "uses"
    SUSPENDED = "suspended"
