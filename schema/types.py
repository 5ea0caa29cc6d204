"""The four object types of the registry, the relations between them, and the changes of their objects."""

from functools import partial
from typing import Annotated

import strawberry

from db.errors import Unreadable
from db.model import tables
from db.model.services import SERVICE_CONNECTIONS, SERVICE_CONTEXTS, SERVICES
from db.program import Value
from db.queries import sealed_sequences
from db.queries.sealed_sequences import Purpose
from schema import enums as enums  # Strawberry must see them before the columns
from schema.fields import changed_fields, global_ids
from schema.fields.fields import (
    Node,
    column,
    computed,
    derived,
    graphql_type,
    sealed,
    to_one,
    to_one_of,
)
from schema.fields.scalars import JSON
from schema.pages import related
from schema.statistics import service_stats

HISTORY = "Its changes, oldest first; the newest are last: n"


@graphql_type(tables.ACTORS)
class Actor(Node):
    """A person, an AI agent, a service or a system, which may own contexts and open connections."""

    chitty_id = column("The ChittyID")
    actor_type = column("The type of actor")
    display_name = column("The display name")
    email = column(
        "The email address. Null if the viewer may not see it, like capabilities, "
        "chittyAuthPrincipalId, lastSeenAt and sessionCount"
    )
    avatar_url = column("The URL of its picture")
    capabilities = column("The capabilities")
    chitty_dna_id = column("The id of its ChittyDNA record")
    chitty_auth_principal_id = column("Its principal id in ChittyAuth")
    last_seen_at = column("When it was last seen")
    session_count = column("The number of its sessions")
    status = column("The status")
    created_at = column("When it was registered")
    updated_at = column("When it last changed")

    contexts = related(tables.ACTOR_CONTEXTS, "The contexts that it owns")
    connections = related(tables.ACTOR_CONNECTIONS, "The connections that it opened itself")
    suspended_installations = related(
        tables.ACTOR_SUSPENDED_INSTALLATIONS, "The installations that it suspended"
    )
    history = related(tables.HISTORIES[tables.ACTORS], HISTORY)


@graphql_type(tables.CONTEXTS)
class Context(Node):
    """A body of work that an actor owns, with its data, systems, tools and connections."""

    chitty_id = column("The ChittyID")
    name = column("The name, unique in the registry")
    data = column("The data that it works with")
    systems = column("The systems that it works in")
    tools = column("The tools that it may use")
    chitty_dna_id = column("The id of its ChittyDNA record")
    chitty_chronicle_timeline_id = column("The id of its timeline in ChittyChronicle")
    status = column("The status")
    created_at = column("When it was created")
    updated_at = column("When it last changed")
    deleted_at = column("When it was deleted; null if it is not")

    owner = to_one(tables.CONTEXT_OWNER, "The actor that owns it", required=True)
    connections = related(tables.CONTEXT_CONNECTIONS, "The connections that it opened")
    installations = related(
        tables.CONTEXT_INSTALLATIONS,
        "The GitHub App installations that its connections use, each once; disconnected connections do "
        "not count",
    )
    history = related(tables.HISTORIES[tables.CONTEXTS], HISTORY)


@strawberry.type(description="A permission that a GitHub App installation was granted")
class InstallationPermission:
    name: str = strawberry.field(
        description="The name of the permission, such as contents or pull_requests"
    )
    access: str = strawberry.field(description="The access level: read, write or admin")


def _granted(stored: Value) -> list[InstallationPermission]:
    granted = tables.INSTALLATIONS.columns["permissions"].type.read(stored)
    if not all(isinstance(access, str) for access in granted.values()):
        raise Unreadable("a stored access level is not text")
    return [
        InstallationPermission(name=name, access=access) for name, access in sorted(granted.items())
    ]


@graphql_type(tables.INSTALLATIONS)
class Installation(Node):
    """A GitHub App on an account, with its permissions and repositories."""

    installation_id = column("GitHub's id of the installation")
    chitty_id = column("The ChittyID")
    chitty_dna_id = column("The id of its ChittyDNA record")
    account_id = column("GitHub's id of the account")
    account_login = column("The login of the account; the slug of an enterprise")
    account_type = column("The type of account")
    account_avatar_url = column("The URL of the account's picture")
    repository_selection = column(
        "Whether it covers all repositories of the account or selected ones"
    )
    events = column("The events that the app is subscribed to")
    selected_repositories = column("The selected repositories, by full name")
    suspended_at = column("When it was suspended; null if it is not")
    installed_at = column("When it was installed")
    updated_at = column("When it last changed in this registry")
    uninstalled_at = column("When it was removed; null if it is not")

    permissions = derived(
        "permissions",
        _granted,
        list[InstallationPermission],
        "The permissions that it was granted, ordered by name",
    )
    suspended_by = to_one(tables.INSTALLATION_SUSPENDED_BY, "The actor that suspended it, if known")
    connections = related(tables.INSTALLATION_CONNECTIONS, "The connections that use it")
    contexts = related(
        tables.INSTALLATION_CONTEXTS,
        "The contexts whose connections use it, each once; disconnected connections do not count",
    )
    history = related(tables.HISTORIES[tables.INSTALLATIONS], HISTORY)


ConnectionSource = Annotated[
    Context | Actor,
    strawberry.union(
        "ConnectionSource", description="A context or an actor: what can open a connection"
    ),
]


@graphql_type(tables.CONNECTIONS)
class Connection(Node):
    """A connection from a context or an actor to a service."""

    connection_id = column(
        "The key: a UUID, conn- and a UUID, or what an adopted row has", as_id=True
    )
    source_type = column("Whether a context or an actor opened it")
    target_service = column("The name of the service")
    target_endpoint = column("The endpoint of the service, if it is a certain one")
    connection_type = column("The type of connection")
    credentials_kv_key = column(
        "The key of its credentials in the credentials store, never the secret"
    )
    status = column("The status")
    last_health_check = column("When its health was last reported")
    last_error = column("The last error; null if it is healthy")
    error_count = column("The number of consecutive unhealthy reports, at most 2147483647")
    request_count = column("The number of requests that went through it")
    last_used_at = column("When it was last used")
    config = column("The configuration")
    created_at = column("When it was opened")
    updated_at = column("When it last changed")
    disconnected_at = column("When it was disconnected; null if it is not")

    source = to_one_of(
        "source_type",
        {
            "context": tables.CONNECTION_SOURCE_CONTEXT,
            "actor": tables.CONNECTION_SOURCE_ACTOR,
        },
        ConnectionSource,
        "The context or actor that opened it",
    )
    has_credentials = derived(
        "credentials_kv_key",
        lambda stored: stored is not None,
        bool,
        "Whether it has stored credentials; only its owner and admins see their key",
    )
    installation = to_one(
        tables.CONNECTION_INSTALLATION, "The GitHub App installation that it uses"
    )
    history = related(tables.HISTORIES[tables.CONNECTIONS], HISTORY)


@graphql_type(SERVICES)
class Service(Node):
    """A service that connections lead to, known by its name. Disconnected connections do not count."""

    name = column("The name")

    connections = related(SERVICE_CONNECTIONS, "The connections that lead to it")
    contexts = related(SERVICE_CONTEXTS, "The contexts whose connections lead to it, each once")
    stats = service_stats


_ROW = ("kind", "before", "after")


@graphql_type(tables.CHANGES)
class Change(Node):
    """A committed change of one object; changes are in the order of their commits, without a gap."""

    id = sealed(
        tables.CHANGES,
        global_ids.of_change,
        strawberry.ID,
        "Opaque, stable, and unique across all types",
    )
    cursor = sealed(
        tables.CHANGES,
        partial(sealed_sequences.seal, purpose=Purpose.CURSOR),
        str,
        "The position among all changes, for the arguments after and before of every list of changes",
    )
    at = column("When it was made")
    operation = column("What it did")
    cause = column(
        "The mutation, webhook event or command that made it, such as createContext or "
        "github.installation.suspend; external if another program did"
    )
    actor = to_one(tables.CHANGE_ACTOR, "The actor that made it, if any is known")
    kind = column("The kind of object that it changed")
    entity_id = computed(
        ("kind", "key"), changed_fields.entity_id, strawberry.ID, "The id of the object"
    )
    entity = to_one_of(
        "kind",
        tables.CHANGE_ENTITIES,
        Node,
        "The object as it is now; null if it is gone",
        required=False,
    )
    before = computed(
        _ROW,
        changed_fields.before,
        JSON | None,
        "The fields that it changed, as they were, by their names: relations by id, without what the viewer "
        "may not see. Null if there was no object",
    )
    after = computed(
        _ROW,
        changed_fields.after,
        JSON | None,
        "The same fields as they were then; all fields of a new object. Null if the object was gone",
    )
    request_id = column("The id of the request that made it")
