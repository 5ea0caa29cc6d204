"""The four types of the registry, with the relations between them."""

from typing import Annotated

import strawberry

from db.errors import Unreadable
from db.model import tables
from db.program import Value
from schema import enums as enums  # before the columns that hold them are published
from schema.fields.fields import Node, column, derived, graphql_type, to_one, to_one_of
from schema.pages import related


@graphql_type(tables.ACTORS)
class Actor(Node):
    """A person, an AI agent, a service or a system: whoever may own contexts and open connections."""

    chitty_id = column("Its ChittyID")
    actor_type = column("What kind of actor it is")
    display_name = column("What people call it")
    email = column(
        "Null where the viewer may not know: as are capabilities, chittyAuthPrincipalId, lastSeenAt "
        "and sessionCount"
    )
    avatar_url = column("Where its picture is")
    capabilities = column("What it may do")
    chitty_dna_id = column("Its ChittyDNA record")
    chitty_auth_principal_id = column("Who it is to ChittyAuth")
    last_seen_at = column("When it was last seen")
    session_count = column("How many sessions it has begun")
    status = column("Where it is in its life")
    created_at = column("When it was registered")
    updated_at = column("When it last changed")

    contexts = related(tables.ACTOR_CONTEXTS, "The contexts that it owns")
    connections = related(tables.ACTOR_CONNECTIONS, "The connections that it opened itself")
    suspended_installations = related(
        tables.ACTOR_SUSPENDED_INSTALLATIONS, "Installations that this actor suspended"
    )


@graphql_type(tables.CONTEXTS)
class Context(Node):
    """A body of work that an actor owns: its data, systems and tools, and what it is connected to."""

    chitty_id = column("Its ChittyID")
    name = column("Its name, unique in the registry")
    data = column("The data it works with")
    systems = column("The systems it works in")
    tools = column("The tools it may use")
    chitty_dna_id = column("Its ChittyDNA record")
    chitty_chronicle_timeline_id = column("Its timeline in ChittyChronicle")
    status = column("Where it is in its life")
    created_at = column("When it was created")
    updated_at = column("When it last changed")
    deleted_at = column("When it was deleted; null while it is not")

    owner = to_one(tables.CONTEXT_OWNER, "The actor that owns it", required=True)
    connections = related(tables.CONTEXT_CONNECTIONS, "The connections that it opened")
    installations = related(
        tables.CONTEXT_INSTALLATIONS,
        "The GitHub App installations that its connections go through, each once; disconnected ones "
        "do not count",
    )


@strawberry.type(description="One permission that a GitHub App installation was granted")
class InstallationPermission:
    """A name and an access level, as GitHub spells them."""

    name: str = strawberry.field(description="What it is for, as contents or pull_requests")
    access: str = strawberry.field(description="How far it goes: read, write or admin")


def _granted(stored: Value) -> list[InstallationPermission]:
    granted = tables.INSTALLATIONS.columns["permissions"].kind.read(stored)
    if not all(isinstance(access, str) for access in granted.values()):
        raise Unreadable("a stored access level is not a text")
    return [
        InstallationPermission(name=name, access=access) for name, access in sorted(granted.items())
    ]


@graphql_type(tables.INSTALLATIONS)
class Installation(Node):
    """A GitHub App on one account: what it may do there, and to which repositories."""

    installation_id = column("GitHub's id of the installation")
    chitty_id = column("Its ChittyID")
    chitty_dna_id = column("Its ChittyDNA record")
    account_id = column("GitHub's id of the account")
    account_login = column("The account's login; an enterprise's slug")
    account_type = column("What kind of account it is")
    account_avatar_url = column("Where the account's picture is")
    repository_selection = column("Which of the account's repositories it covers")
    events = column("The events that it is told of")
    selected_repositories = column("The repositories it was given, by full name")
    suspended_at = column("When it was suspended; null while it is not")
    installed_at = column("When it was installed")
    updated_at = column("When it last changed here")
    uninstalled_at = column("When it was removed; null while it is not")

    permissions = derived(
        "permissions", _granted, list[InstallationPermission], "What it was granted, by name"
    )
    suspended_by = to_one(
        tables.INSTALLATION_SUSPENDED_BY, "The actor that suspended it, where that is known"
    )
    connections = related(tables.INSTALLATION_CONNECTIONS, "The connections that go through it")
    contexts = related(
        tables.INSTALLATION_CONTEXTS,
        "The contexts whose connections go through it, each once; disconnected ones do not count",
    )


ConnectionSource = Annotated[
    Context | Actor,
    strawberry.union("ConnectionSource", description="What can open a connection"),
]


@graphql_type(tables.CONNECTIONS)
class Connection(Node):
    """A link from a context or an actor to a service."""

    connection_id = column("Its UUID", as_id=True)
    source_type = column("Whether a context or an actor opened it")
    target_service = column("The service that it leads to, by name")
    target_endpoint = column("Where at the service; null for the service as such")
    connection_type = column("How it reaches the service")
    credentials_kv_key = column("Where its credentials are kept: a reference, never the secret")
    status = column("Where it is in its life")
    last_health_check = column("When its health was last reported")
    last_error = column("What was last wrong with it; null while it is healthy")
    error_count = column("Consecutive unhealthy reports; stops at 2147483647")
    request_count = column("How many requests went through it")
    last_used_at = column("When it was last used")
    config = column("Its settings")
    created_at = column("When it was opened")
    updated_at = column("When it last changed")
    disconnected_at = column("When it was disconnected; null while it is not")

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
        "Whether credentials are kept for it; the key itself is shown to its owner and to admins only",
    )
    installation = to_one(
        tables.CONNECTION_INSTALLATION, "The GitHub App installation that it goes through"
    )
