"""The stock server's schema: the part of the registry's that the workloads need."""

# The names say it all: they are those of the public schema.

import base64
import json
from typing import Annotated, Any, NewType
from uuid import uuid4

import strawberry
from strawberry.types.scalar import ScalarDefinition

from benchmarks.stock_loaders import LIVE_CONTEXTS, Row
from db.model import instants
from db.model.enums import ActorType, ConnectionStatus, ConnectionType, ContextStatus, SourceType

PAGE_MAX = 1000
BigInt = NewType("BigInt", int)
ChittyID = NewType("ChittyID", str)
DateTime = NewType("DateTime", str)
JSON = NewType("JSON", object)
SCALARS: dict[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(name="BigInt", serialize=str, parse_value=int),
    ChittyID: strawberry.scalar(name="ChittyID", serialize=str, parse_value=str),
    DateTime: strawberry.scalar(name="DateTime", serialize=str, parse_value=str),
    JSON: strawberry.scalar(
        name="JSON", serialize=lambda value: value, parse_value=lambda value: value
    ),
}
for members in (ActorType, ConnectionStatus, ConnectionType, ContextStatus, SourceType):
    strawberry.enum(members)

CONTEXTS = f"""
    SELECT * FROM contexts WHERE {LIVE_CONTEXTS}
    ORDER BY created_at DESC, chitty_id DESC LIMIT ?
"""
CONNECTIONS = """
    SELECT * FROM connections WHERE status <> 'disconnected'
    ORDER BY created_at DESC, connection_id DESC LIMIT ?
"""
INSERT = """
    INSERT INTO connections (
        connection_id, source_chitty_id, source_type, target_service, target_endpoint,
        connection_type, config, created_at, updated_at
    )
    VALUES (?, ?, 'context', ?, ?, ?, ?, ?, ?)
    RETURNING *
"""

Info = strawberry.Info[dict[str, Any], None]


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Actor:
    chitty_id: ChittyID
    actor_type: ActorType
    display_name: str | None

    @strawberry.field
    async def contexts(self, info: Info, first: int = 20) -> "ContextConnection":
        rows = await info.context["loaders"].contexts(_size(first)).load(self.chitty_id)
        return ContextConnection.of(rows, first)


@strawberry.type
class Context:
    chitty_id: ChittyID
    name: str
    status: ContextStatus
    created_at: DateTime
    updated_at: DateTime
    owner_id: strawberry.Private[str]

    @strawberry.field
    async def owner(self, info: Info) -> Actor:
        return actor(await info.context["loaders"].actor.load(self.owner_id))

    @strawberry.field
    async def connections(self, info: Info, first: int = 20) -> "ConnectionConnection":
        rows = await info.context["loaders"].connections(_size(first)).load(self.chitty_id)
        return ConnectionConnection.of(rows, first)


ConnectionSource = Annotated[Context | Actor, strawberry.union("ConnectionSource")]


@strawberry.type
class Connection:
    connection_id: strawberry.ID
    source_type: SourceType
    target_service: str
    target_endpoint: str | None
    connection_type: ConnectionType
    status: ConnectionStatus
    error_count: int
    request_count: BigInt
    last_used_at: DateTime | None
    config: JSON
    created_at: DateTime
    updated_at: DateTime
    source_id: strawberry.Private[str]

    @strawberry.field
    async def source(self, info: Info) -> ConnectionSource:
        loaders = info.context["loaders"]
        if self.source_type is SourceType.ACTOR:
            return actor(await loaders.actor.load(self.source_id))
        return context(await loaders.context.load(self.source_id))


@strawberry.type
class ContextConnection:
    nodes: list[Context]
    page_info: PageInfo

    @classmethod
    def of(cls, rows: list[Row], first: int) -> "ContextConnection":
        nodes = [context(row) for row in rows[:first]]
        return cls(nodes=nodes, page_info=_page_info(rows, first, "chitty_id"))


@strawberry.type
class ConnectionConnection:
    nodes: list[Connection]
    page_info: PageInfo

    @classmethod
    def of(cls, rows: list[Row], first: int) -> "ConnectionConnection":
        nodes = [connection(row) for row in rows[:first]]
        return cls(nodes=nodes, page_info=_page_info(rows, first, "connection_id"))


def actor(row: Row) -> Actor:
    return Actor(
        chitty_id=row["chitty_id"],
        actor_type=ActorType(row["actor_type"]),
        display_name=row["display_name"],
    )


def context(row: Row) -> Context:
    return Context(
        chitty_id=row["chitty_id"],
        name=row["name"],
        status=ContextStatus(row["status"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        owner_id=row["owner_chitty_id"],
    )


def connection(row: Row) -> Connection:
    return Connection(
        connection_id=row["connection_id"],
        source_type=SourceType(row["source_type"]),
        target_service=row["target_service"],
        target_endpoint=row["target_endpoint"],
        connection_type=ConnectionType(row["connection_type"]),
        status=ConnectionStatus(row["status"]),
        error_count=row["error_count"],
        request_count=row["request_count"],
        last_used_at=row["last_used_at"],
        config=json.loads(row["config"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        source_id=row["source_chitty_id"],
    )


@strawberry.type
class Query:
    @strawberry.field
    async def actor(self, info: Info, chitty_id: ChittyID) -> Actor | None:
        row = await info.context["loaders"].actor.load(chitty_id)
        return row and actor(row)

    @strawberry.field
    async def context(self, info: Info, chitty_id: ChittyID) -> Context | None:
        row = await info.context["loaders"].context.load(chitty_id)
        return row and context(row)

    @strawberry.field
    async def contexts(self, info: Info, first: int = 20) -> ContextConnection:
        rows = await info.context["loaders"].rows(CONTEXTS, [_size(first) + 1])
        return ContextConnection.of(rows, first)

    @strawberry.field
    async def connections(self, info: Info, first: int = 20) -> ConnectionConnection:
        rows = await info.context["loaders"].rows(CONNECTIONS, [_size(first) + 1])
        return ConnectionConnection.of(rows, first)


@strawberry.input
class OpenConnectionInput:
    source: ChittyID
    target_service: str
    target_endpoint: str | None = None
    connection_type: ConnectionType = ConnectionType.API
    config: JSON | None = None


@strawberry.type
class UserError:
    code: str
    message: str
    path: list[str]


@strawberry.type
class ConnectionPayload:
    connection: Connection | None
    errors: list[UserError]


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def open_connection(self, info: Info, input: OpenConnectionInput) -> ConnectionPayload:  # noqa: A002
        if await info.context["loaders"].context.load(input.source) is None:
            error = UserError(code="NOT_FOUND", message="no such context", path=["input", "source"])
            return ConnectionPayload(connection=None, errors=[error])
        now = instants.now()
        values = (
            str(uuid4()),
            input.source,
            input.target_service,
            input.target_endpoint,
            input.connection_type.value,
            json.dumps(input.config or {}),
            now,
            now,
        )
        async with info.context["lock"]:
            (row,) = await info.context["writer"].execute_fetchall(INSERT, values)
            await info.context["writer"].commit()
        return ConnectionPayload(connection=connection(row), errors=[])


def _size(first: int) -> int:
    if not 1 <= first <= PAGE_MAX:
        raise ValueError(f"first must be from 1 to {PAGE_MAX}, not {first}")
    return first


def _page_info(rows: list[Row], first: int, key: str) -> PageInfo:
    end = None
    if shown := rows[:first]:
        last = shown[-1]
        end = base64.b64encode(f"{last['created_at']},{last[key]}".encode()).decode()
    return PageInfo(has_next_page=len(rows) > first, end_cursor=end)


SCHEMA = strawberry.Schema(Query, Mutation, scalar_overrides=SCALARS)
