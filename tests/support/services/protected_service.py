"""A protected service, actors in it, and the credentials they show."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from db.commands import actors
from db.model.chitty_id import local
from db.model.enums import ActorType
from resolvers.operation_context import OperationContext
from resolvers.permissions import OPERATOR
from server.auth import issuing
from server.auth.gate import Gate
from server.auth.issuing import KeyOptions
from server.auth.rate_limits import RateLimiter
from tests.support.registries.databases import new_registry
from tests.support.services.api import Api, running
from tests.support.services.asgi_client import AsgiClient
from tests.support.services.commands import command
from tests.support.services.server_process import QUIET, served, url_of

WRONG = "Bearer cg_0123456789ab_" + "A" * 43  # of the form of a key, and none
WHO = "{ viewer { actor { chittyId } capabilities } }"


class ProtectedApi(Api):
    """A running service that asks everyone for a credential."""

    async def actor(self, name: str, *capabilities: str, **columns: Any) -> str:
        """Register an actor; its ChittyID."""
        values = {"actor_type": ActorType.HUMAN, "capabilities": list(capabilities), **columns}
        stored = {"chitty_id": local("ACTOR"), "display_name": name, **values}
        chitty_id: str = (await self.service.db.write(actors.insert(stored))).chitty_id
        return chitty_id

    async def key_of(self, actor: str, expires_at: str | None = None) -> str:
        """A new key of an actor."""
        ctx = OperationContext(db=self.service.db, cursor_key=b"", viewer=OPERATOR)
        return (await issuing.to_actor(ctx, actor, KeyOptions(expires_at=expires_at))).text

    async def newcomer(self, name: str = "Ada", *capabilities: str) -> tuple[str, str]:
        """A new actor and its key."""
        actor = await self.actor(name, *capabilities)
        return actor, await self.key_of(actor)

    async def show(
        self, *credentials: str | bytes, query: str = WHO, headers: Sequence[tuple[str, str]] = ()
    ) -> httpx2.Response:
        """The answer to a query that is sent with these values of Authorization."""
        values = [each if isinstance(each, bytes) else each.encode() for each in credentials]
        shown = [(b"authorization", value) for value in values]
        others = [(name.encode(), value.encode()) for name, value in headers]
        return await self.client.post("/graphql", json={"query": query}, headers=[*shown, *others])


@contextmanager
def protected(database: Path, *flags: str) -> Iterator[tuple[str, str]]:
    """A protected server in a process of its own: the address of its /graphql, and the key of an admin."""
    new_registry(database)
    made = command("keys", "create", "--new-admin", "Root", "--database", database)
    with served(database, "--auth", "protected", *QUIET, *flags) as (_, said):
        yield url_of(said, "/graphql"), made.stdout.strip()


@asynccontextmanager
async def protected_api(database: Path, **settings: Any) -> AsyncIterator[ProtectedApi]:
    """A protected service over this file."""
    async with running(database, auth="protected", **settings) as api:
        yield ProtectedApi(api.app, api.client)


@asynccontextmanager
async def client_at(api: Api, address: str) -> AsyncIterator[ProtectedApi]:
    """The same service, asked by a client at this address."""
    async with AsgiClient(api.app, address=(address, 50_000)) as client:
        yield ProtectedApi(api.app, client)


def set_clock(api: Api, now: Callable[[], float]) -> None:
    """Have the service's gate tell the time by this clock from now on, and limit nothing."""
    freely = RateLimiter(0)
    set_gate(
        api, Gate(api.service.db, None, failures=freely, requests=freely, points=freely, now=now)
    )


def set_gate(api: Api, gate: Gate) -> None:
    """Put another gate before the service."""
    api.service.operations.gate = gate


async def wait_for_key_use(api: Api) -> None:
    """Wait for the day of a key's use to be noted."""
    assert api.service.operations.gate is not None
    await api.service.operations.gate.close()


def bearer(credential: str) -> str:
    """What Authorization says of a credential (RFC 6750)."""
    return f"Bearer {credential}"


def refusal(answer: httpx2.Response) -> tuple[int, str, str]:
    """The status, code and message of a refusal, which holds nothing else."""
    assert answer.headers["content-type"].startswith("application/json")
    (error,) = answer.json()["errors"]
    assert answer.json().keys() == {"errors"}
    return answer.status_code, error["extensions"]["code"], error["message"]
