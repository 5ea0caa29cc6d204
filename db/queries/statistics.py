"""Counts and sums over connections and other rows that are not soft-deleted, as the viewer sees them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from db.model.enums import ConnectionStatus
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS
from db.program import Program, Rows, Statement, Value, json_list
from db.queries import exact_sums, listings
from db.queries.conditions import EVERYTHING
from db.queries.listings import Listing

# total() gives a float, which is exact below this.
EXACT = 2**53 - 1
# As groups read statuses that other programs store; an unknown one is in no count but the whole.
_STATUSES = {status.value: status for status in ConnectionStatus}


@dataclass(frozen=True, slots=True)
class ConnectionStats:
    """`by_status` has the statuses that some connection has; sums stop at the largest 64-bit integer."""

    total: int = 0
    by_status: Mapping[ConnectionStatus, int] = field(default_factory=dict)
    requests: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True)
class RegistryStats:
    actors: int
    contexts: int
    installations: int
    connections: ConnectionStats


NOTHING = ConnectionStats()
NO_SERVICE = "NULL"


def of_registry() -> Program[RegistryStats]:
    counted = [
        listings.count(Listing(table, None, EVERYTHING, live=True), [])
        for table in (ACTORS, CONTEXTS, INSTALLATIONS)
    ]
    *counts, rows = yield [*counted, _summed(NO_SERVICE, "TRUE", {})]
    actors, contexts, installations = (int(str(found[0][1])) for found in counts)
    if _are_large(rows):
        (rows,) = yield [_summed(NO_SERVICE, "TRUE", {}, exactly=True)]
    stats = _by_service(rows).get(None, NOTHING)
    return RegistryStats(actors, contexts, installations, stats)


def of_services(names: Sequence[Value]) -> Program[dict[Value, ConnectionStats]]:
    """By the name of the service, of those that have connections."""
    among = f"sought_{CONNECTIONS.name}(x.target_service) IN (SELECT value FROM json_each(:names))"
    bind = {"names": json_list(names)}
    (rows,) = yield [_summed("x.target_service", among, bind)]
    if _are_large(rows):
        (rows,) = yield [_summed("x.target_service", among, bind, exactly=True)]
    return _by_service(rows)


def _summed(
    service: str, condition: str, bind: Mapping[str, Value], *, exactly: bool = False
) -> Statement:
    """Rows of a service or NULL, a status, the number of connections, their requests and their errors.

    The numbers come in halves. An index has the rows of each group, with all that is added up, side by side.
    """
    sums = []
    for name in ("request_count", "error_count"):
        # D1 gives no number beyond EXACT.
        halves = "0", f"max({-EXACT}, min(total(x.{name}), {EXACT}))"
        high, low = exact_sums.halves(f"x.{name}") if exactly else halves
        sums.append(f"{high} AS {name}_high, {low} AS {name}_low")
    groups = "x.status" if service == NO_SERVICE else f"{service}, x.status"
    return Statement(
        f"SELECT {service}, x.status, count(*), {', '.join(sums)} FROM {CONNECTIONS.listed} AS x"
        f" WHERE {condition} AND {CONNECTIONS.live.format(row='x')} GROUP BY {groups}",
        bind,
    )


def _are_large(rows: Rows) -> bool:
    return any(
        abs(float(str(low))) >= EXACT for *_, requests, _, low in rows for low in (requests, low)
    )


def _by_service(rows: Rows) -> dict[Value, ConnectionStats]:
    counts: dict[Value, dict[ConnectionStatus | None, int]] = defaultdict(lambda: defaultdict(int))
    sums: dict[Value, list[int]] = defaultdict(lambda: [0, 0])
    for service, stored, number, *halves in rows:
        counts[service][_STATUSES.get(str(stored).strip(" ").lower())] += int(str(number))
        whole = [int(half) if isinstance(half, int | float) else 0 for half in halves]
        sums[service][0] += exact_sums.whole(*whole[:2])
        sums[service][1] += exact_sums.whole(*whole[2:])
    return {
        service: ConnectionStats(
            sum(found.values()),
            {status: found[status] for status in ConnectionStatus if status in found},
            *map(exact_sums.bounded, sums[service]),
        )
        for service, found in counts.items()
    }
