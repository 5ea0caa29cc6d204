"""`--auth`: what permissions cost an admin, and an owner who sees only its own 200 contexts.

The owner gets the newest hundred contexts, which W2 and W3 list, and a hundred ordinary ones. So open mode,
the admin and the owner send the same requests and get the same answers. A run prints how many
connections the owner has.
"""

import shutil
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import compare, data, progress, report, rows
from benchmarks.options import Options
from benchmarks.rounds import Sample, bodies_file, long_enough, sample, warm_up
from benchmarks.rows import Size
from benchmarks.servers import BY_NAME, Contender, Server, running
from benchmarks.summary import OURS, Verdict, cpu_times, times
from benchmarks.workloads import BY_NAME as WORKLOADS
from benchmarks.workloads import Workload, new_connection
from db.program import Program
from db.program import run as run_program
from db.security import api_keys
from db.security.row_security import UNRESTRICTED
from db.sqlite.connection_thread import execute
from server.auth import api_keys as keys

Samples = dict[tuple[str, str], list[Sample]]
"""The samples of each workload and server."""

NEWEST, ORDINARY = 100, 100
OPEN, ADMIN, OWNER = "open", "admin", "owner"
MOST = {ADMIN: 1.15, OWNER: 1.30}
PROTECTED = {
    "auth": "protected",
    "requests_per_minute": "0",
    "points_per_minute": "0",
}
HAND_OVER = "UPDATE contexts SET owner_chitty_id = ? WHERE"
CONNECTIONS_OF = """
    SELECT count(*) FROM connections
    WHERE status <> 'disconnected' AND (
        source_chitty_id = :owner
        OR source_chitty_id IN (SELECT chitty_id FROM contexts WHERE owner_chitty_id = :owner)
    )
"""
# Whoever owns the newest contexts, and another actor.
OWNERS_PLACE, ADMINS_PLACE = 1, 2


def run(options: Options, folder: Path) -> int:
    """Print how much longer, and how much more CPU time, each takes than open mode; returns 1 if too long."""
    size = Size.at(options.scale)
    database = folder / "owned.db"
    shutil.copyfile(data.database(options.scale), database)
    credentials = _prepare(database, size)
    workloads = [_asked_of_owner(WORKLOADS[name], size) for name in options.workloads]
    workloads = [each for each in workloads if not each.again]
    samples: Samples = {}
    with ExitStack() as stack:
        servers = [
            replace(
                stack.enter_context(running(_contender(name), database, folder)),
                authorization=credentials.get(name, ""),
            )
            for name in (OPEN, ADMIN, OWNER)
        ]
        compare.answers(servers, workloads, size, folder)
        progress.say("the answers are the same")
        for workload in workloads:
            for found in _measured(servers, workload, options, size, folder):
                samples.setdefault((workload.name, found.server), []).append(found)
    progress.done()
    return _report(workloads, samples)


def _measured(
    servers: Sequence[Server], workload: Workload, options: Options, size: Size, folder: Path
) -> Iterable[Sample]:
    bodies = bodies_file(workload, size, folder)
    clients = workload.target.clients
    latency = {server.name: warm_up(server, workload, bodies) for server in servers}
    for number in range(1, options.rounds + 1):
        for server in servers:
            progress.now(f"{workload.name}, round {number} of {options.rounds}: {server.name}")
            seconds = long_enough(options.seconds, clients, latency[server.name])
            yield sample(server, workload, bodies, clients, seconds, number)


def _contender(name: str) -> Contender:
    settings = {} if name == OPEN else PROTECTED
    return replace(BY_NAME[OURS].with_settings(**settings), name=name, title=name)


def _prepare(database: Path, size: Size) -> dict[str, str]:
    """Give the newest contexts to the owner and make keys; returns the Authorization header of each name."""
    owner, admin = rows.actor_id(OWNERS_PLACE), rows.actor_id(ADMINS_PLACE)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute(f"{HAND_OVER} owner_chitty_id = ?", (admin, owner))
        connection.executemany(
            f"{HAND_OVER} chitty_id = ?",
            [(owner, rows.context_id(place)) for place in _owned(size)],
        )
        connection.execute(
            "UPDATE actors SET capabilities = '[\"admin\"]' WHERE chitty_id = ?", (admin,)
        )
        (many,) = connection.execute(CONNECTIONS_OF, {"owner": owner}).fetchone()
        progress.say(f"the owner has {many:,} connections to list")
        return {
            name: f"Bearer {_key_of(connection, actor)}"
            for name, actor in ((ADMIN, admin), (OWNER, owner))
        }


def _key_of(connection: sqlite3.Connection, actor: str) -> str:
    key = keys.generate()
    program: Program[Any] = api_keys.create(
        key.key_id, actor, keys.digest(key.secret), label=None, expires_at=None
    )
    run_program(program, lambda statement: execute(connection, statement, UNRESTRICTED))
    return key.text()


def _owned(size: Size) -> Sequence[int]:
    middle = size.contexts // 2
    return [
        *range(size.contexts - NEWEST, size.contexts),
        *range(middle, middle + ORDINARY),
    ]


def _asked_of_owner(workload: Workload, size: Size) -> Workload:
    """The same workload over the owner's rows."""
    owned = _owned(size)
    variables: Mapping[str, list[dict[str, Any]]] = {
        "W1": [{"id": rows.context_id(place)} for place in owned],
        "W5": [{"id": rows.actor_id(OWNERS_PLACE)}],
        "W4": [{"input": new_connection(place)} for place in owned if rows.is_active(place)],
    }
    if workload.name not in variables:
        return workload
    return replace(workload, variables=lambda _: variables[workload.name])


def _report(workloads: Sequence[Workload], samples: Samples) -> int:
    results = []
    for workload in workloads:
        base = samples[workload.name, OPEN]
        for name, most in MOST.items():
            found = samples[workload.name, name]
            ratio, cpu = times(base, found), cpu_times(base, found)
            figure = (
                f"{workload.name}: the {name} takes {ratio:.2f} times as long ({cpu:.2f} times the CPU"
                f" time) as in open mode, {most:g} allowed"
            )
            results.append(Verdict(figure, ratio <= most))
    for result in results:
        print(report.verdict(result))
    return 0 if all(result.is_met for result in results) else 1
