"""What mutations take. An absent field is left as it is; null clears it where that can be.

`ifUpdatedAt` refuses with CONFLICT when the row has changed since then.
"""

from dataclasses import fields, is_dataclass
from typing import Any

import strawberry
from strawberry import ID, UNSET

from resolvers.validation.input_checks import Inputs
from schema.enums import AccountType, ActorType, ConnectionType, RepositorySelection
from schema.fields.input_fields import optional, required
from schema.fields.scalars import JSON, BigInt, ChittyID, DateTime

IF_UPDATED_AT = "Refuse with CONFLICT if the row has changed since: its updatedAt as it was read"


def to_inputs(input_: Any) -> Inputs:
    """The fields of an input that the client gave, nested inputs alike, in Python's spelling."""
    values = ((field.name, getattr(input_, field.name)) for field in fields(input_))
    return {name: _plain(value) for name, value in values if value is not UNSET}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return to_inputs(value) if is_dataclass(value) else value


@strawberry.input(description="A new actor")
class RegisterActorInput:
    chitty_id: ChittyID | None = optional("Its ChittyID; one is minted when it is absent")
    actor_type: ActorType = required("What kind of actor it is")
    display_name: str | None = optional("What people call it, in at most 200 characters")
    email: str | None = optional("Its e-mail address")
    avatar_url: str | None = optional("Where its picture is: an http or https URL")
    capabilities: list[str] | None = optional("What it may do: at most 100 words")
    chitty_dna_id: ChittyID | None = optional("Its ChittyDNA record")
    chitty_auth_principal_id: str | None = optional("Who it is to ChittyAuth")


@strawberry.input(description="What to change of an actor")
class UpdateActorInput:
    chitty_id: ChittyID = required("Which actor")
    display_name: str | None = optional(
        "What people call it, in at most 200 characters; null clears it"
    )
    email: str | None = optional("Its e-mail address; null clears it")
    avatar_url: str | None = optional("Where its picture is: an http or https URL; null clears it")
    capabilities: list[str] | None = optional("All that it may do from now on")
    chitty_dna_id: ChittyID | None = optional("Its ChittyDNA record; null clears it")
    chitty_auth_principal_id: str | None = optional("Who it is to ChittyAuth; null clears it")
    if_updated_at: DateTime | None = optional(IF_UPDATED_AT)


@strawberry.input(description="Which actor")
class ActorRefInput:
    chitty_id: ChittyID = required("Which actor")
    if_updated_at: DateTime | None = optional(IF_UPDATED_AT)


@strawberry.input(description="Which actor, and who takes over its contexts")
class DeleteActorInput:
    chitty_id: ChittyID = required("Which actor")
    transfer_contexts_to: ChittyID | None = optional(
        "The active actor that its contexts are handed to; without one it must own none"
    )
    if_updated_at: DateTime | None = optional(IF_UPDATED_AT)


@strawberry.input(description="Which actor was seen, and whether a session began")
class RecordActorSeenInput:
    chitty_id: ChittyID = required("Which actor")
    new_session: bool = optional("Whether a session began, which is then counted", default=False)


@strawberry.input(description="A new context")
class CreateContextInput:
    chitty_id: ChittyID | None = optional("Its ChittyID; one is minted when it is absent")
    name: str = required("Its name, unique in the registry, in at most 200 characters")
    owner: ChittyID = required("The active actor that owns it")
    data: list[str] | None = optional("The data it works with")
    systems: list[str] | None = optional("The systems it works in")
    tools: list[str] | None = optional("The tools it may use")
    chitty_dna_id: ChittyID | None = optional("Its ChittyDNA record")
    chitty_chronicle_timeline_id: ChittyID | None = optional("Its timeline in ChittyChronicle")


@strawberry.input(description="What to change of a context")
class UpdateContextInput:
    chitty_id: ChittyID = required("Which context")
    name: str | None = optional("Its name, unique in the registry, in at most 200 characters")
    data: list[str] | None = optional("All the data it works with from now on")
    systems: list[str] | None = optional("All the systems it works in from now on")
    tools: list[str] | None = optional("All the tools it may use from now on")
    chitty_dna_id: ChittyID | None = optional("Its ChittyDNA record; null clears it")
    chitty_chronicle_timeline_id: ChittyID | None = optional(
        "Its timeline in ChittyChronicle; null clears it"
    )
    active: bool | None = optional("Whether it is ACTIVE or INACTIVE from now on")
    if_updated_at: DateTime | None = optional(IF_UPDATED_AT)


@strawberry.input(description="Which context")
class ContextRefInput:
    chitty_id: ChittyID = required("Which context")
    if_updated_at: DateTime | None = optional(IF_UPDATED_AT)


@strawberry.input(description="Which context, and who gets it")
class TransferContextInput:
    chitty_id: ChittyID = required("Which context")
    new_owner: ChittyID = required("The active actor that gets it")
    if_updated_at: DateTime | None = optional(IF_UPDATED_AT)


@strawberry.input(description="One permission that was granted")
class InstallationPermissionInput:
    name: str = required("What it is for, as contents or pull_requests")
    access: str = required("How far it goes: read, write or admin")


@strawberry.input(description="An installation as GitHub tells of it")
class RecordInstallationInput:
    installation_id: BigInt = required("GitHub's id of the installation")
    chitty_id: ChittyID | None = optional(
        "Its ChittyID; a new installation gets one minted when it is absent"
    )
    chitty_dna_id: ChittyID | None = optional("Its ChittyDNA record")
    account_id: BigInt = required("GitHub's id of the account")
    account_login: str = required("The account's login; an enterprise's slug")
    account_type: AccountType = required("What kind of account it is")
    account_avatar_url: str | None = optional("Where the account's picture is")
    repository_selection: RepositorySelection = required(
        "Which of the account's repositories it covers"
    )
    permissions: list[InstallationPermissionInput] | None = optional("What it was granted")
    events: list[str] | None = optional("The events that it is told of")
    selected_repositories: list[str] | None = optional(
        "The repositories it was given, by full name"
    )
    installed_at: DateTime | None = optional(
        "When it was installed; now when a new one does not say"
    )


@strawberry.input(description="Which installation")
class InstallationRefInput:
    installation_id: BigInt = required("GitHub's id of the installation")


@strawberry.input(description="Which installation, and who suspends it")
class SuspendInstallationInput:
    installation_id: BigInt = required("GitHub's id of the installation")
    suspended_by: ChittyID | None = optional("The viewer's actor when absent")


@strawberry.input(description="A new connection")
class OpenConnectionInput:
    connection_id: ID | None = optional("Its UUID; one is made when it is absent")
    source: ChittyID = required("The ChittyID of the context or actor that opens it")
    target_service: str = required("The service that it leads to, by name")
    target_endpoint: str | None = optional("Where at the service; absent for the service as such")
    connection_type: ConnectionType = optional(
        "How it reaches the service", default=ConnectionType.API
    )
    credentials_kv_key: str | None = optional(
        "Where its credentials are kept: a reference, never the secret"
    )
    config: JSON | None = optional("Its settings: a JSON object, without secrets")
    installation_id: BigInt | None = optional("The GitHub App installation that it goes through")


@strawberry.input(description="What to change of a connection")
class UpdateConnectionInput:
    connection_id: ID = required("Which connection")
    target_endpoint: str | None = optional("Where at the service; null for the service as such")
    connection_type: ConnectionType | None = optional("How it reaches the service")
    credentials_kv_key: str | None = optional(
        "Where its credentials are kept: a reference, never the secret; null clears it"
    )
    config: JSON | None = optional("All of its settings from now on; null empties them")
    installation_id: BigInt | None = optional(
        "The GitHub App installation that it goes through; null for none"
    )
    active: bool | None = optional("Whether it is ACTIVE or INACTIVE from now on")
    if_updated_at: DateTime | None = optional(IF_UPDATED_AT)


@strawberry.input(description="Which connection")
class ConnectionRefInput:
    connection_id: ID = required("Which connection")
    if_updated_at: DateTime | None = optional(IF_UPDATED_AT)


@strawberry.input(description="How a connection was found")
class ReportConnectionHealthInput:
    connection_id: ID = required("Which connection")
    healthy: bool = required("Whether it was found to work")
    error: str | None = optional("What was wrong with it; only with an unhealthy report")
    checked_at: DateTime | None = optional("When it was checked; now when absent")


@strawberry.input(description="How often a connection was used")
class RecordConnectionUseInput:
    connection_id: ID = required("Which connection")
    requests: int = optional("How many requests went through it, 1 to 1,000,000", default=1)
