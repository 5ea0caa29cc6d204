"""What mutations take. An absent field is left as it is; null clears it where that can be.

`ifUpdatedAt` refuses with CONFLICT when the row has changed since then.
"""

from dataclasses import fields, is_dataclass
from typing import Any

import strawberry
from strawberry import ID, UNSET

from resolvers.scope import Given
from schema.enums import AccountType, ActorType, ConnectionType, RepositorySelection
from schema.scalars import JSON, BigInt, ChittyID, DateTime


def given(input_: Any) -> Given:
    """The fields of an input that the client gave, nested inputs alike, in Python's spelling."""
    values = ((field.name, getattr(input_, field.name)) for field in fields(input_))
    return {name: _plain(value) for name, value in values if value is not UNSET}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return given(value) if is_dataclass(value) else value


@strawberry.input(description="A new actor")
class RegisterActorInput:
    chitty_id: ChittyID | None = UNSET
    actor_type: ActorType
    display_name: str | None = UNSET
    email: str | None = UNSET
    avatar_url: str | None = UNSET
    capabilities: list[str] | None = UNSET
    chitty_dna_id: ChittyID | None = UNSET
    chitty_auth_principal_id: str | None = UNSET


@strawberry.input(description="What to change of an actor")
class UpdateActorInput:
    chitty_id: ChittyID
    display_name: str | None = UNSET
    email: str | None = UNSET
    avatar_url: str | None = UNSET
    capabilities: list[str] | None = UNSET
    chitty_dna_id: ChittyID | None = UNSET
    chitty_auth_principal_id: str | None = UNSET
    if_updated_at: DateTime | None = UNSET


@strawberry.input(description="Which actor")
class ActorRefInput:
    chitty_id: ChittyID
    if_updated_at: DateTime | None = UNSET


@strawberry.input(description="Which actor, and who takes over its contexts")
class DeleteActorInput:
    chitty_id: ChittyID
    transfer_contexts_to: ChittyID | None = UNSET
    if_updated_at: DateTime | None = UNSET


@strawberry.input(description="Which actor was seen, and whether a session began")
class RecordActorSeenInput:
    chitty_id: ChittyID
    new_session: bool = False


@strawberry.input(description="A new context")
class CreateContextInput:
    chitty_id: ChittyID | None = UNSET
    name: str
    owner: ChittyID
    data: list[str] | None = UNSET
    systems: list[str] | None = UNSET
    tools: list[str] | None = UNSET
    chitty_dna_id: ChittyID | None = UNSET
    chitty_chronicle_timeline_id: ChittyID | None = UNSET


@strawberry.input(description="What to change of a context")
class UpdateContextInput:
    chitty_id: ChittyID
    name: str | None = UNSET
    data: list[str] | None = UNSET
    systems: list[str] | None = UNSET
    tools: list[str] | None = UNSET
    chitty_dna_id: ChittyID | None = UNSET
    chitty_chronicle_timeline_id: ChittyID | None = UNSET
    active: bool | None = UNSET
    if_updated_at: DateTime | None = UNSET


@strawberry.input(description="Which context")
class ContextRefInput:
    chitty_id: ChittyID
    if_updated_at: DateTime | None = UNSET


@strawberry.input(description="Which context, and who gets it")
class TransferContextInput:
    chitty_id: ChittyID
    new_owner: ChittyID
    if_updated_at: DateTime | None = UNSET


@strawberry.input(description="One permission that was granted")
class InstallationPermissionInput:
    name: str
    access: str


@strawberry.input(description="An installation as GitHub tells of it")
class RecordInstallationInput:
    installation_id: BigInt
    chitty_id: ChittyID | None = UNSET
    chitty_dna_id: ChittyID | None = UNSET
    account_id: BigInt
    account_login: str
    account_type: AccountType
    account_avatar_url: str | None = UNSET
    repository_selection: RepositorySelection
    permissions: list[InstallationPermissionInput] | None = UNSET
    events: list[str] | None = UNSET
    selected_repositories: list[str] | None = UNSET
    installed_at: DateTime | None = UNSET


@strawberry.input(description="Which installation")
class InstallationRefInput:
    installation_id: BigInt


@strawberry.input(description="Which installation, and who suspends it")
class SuspendInstallationInput:
    installation_id: BigInt
    suspended_by: ChittyID | None = strawberry.field(
        default=UNSET, description="The viewer's actor when absent"
    )


@strawberry.input(description="A new connection")
class OpenConnectionInput:
    connection_id: ID | None = UNSET
    source: ChittyID
    target_service: str
    target_endpoint: str | None = UNSET
    connection_type: ConnectionType = ConnectionType.API
    credentials_kv_key: str | None = UNSET
    config: JSON | None = UNSET
    installation_id: BigInt | None = UNSET


@strawberry.input(description="What to change of a connection")
class UpdateConnectionInput:
    connection_id: ID
    target_endpoint: str | None = UNSET
    connection_type: ConnectionType | None = UNSET
    credentials_kv_key: str | None = UNSET
    config: JSON | None = UNSET
    installation_id: BigInt | None = UNSET
    active: bool | None = UNSET
    if_updated_at: DateTime | None = UNSET


@strawberry.input(description="Which connection")
class ConnectionRefInput:
    connection_id: ID
    if_updated_at: DateTime | None = UNSET


@strawberry.input(description="How a connection was found")
class ReportConnectionHealthInput:
    connection_id: ID
    healthy: bool
    error: str | None = UNSET
    checked_at: DateTime | None = UNSET


@strawberry.input(description="How often a connection was used")
class RecordConnectionUseInput:
    connection_id: ID
    requests: int = 1
