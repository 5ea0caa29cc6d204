"""What the endpoints use, from the server's start until it stops."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from db import patience
from db.database import Database
from db.errors import Unavailable
from db.open_database import open_database
from db.queries import cursors
from resolvers.minting import Mint
from resolvers.policy import Policy
from schema.execution.documents import Documents
from schema.execution.executor import Executor
from schema.limits.limits import Limits
from server.auth import setup
from server.auth.gate import Gate
from server.graphql import persisted_documents
from server.graphql.operation import Operations
from server.graphql.persisted_documents import PersistedDocuments
from server.heartbeat import beating
from server.http.admission import Admission
from server.http.bounded_body import BodyReader
from server.http.client_address import TrustedProxies
from server.identity import minting
from server.retention import keep_history
from server.setting_fields import InvalidSetting
from server.settings import Settings
from server.subscriptions.hub import Hub
from server.telemetry import logs, otel
from server.telemetry.counters import Metrics
from server.telemetry.otel import Tracer
from server.transport.disconnects import DisconnectWatches
from server.webhooks_out.dispatcher import Dispatcher
from server.webhooks_out.feed import Feed
from server.webhooks_out.opening import open_dispatcher

if TYPE_CHECKING:
    from db.replica.database import ReplicaDatabase
    from server.replica.role import Replica

log = logging.getLogger(__name__)

MAX_DELIVERY_BYTES = 25 * 2**20  # GitHub's own limit
# What the bodies of requests take in one worker, all together: those of GraphQL until they are whole, those
# of webhooks until they are stored.
MAX_GRAPHQL_BYTES = 32 * 2**20
MAX_DELIVERIES_BYTES = 64 * 2**20


@dataclass(eq=False, slots=True, kw_only=True)
class Service:
    """The app holds it in an attribute: `app.state` is ten times slower."""

    settings: Settings
    db: Database
    operations: Operations
    admission: Admission
    metrics: Metrics
    tracer: Tracer | None
    request_ids: Iterator[str]
    graphql_bodies: BodyReader
    webhook_bodies: BodyReader
    disconnects: DisconnectWatches
    subscriptions: Hub
    feed: Feed
    dispatcher: Dispatcher | None
    replica: "Replica | None"

    async def reload(self) -> None:
        """Read persisted documents and the keys of tokens again. What cannot be read stays as it was."""
        operations, reason = self.operations, None
        if operations.gate is not None:
            await operations.gate.reload()
        if self.settings.document_files:
            try:
                # In a thread, for checking hundreds of them takes a while, and thus with a cache of its own.
                loaded = await asyncio.to_thread(_load, self.settings)
            except InvalidSetting as error:
                reason = str(error)
            else:
                operations.use(*loaded)
        if reason is None:
            log.info("server reloaded")
        else:
            log.error("server not reloaded", extra={"reason": reason})


def _load(settings: Settings) -> tuple[Documents, PersistedDocuments]:
    checked = documents(settings)
    return checked, persisted_documents.load(settings, checked)


@asynccontextmanager
async def open_service(
    settings: Settings,
    documents: Documents,
    persisted_documents: PersistedDocuments,
    metrics: Metrics,
    admission: Admission,
) -> AsyncIterator[Service]:
    """Migrate and open the database, and start the service; stop it on leaving. Raises BootRefused."""
    async with _open(settings) as db:
        stored = await db.read(cursors.stored_key())
        cursor_key = await patience.write(db, cursors.key) if stored is None else stored
        feed = Feed(db, cursor_key, policy(settings), compile_operations=settings.compiled)
        async with (
            minting.open_minter(settings) as mint,
            minting.mint_for_pending(db, mint),
            keep_history(db, settings.history_days),
            beating(db, settings.heartbeat_seconds),
            setup.open_gate(settings, db) as gate,
            open_dispatcher(settings, db, feed) as dispatcher,
        ):
            parts = _Parts(db, cursor_key, mint, gate, feed, dispatcher)
            async with _serving(
                settings, parts, documents, persisted_documents, metrics, admission
            ) as service:
                yield service


@asynccontextmanager
async def open_replica_service(
    settings: Settings,
    db: "ReplicaDatabase",
    documents: Documents,
    persisted_documents: PersistedDocuments,
    metrics: Metrics,
    admission: Admission,
) -> AsyncIterator[Service]:
    """Start the service of a replica, which runs nothing that writes; stop it on leaving.

    Raises Unavailable or EngineError if its copy cannot be read now.
    """
    from server.replica.role import open_replica

    cursor_key = await db.read(cursors.stored_key())
    if cursor_key is None:
        raise Unavailable("the primary has not made its keys yet: start it")
    feed = Feed(db, cursor_key, policy(settings), compile_operations=settings.compiled)
    async with (
        minting.open_minter(settings) as mint,
        open_replica(settings, db, cursor_key) as replica,
        setup.open_gate(settings, db, replica.require_new) as gate,
    ):
        parts = _Parts(db, cursor_key, mint, gate, feed, replica=replica)
        async with _serving(
            settings, parts, documents, persisted_documents, metrics, admission
        ) as service:
            yield service


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the services of a primary and of a replica are made of in ways of their own."""

    db: Database
    cursor_key: bytes
    mint: Mint
    gate: Gate | None
    feed: Feed
    dispatcher: Dispatcher | None = None
    replica: "Replica | None" = None


@asynccontextmanager
async def _serving(
    settings: Settings,
    parts: _Parts,
    documents: Documents,
    persisted_documents: PersistedDocuments,
    metrics: Metrics,
    admission: Admission,
) -> AsyncIterator[Service]:
    async with otel.open_tracer(settings) as tracer:
        operations = Operations(
            db=parts.db,
            cursor_key=parts.cursor_key,
            mint=parts.mint,
            policy=policy(settings),
            documents=documents,
            persisted_documents=persisted_documents,
            executor=Executor(compile_operations=settings.compiled),
            gate=parts.gate,
            proxies=trusted_proxies(settings),
            max_cost=settings.max_cost,
            open_network=settings.allow_open_network,
        )
        admission.serve(operations.share, parts.db.reads_waiting)
        async with _listening(settings, operations, admission, metrics) as subscriptions:
            yield Service(
                settings=settings,
                db=parts.db,
                operations=operations,
                admission=admission,
                metrics=metrics,
                tracer=tracer,
                request_ids=logs.new_request_ids(),
                graphql_bodies=BodyReader(each=settings.max_body_bytes, total=MAX_GRAPHQL_BYTES),
                webhook_bodies=BodyReader(each=MAX_DELIVERY_BYTES, total=MAX_DELIVERIES_BYTES),
                disconnects=DisconnectWatches(),
                subscriptions=subscriptions,
                feed=parts.feed,
                dispatcher=parts.dispatcher,
                replica=parts.replica,
            )


@asynccontextmanager
async def _listening(
    settings: Settings, operations: Operations, admission: Admission, metrics: Metrics
) -> AsyncIterator[Hub]:
    subscriptions = Hub(
        operations,
        admission.requests,
        metrics,
        most=settings.max_subscriptions,
        send_seconds=settings.answer_seconds / 2,
    )
    try:
        yield subscriptions
    finally:
        await subscriptions.close()


@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[Database]:
    db = await open_database(
        settings.database,
        readers=settings.readers,
        read_seconds=settings.read_seconds,
        wait_seconds=settings.wait_seconds,
        min_free_bytes=settings.min_free_mb * 2**20,
        has_replicas=settings.heartbeat_seconds > 0,
    )
    try:
        yield db
    finally:
        await db.close()


def trusted_proxies(settings: Settings) -> TrustedProxies | None:
    return TrustedProxies(settings.trusted_proxy_list) if settings.trusted_proxies else None


def documents(settings: Settings) -> Documents:
    return Documents(
        introspection=settings.shows_schema, limits=limits(settings), policy=policy(settings)
    )


def policy(settings: Settings) -> Policy:
    return Policy(
        page_default=settings.page_default,
        page_max=settings.page_max,
        failure_threshold=settings.failure_threshold,
        private_webhook_targets=settings.private_webhook_targets,
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
