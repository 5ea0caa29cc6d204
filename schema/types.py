"""The four types of the registry, with the relations between them."""

from typing import Annotated, Any

import strawberry

from db import tables
from db.program import Value
from db.tables import Relation, Table
from schema import enums as enums  # before the columns that hold them are published
from schema import exposed
from schema.exposed import Info, Node, column, existing, exposes
from schema.pages import related


async def _one(info: Info, relation: Relation[Any], row: Any) -> Any:
    """What a to-one relation leads to from a row, or None."""
    key: Value = getattr(row, relation.column)
    return None if key is None else await by_key(info, relation.child, key)


async def by_key(info: Info, table: Table[Any], key: Value, unique: str | None = None) -> Any:
    """The row of a table with this key, or value of another unique column, or None."""
    return await info.context.loaders.row(table, unique).load(key)


@exposes(tables.ACTORS)
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
    capabilities = column("What it may do", hideable=True)
    chitty_dna_id = column("Its ChittyDNA record")
    chitty_auth_principal_id = column("Who it is to ChittyAuth")
    last_seen_at = column("When it was last seen")
    session_count = column("How many sessions it has begun", hideable=True)
    status = column("Where it is in its life")
    created_at = column("When it was registered")
    updated_at = column("When it last changed")

    contexts = related(tables.ACTOR_CONTEXTS, "The contexts that it owns")
    connections = related(tables.ACTOR_CONNECTIONS, "The connections that it opened itself")
    suspended_installations = related(
        tables.ACTOR_SUSPENDED_INSTALLATIONS, "Installations that this actor suspended"
    )


@exposes(tables.CONTEXTS)
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

    @strawberry.field(description="The actor that owns it")
    async def owner(self, info: Info) -> Actor:
        """Its owner, whatever state that is in."""
        owner: Actor = existing(await _one(info, tables.CONTEXT_OWNER, self.row))
        return owner

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


@exposes(tables.INSTALLATIONS)
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

    @strawberry.field(description="What it was granted, by name")
    def permissions(self) -> list[InstallationPermission]:
        """The stored object as a list."""
        granted = tables.INSTALLATIONS.columns["permissions"].read(self.row)
        return [
            InstallationPermission(name=name, access=access)
            for name, access in sorted(granted.items())
        ]

    @strawberry.field(description="The actor that suspended it, where that is known")
    async def suspended_by(self, info: Info) -> Actor | None:
        """Who suspended it."""
        actor: Actor | None = exposed.of(
            await _one(info, tables.INSTALLATION_SUSPENDED_BY, self.row)
        )
        return actor

    connections = related(tables.INSTALLATION_CONNECTIONS, "The connections that go through it")
    contexts = related(
        tables.INSTALLATION_CONTEXTS,
        "The contexts whose connections go through it, each once; disconnected ones do not count",
    )


ConnectionSource = Annotated[
    Context | Actor,
    strawberry.union("ConnectionSource", description="What can open a connection"),
]


@exposes(tables.CONNECTIONS)
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

    @strawberry.field(description="The context or actor that opened it")
    async def source(self, info: Info) -> ConnectionSource:
        """Its source, whatever state that is in."""
        is_actor = self.row.source_type == "actor"
        relation: Relation[Any] = (
            tables.CONNECTION_SOURCE_ACTOR if is_actor else tables.CONNECTION_SOURCE_CONTEXT
        )
        source: Context | Actor = existing(await _one(info, relation, self.row))
        return source

    @strawberry.field(
        description="Whether credentials are kept for it; the key itself is shown to its owner and "
        "to admins only"
    )
    def has_credentials(self) -> bool:
        """Whether there is a reference."""
        return self.row.credentials_kv_key is not None

    @strawberry.field(description="The GitHub App installation that it goes through")
    async def installation(self, info: Info) -> Installation | None:
        """Its installation, whatever state that is in."""
        found: Installation | None = exposed.of(
            await _one(info, tables.CONNECTION_INSTALLATION, self.row)
        )
        return found
