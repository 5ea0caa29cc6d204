"""The inputs of mutations. An absent field stays as it is; null clears a field that is nullable."""

from dataclasses import fields, is_dataclass
from typing import Any

import strawberry
from strawberry import ID, UNSET

from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS
from resolvers.outgoing_webhooks import OVERLAP_HOURS
from resolvers.validation.input_checks import Inputs
from schema.enums import AccountType, ActorType, ConnectionType, RepositorySelection
from schema.fields.input_fields import optional, optional_reference, reference, required
from schema.fields.scalars import JSON, BigInt, ChittyID, DateTime
from schema.filters import ChangeFilter

IF_UPDATED_AT = "Fail with CONFLICT unless updatedAt still has this value"


def to_inputs(input_: Any) -> Inputs:
    """The fields of an input object that the client sent; nested inputs become mappings too."""
    values = ((field.name, getattr(input_, field.name)) for field in fields(input_))
    return {name: _plain(value) for name, value in values if value is not UNSET}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return to_inputs(value) if is_dataclass(value) else value


@strawberry.input(description="A new actor")
class RegisterActorInput:
    chitty_id: ChittyID | None = optional("The ChittyID; if absent, a new one is minted")
    actor_type: ActorType = required("The type of actor")
    display_name: str | None = optional("The display name, at most 200 characters")
    email: str | None = optional("The email address")
    avatar_url: str | None = optional("The URL (http or https) of its picture")
    capabilities: list[str] | None = optional("The capabilities, at most 100")
    chitty_dna_id: ChittyID | None = optional("The id of its ChittyDNA record")
    chitty_auth_principal_id: str | None = optional("Its principal id in ChittyAuth")


@strawberry.input(description="Changes of an actor")
class UpdateActorInput:
    chitty_id: ChittyID = reference("The ChittyID of the actor", ACTORS)
    display_name: str | None = optional("The display name, at most 200 characters; null clears it")
    email: str | None = optional("The email address; null clears it")
    avatar_url: str | None = optional("The URL (http or https) of its picture; null clears it")
    capabilities: list[str] | None = optional("The new list of capabilities")
    chitty_dna_id: ChittyID | None = optional("The id of its ChittyDNA record; null clears it")
    chitty_auth_principal_id: str | None = optional(
        "Its principal id in ChittyAuth; null clears it"
    )
    if_updated_at: DateTime | None = optional(IF_UPDATED_AT)


@strawberry.input(description="An actor")
class ActorRefInput:
    chitty_id: ChittyID = reference("The ChittyID of the actor", ACTORS)
    if_updated_at: DateTime | None = optional(IF_UPDATED_AT)


@strawberry.input(description="The actor to delete, and the new owner of its contexts")
class DeleteActorInput:
    chitty_id: ChittyID = reference("The ChittyID of the actor", ACTORS)
    transfer_contexts_to: ChittyID | None = optional_reference(
        "The active actor that gets its contexts; if absent, it must own none", ACTORS
    )
    if_updated_at: DateTime | None = optional(IF_UPDATED_AT)


@strawberry.input(description="The actor that was active, and whether it began a session")
class RecordActorSeenInput:
    chitty_id: ChittyID = reference("The ChittyID of the actor", ACTORS)
    new_session: bool = optional("Whether it began a session, which is then counted", default=False)


@strawberry.input(description="A new context")
class CreateContextInput:
    chitty_id: ChittyID | None = optional("The ChittyID; if absent, a new one is minted")
    name: str = required("The name, unique in the registry, at most 200 characters")
    owner: ChittyID = reference("The ChittyID of the owner, an active actor", ACTORS)
    data: list[str] | None = optional("The data that it works with")
    systems: list[str] | None = optional("The systems that it works in")
    tools: list[str] | None = optional("The tools that it may use")
    chitty_dna_id: ChittyID | None = optional("The id of its ChittyDNA record")
    chitty_chronicle_timeline_id: ChittyID | None = optional(
        "The id of its timeline in ChittyChronicle"
    )


@strawberry.input(description="Changes of a context")
class UpdateContextInput:
    chitty_id: ChittyID = reference("The ChittyID of the context", CONTEXTS)
    name: str | None = optional("The name, unique in the registry, at most 200 characters")
    data: list[str] | None = optional("The new list of data that it works with")
    systems: list[str] | None = optional("The new list of systems that it works in")
    tools: list[str] | None = optional("The new list of tools that it may use")
    chitty_dna_id: ChittyID | None = optional("The id of its ChittyDNA record; null clears it")
    chitty_chronicle_timeline_id: ChittyID | None = optional(
        "The id of its timeline in ChittyChronicle; null clears it"
    )
    active: bool | None = optional("The new status: ACTIVE (true) or INACTIVE (false)")
    if_updated_at: DateTime | None = optional(IF_UPDATED_AT)


@strawberry.input(description="A context")
class ContextRefInput:
    chitty_id: ChittyID = reference("The ChittyID of the context", CONTEXTS)
    if_updated_at: DateTime | None = optional(IF_UPDATED_AT)


@strawberry.input(description="A context and its new owner")
class TransferContextInput:
    chitty_id: ChittyID = reference("The ChittyID of the context", CONTEXTS)
    new_owner: ChittyID = reference("The ChittyID of the new owner, an active actor", ACTORS)
    if_updated_at: DateTime | None = optional(IF_UPDATED_AT)


@strawberry.input(description="A permission of a GitHub App installation")
class InstallationPermissionInput:
    name: str = required("The name of the permission, such as contents or pull_requests")
    access: str = required("The access level: read, write or admin")


@strawberry.input(description="An installation as GitHub describes it")
class RecordInstallationInput:
    installation_id: BigInt = required("GitHub's id of the installation")
    chitty_id: ChittyID | None = optional(
        "The ChittyID; if absent, one is minted for a new installation"
    )
    chitty_dna_id: ChittyID | None = optional("The id of its ChittyDNA record")
    account_id: BigInt = required("GitHub's id of the account")
    account_login: str = required("The login of the account; the slug of an enterprise")
    account_type: AccountType = required("The type of account")
    account_avatar_url: str | None = optional("The URL of the account's picture")
    repository_selection: RepositorySelection = required(
        "Whether it covers all repositories of the account or selected ones"
    )
    permissions: list[InstallationPermissionInput] | None = optional(
        "The permissions that it was granted"
    )
    events: list[str] | None = optional("The events that the app is subscribed to")
    selected_repositories: list[str] | None = optional("The selected repositories, by full name")
    installed_at: DateTime | None = optional(
        "When it was installed; if absent, now for a new installation"
    )


@strawberry.input(description="An installation")
class InstallationRefInput:
    installation_id: BigInt = required("GitHub's id of the installation")


@strawberry.input(description="An installation and who suspends it")
class SuspendInstallationInput:
    installation_id: BigInt = required("GitHub's id of the installation")
    suspended_by: ChittyID | None = optional_reference(
        "The ChittyID of the actor that suspends it; if absent, the viewer's", ACTORS
    )


@strawberry.input(description="A new connection")
class OpenConnectionInput:
    connection_id: ID | None = optional(
        "A UUID, or conn- and a UUID, in lowercase; if absent, a new UUID is generated"
    )
    source: ChittyID = reference(
        "The ChittyID of the context or actor that opens it", CONTEXTS, ACTORS
    )
    target_service: str = required("The name of the service")
    target_endpoint: str | None = optional("The endpoint of the service, if it is a certain one")
    connection_type: ConnectionType = optional("The type of connection", default=ConnectionType.API)
    credentials_kv_key: str | None = optional(
        "The key of its credentials in the credentials store, never the secret"
    )
    config: JSON | None = optional("The configuration: a JSON object without secrets")
    installation_id: BigInt | None = optional("The GitHub App installation that it uses")


@strawberry.input(description="Changes of a connection")
class UpdateConnectionInput:
    connection_id: ID = reference("The key of the connection", CONNECTIONS)
    target_endpoint: str | None = optional("The endpoint of the service; null clears it")
    connection_type: ConnectionType | None = optional("The type of connection")
    credentials_kv_key: str | None = optional(
        "The key of its credentials in the credentials store, never the secret; null clears it"
    )
    config: JSON | None = optional("The new configuration; null empties it")
    installation_id: BigInt | None = optional(
        "The GitHub App installation that it uses; null clears it"
    )
    active: bool | None = optional("The new status: ACTIVE (true) or INACTIVE (false)")
    if_updated_at: DateTime | None = optional(IF_UPDATED_AT)


@strawberry.input(description="A connection")
class ConnectionRefInput:
    connection_id: ID = reference("The key of the connection", CONNECTIONS)
    if_updated_at: DateTime | None = optional(IF_UPDATED_AT)


@strawberry.input(description="A health report of a connection")
class ReportConnectionHealthInput:
    connection_id: ID = reference("The key of the connection", CONNECTIONS)
    healthy: bool = required("Whether the connection works")
    error: str | None = optional("What is wrong; only in an unhealthy report")
    checked_at: DateTime | None = optional("When it was checked; if absent, now")


@strawberry.input(description="The use of a connection")
class RecordConnectionUseInput:
    connection_id: ID = reference("The key of the connection", CONNECTIONS)
    requests: int = optional("The number of requests, from 1 to 1,000,000", default=1)


@strawberry.input(description="A new outgoing webhook")
class CreateWebhookInput:
    url: str = required("The https URL that changes are sent to, at most 2048 characters")
    filter: ChangeFilter | None = optional("Only changes that match it; by default all")


@strawberry.input(
    description="Changes of an outgoing webhook, which hold for all that it sends from now on"
)
class UpdateWebhookInput:
    id: ID = required("The id of the webhook")
    url: str | None = optional("The https URL that changes are sent to")
    filter: ChangeFilter | None = optional("Only changes that match it; null stands for all")


@strawberry.input(description="An outgoing webhook")
class WebhookRefInput:
    id: ID = required("The id of the webhook")


@strawberry.input(description="An outgoing webhook that is to sign with a new secret")
class RotateWebhookSecretInput:
    id: ID = required("The id of the webhook")
    end_previous: bool | None = optional(
        "Whether the secret before ends at once, as it must if others know it; by default it signs too for"
        f" {OVERLAP_HOURS} hours"
    )


@strawberry.input(description="A delivery of an outgoing webhook")
class ReplayWebhookDeliveryInput:
    id: ID = required("The id of the delivery, whose status must be DEAD")
