"""What the endpoints use, from the server's start until it stops."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from db.database import Database
from db.open_database import open_database
from db.queries import cursors
from resolvers.policy import Policy
from schema.execution.documents import Documents
from schema.execution.executor import Executor
from schema.limits.limits import Limits
from server.auth import setup
from server.graphql.operation import Operations
from server.graphql.persisted_documents import PersistedDocuments
from server.http.client_address import TrustedProxies
from server.identity import minting
from server.settings import Settings
from server.telemetry import otel
from server.telemetry.counters import Metrics
from server.telemetry.otel import Tracer


@dataclass(eq=False, slots=True, kw_only=True)
class Service:
    """The app holds it in an attribute: `app.state` is ten times slower."""

    settings: Settings
    db: Database
    operations: Operations
    metrics: Metrics
    tracer: Tracer | None


@asynccontextmanager
async def open_service(
    settings: Settings,
    documents: Documents,
    persisted_documents: PersistedDocuments,
    metrics: Metrics,
) -> AsyncIterator[Service]:
    """Migrate and open the database, and start the service; stop it on leaving. Raises BootRefused."""
    db = await open_database(
        settings.database,
        readers=settings.readers,
        read_seconds=settings.read_seconds,
        min_free_bytes=settings.min_free_mb * 2**20,
    )
    try:
        stored = await db.read(cursors.stored_key())
        cursor_key = await db.write(cursors.key()) if stored is None else stored
        async with (
            otel.open_tracer(settings) as tracer,
            minting.open_minter(settings) as mint,
            minting.mint_for_pending(db, mint),
            setup.open_gate(settings, db) as gate,
        ):
            operations = Operations(
                db=db,
                cursor_key=cursor_key,
                mint=mint,
                policy=policy(settings),
                documents=documents,
                persisted_documents=persisted_documents,
                executor=Executor(compile_operations=settings.compiled),
                gate=gate,
                proxies=TrustedProxies(settings.trusted_proxy_list),
                max_cost=settings.max_cost,
                open_network=settings.allow_open_network,
            )
            yield Service(
                settings=settings, db=db, operations=operations, metrics=metrics, tracer=tracer
            )
    finally:
        await db.close()


def documents(settings: Settings) -> Documents:
    return Documents(
        introspection=settings.shows_schema, limits=limits(settings), policy=policy(settings)
    )


def policy(settings: Settings) -> Policy:
    return Policy(
        page_default=settings.page_default,
        page_max=settings.page_max,
        failure_threshold=settings.failure_threshold,
    )


def limits(settings: Settings) -> Limits:
    return Limits(
        tokens=settings.max_tokens,
        depth=settings.max_depth,
        aliases=settings.max_aliases,
        root_fields=settings.max_root_fields,
        directives=settings.max_directives,
        fields=settings.max_fields,
        cost=settings.max_cost,
    )
