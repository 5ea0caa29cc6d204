"""What the tests of permissions share: two actors' things, asked for by one of them and an admin."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, Table
from schema.built import GRAPHQL
from tests.support.registries import separate_owners
from tests.support.registries.outgoing_webhooks import add_webhook
from tests.support.registries.separate_owners import seen_by
from tests.support.services.api import Api, running

AT = "2026-01-01T00:00:00.000Z"
ME, FACE, THEM, ROOT = (f"CHITTY-ACTOR-{name}" for name in ("ME", "FACE", "THEM", "ROOT"))
MINE, THEIRS = "CHITTY-CONTEXT-MINE", "CHITTY-CONTEXT-THEIRS"
LINK, FAR_LINK = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "12")
APP, FAR_APP = 1, 2


def actor(chitty_id: str, *capabilities: str) -> Any:
    """An active actor who holds these capabilities."""
    return _row(
        ACTORS,
        chitty_id=chitty_id,
        actor_type="human",
        capabilities=json.dumps(capabilities),
        chitty_auth_principal_id=f"principal of {chitty_id}",
        session_count=0,
        status="active",
        created_at=AT,
    )


def context(chitty_id: str, owner: str) -> Any:
    """An active context of this owner, named as its ChittyID."""
    lists = dict.fromkeys(("data", "systems", "tools"), "[]")
    identity = {"chitty_id": chitty_id, "name": chitty_id, "owner_chitty_id": owner}
    return _row(CONTEXTS, **identity, **lists, status="active", created_at=AT)


def installation(number: int, suspended_by: str | None = None) -> Any:
    """An installation that this actor suspended once."""
    return _row(
        INSTALLATIONS,
        installation_id=number,
        chitty_id=f"CHITTY-INSTALL-{number}",
        account_id=number,
        account_login="ada",
        account_type="User",
        repository_selection="all",
        permissions="{}",
        events="[]",
        selected_repositories="[]",
        suspended_by_chitty_id=suspended_by,
        installed_at=AT,
    )


def connection(connection_id: str, source: str, through: int | None) -> Any:
    """An active connection of this context, through this installation."""
    return _row(
        CONNECTIONS,
        connection_id=connection_id,
        source_chitty_id=source,
        source_type="context",
        target_service="github",
        connection_type="api",
        status="active",
        error_count=0,
        request_count=0,
        config="{}",
        installation_id=through,
        created_at=AT,
    )


def _row(table: Table[Any], **known: Any) -> Any:
    return table.row(**dict.fromkeys(table.columns) | {"updated_at": AT} | known)


@asynccontextmanager
async def registry(folder: Path, *mine: str) -> AsyncIterator[list[Api]]:
    """A service in protected mode by who asks it: ME, who hold these capabilities, and ROOT, an admin.

    ME own MINE, see APP by its connection LINK, and FACE by APP. The other things are not theirs.
    """
    rows = [
        *(actor(ME, *mine), actor(FACE), actor(THEM), actor(ROOT, "admin")),
        *(context(MINE, ME), context(THEIRS, THEM)),
        *(installation(APP, FACE), installation(FAR_APP)),
        *(connection(LINK, MINE, APP), connection(FAR_LINK, THEIRS, FAR_APP)),
    ]
    separate_owners.store(folder / "registry.db", rows, [ME, ROOT])
    add_webhook(folder / "registry.db")
    async with (
        running(folder / "registry.db", webhooks_out=False, **separate_owners.SETTINGS) as service,
        AsyncExitStack() as stack,
    ):
        yield [await stack.enter_async_context(seen_by(service, name)) for name in (ME, ROOT)]


async def errors_of(api: Api, mutation: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    """The errors of a mutation with this input, or with a list of it; none where it is done."""
    ((name, argument),) = GRAPHQL.mutation_type.fields[mutation].args.items()
    document = (
        f"mutation ($given: {argument.type}) {{"
        f" {mutation}({name}: $given) {{ errors {{ code path message }} }} }}"
    )
    answer = await api.ask(document, given=[given] if name == "inputs" else given)
    found: list[dict[str, Any]] = answer[mutation]["errors"]
    return found


async def codes_of(api: Api, mutation: str, given: dict[str, Any]) -> list[str]:
    """The codes of these errors."""
    return [error["code"] for error in await errors_of(api, mutation, given)]
