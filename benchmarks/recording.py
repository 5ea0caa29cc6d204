"""What recording a change costs in time and bytes: this server beside itself without the triggers."""

import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import registries, rows
from benchmarks.contenders import COMPILED
from benchmarks.options import CLIENTS, Options
from benchmarks.rounds import Plan, Sample, measure
from benchmarks.rows import Size
from benchmarks.servers import Server, running
from benchmarks.summary import Verdict, cpu_times, times
from benchmarks.workloads import BY_NAME as WORKLOADS
from benchmarks.workloads import SERIAL, Target, Workload

RECORDING = replace(COMPILED, name="recording", title="ChittyGraph")
UNRECORDED = replace(
    COMPILED, name="unrecorded", title="ChittyGraph without its history", keeps_history=False
)
CREATION = "W4"
MOST_LONGER = 1.1
# So many connections are changed in turn: each has changes on pages of its own, as in a registry in use.
CHANGED = 2_000

USE = """
mutation Use($inputs: [RecordConnectionUseInput!]!) {
  recordConnectionUse(inputs: $inputs) {
    connections { connectionId requestCount lastUsedAt }
    errors { code message path }
  }
}
"""
UPDATE = """
mutation Update($input: UpdateConnectionInput!) {
  updateConnection(input: $input) {
    connection { connectionId config updatedAt }
    errors { code message path }
  }
}
"""


def _used(size: Size) -> list[dict[str, Any]]:
    return [{"inputs": [{"connectionId": each}]} for each in active_connections(size)]


def _updated(size: Size) -> list[dict[str, Any]]:
    return [
        {"input": {"connectionId": each, "config": {"run": SERIAL}}}
        for each in active_connections(size)
    ]


def active_connections(size: Size) -> list[str]:
    """The keys of some connections that are active, far from each other."""
    count = min(CHANGED, size.connections // 20)
    step = size.connections // 20 // count * 20
    return [rows.uuid("connection", place * step) for place in range(count)]


NO_TARGET = Target(1, {})
WORKLOADS_THAT_WRITE = (
    Workload("use", "record the use of a connection", USE, _used, NO_TARGET, writes=True),
    Workload("update", "change a connection", UPDATE, _updated, NO_TARGET, writes=True),
    WORKLOADS[CREATION],
)


@dataclass(frozen=True)
class Extent:
    """How large a database is, without free pages, and how many changes and connections it holds."""

    in_bytes: int
    changes: int
    connections: int

    @classmethod
    def of(cls, server: Server, folder: Path) -> "Extent":
        """That of a server's database at this moment."""
        with closing(sqlite3.connect(folder / f"{server.name}.db")) as connection:
            return cls(
                *connection.execute(
                    """
                    SELECT (page_count - freelist_count) * page_size,
                        (SELECT count(*) FROM changes), (SELECT count(*) FROM connections)
                    FROM pragma_page_count, pragma_freelist_count, pragma_page_size
                    """
                ).fetchone()
            )


def measured(options: Options, folder: Path) -> tuple[list[str], list[Verdict]]:
    """The figures of each workload that writes, and the verdicts on those that have a target."""
    registry = registries.ordinary(options.scale, folder)
    plan = Plan(
        options.rounds,
        options.seconds,
        dict.fromkeys((RECORDING.name, UNRECORDED.name), options.clients or CLIENTS),
    )
    figures: list[str] = []
    verdicts: list[Verdict] = []
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running(each, registry, folder)) for each in (RECORDING, UNRECORDED)
        ]
        for workload in WORKLOADS_THAT_WRITE:
            before = [Extent.of(server, folder) for server in servers]
            samples = list(measure(servers, workload, plan, folder))
            after = [Extent.of(server, folder) for server in servers]
            for verdict in costs(workload, samples):
                if workload.name == CREATION:
                    verdicts.append(verdict)
                else:
                    figures.append(verdict.text)
            figures.append(
                f"{workload.name}: {bytes_per_change(before, after):,.0f} bytes a change"
            )
    return figures, verdicts


def costs(workload: Workload, samples: Sequence[Sample]) -> list[Verdict]:
    """How many times as long and as much CPU time a request takes that is recorded, by clients."""
    found = []
    for clients in dict.fromkeys(each.clients for each in samples):
        with_it, without = (
            [each for each in samples if (each.server, each.clients) == (name, clients)]
            for name in (RECORDING.name, UNRECORDED.name)
        )
        longer, cpu = times(without, with_it), cpu_times(without, with_it)
        text = (
            f"{workload.name} at {clients}: recorded, it takes {longer:.2f} times as long"
            f" ({cpu:.2f} times the CPU time) as without"
        )
        if workload.name == CREATION:
            text += f", {MOST_LONGER:g} allowed"
        found.append(Verdict(text, longer <= MOST_LONGER))
    return found


def bytes_per_change(before: Sequence[Extent], after: Sequence[Extent]) -> float:
    """What the database grew by for each change, less what a new connection takes without its history."""
    (old, old_unrecorded), (new, new_unrecorded) = before, after
    changes = new.changes - old.changes
    connections = new_unrecorded.connections - old_unrecorded.connections
    grown = new.in_bytes - old.in_bytes
    if connections:
        each = (new_unrecorded.in_bytes - old_unrecorded.in_bytes) / connections
        grown -= int(each * (new.connections - old.connections))
    return grown / changes
