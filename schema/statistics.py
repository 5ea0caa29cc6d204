"""Statistics of the registry and of its services."""

from collections.abc import Mapping, Sequence
from typing import Any

import strawberry

from db.program import Program, Value
from db.queries import statistics
from schema.enums import ConnectionStatus
from schema.fields.costs import WHOLE_TABLE, FieldCost
from schema.fields.fields import Info, field
from schema.fields.scalars import BigInt
from schema.fields.sources import Made, MadeOfKeys

NOT_COUNTED = "Soft-deleted ones do not count"


@strawberry.type(description="The number of connections with one status")
class ConnectionStatusCount:
    status: ConnectionStatus = strawberry.field(description="The status")
    count: int = strawberry.field(description="The number of connections; at least 1")


@strawberry.type(
    description="Counts and sums of the connections that the viewer sees. Disconnected ones do not count"
)
class ConnectionStats:
    total: int = strawberry.field(description="The number of connections")
    by_status: list[ConnectionStatusCount] = strawberry.field(
        description="The number by status, without those that no connection has: ACTIVE, INACTIVE, FAILED. "
        "A connection whose stored status is unknown counts in total only"
    )
    requests: BigInt = strawberry.field(
        description="The sum of requestCount, at most 9223372036854775807"
    )
    errors: BigInt = strawberry.field(
        description="The sum of errorCount, at most 9223372036854775807"
    )

    @classmethod
    def of(cls, stats: statistics.ConnectionStats) -> "ConnectionStats":
        return cls(
            total=stats.total,
            by_status=[
                ConnectionStatusCount(status=status, count=count)
                for status, count in stats.by_status.items()
            ],
            requests=BigInt(stats.requests),
            errors=BigInt(stats.errors),
        )


@strawberry.type(description=f"Counts of the objects that the viewer sees, and sums. {NOT_COUNTED}")
class RegistryStats:
    actors: int = strawberry.field(description="The number of actors")
    contexts: int = strawberry.field(description="The number of contexts")
    installations: int = strawberry.field(description="The number of installations")
    connections: ConnectionStats = strawberry.field(
        description="The connections, by status, with what went through them"
    )

    @classmethod
    def of(cls, stats: statistics.RegistryStats) -> "RegistryStats":
        return cls(
            actors=stats.actors,
            contexts=stats.contexts,
            installations=stats.installations,
            connections=ConnectionStats.of(stats.connections),
        )


def _read_registry() -> Program[RegistryStats]:
    return RegistryStats.of((yield from statistics.of_registry()))


def _read_services(names: Sequence[Value]) -> Program[Mapping[Value, ConnectionStats]]:
    found = yield from statistics.of_services(names)
    return {name: ConnectionStats.of(found.get(name, statistics.NOTHING)) for name in names}


async def _registry_stats(self: Any, info: Info) -> Any:
    return RegistryStats.of(await info.context.loaders.registry_stats().load(None))


async def _service_stats(self: Any, info: Info) -> Any:
    return ConnectionStats.of(await info.context.loaders.service_stats().load(self.row.name))


registry_stats = field(
    Made(_read_registry),
    _registry_stats,
    RegistryStats,
    "Counts of the objects that the viewer sees, and sums of their counters",
    null_on_error=True,
    cost=FieldCost(reads=WHOLE_TABLE),
)
service_stats = field(
    MadeOfKeys(_read_services),
    _service_stats,
    ConnectionStats,
    "Counts and sums of its connections",
    cost=FieldCost(reads=WHOLE_TABLE),
)
