"""Whether a registry with a hundred times the changes pages through its history as fast."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import ownership, progress, rows
from benchmarks.contenders import BY_NAME
from benchmarks.options import Options
from benchmarks.ownership import ADMIN, OWNER
from benchmarks.rounds import Sample, bodies_file, long_enough, sample, warm_up
from benchmarks.rows import Size
from benchmarks.servers import Server, post, running
from benchmarks.summary import Verdict, cpu_times, times
from benchmarks.workloads import Target, Workload

SMALLEST = 0.01
MOST_LONGER = 1.2

CHANGE = (
    "nodes { id at operation cause kind entityId before after } pageInfo { hasNextPage endCursor }"
)
FIRST = f"query First {{ changes(first: 100) {{ {CHANGE} }} }}"
LAST = f"query Last {{ changes(last: 100) {{ {CHANGE} }} }}"
AFTER = f"query After($after: String!) {{ changes(first: 100, after: $after) {{ {CHANGE} }} }}"
HISTORY = f"""
query History($id: ID!) {{ connection(connectionId: $id) {{ history(first: 100) {{ {CHANGE} }} }} }}
"""
CURSOR = "query Cursor($id: ID!) { connection(connectionId: $id) { history(first: 3) { nodes { cursor } } } }"


@dataclass(frozen=True)
class Page:
    """A page of changes, and who asks for it."""

    title: str
    query: str
    viewer: str
    variables: Callable[[Server], dict[str, Any]] = lambda _: {}

    def asked_of(self, server: Server) -> Server:
        """The same server, with the viewer's key."""
        return replace(server, contender=replace(server.contender, viewer=self.viewer))

    def workload(self, server: Server) -> Workload:
        """The requests for it over the rows of this server."""
        variables = self.variables(server)
        return Workload(self.title, self.title, self.query, lambda _: [variables], Target(1, {}))


def _in_the_middle(server: Server) -> dict[str, Any]:
    place = server.registry.size.connections // 2
    asked = _requests(CURSOR, {"id": rows.uuid("connection", place)})
    (body,) = asked.bodies(server.registry.size)
    found = json.loads(post(server, asked, body))
    return {"after": found["data"]["connection"]["history"]["nodes"][-1]["cursor"]}


def _of_the_owner(server: Server) -> dict[str, Any]:
    return {"id": rows.uuid("connection", _first_of_newest(server.registry.size))}


def _first_of_newest(size: Size) -> int:
    """The place of the first connection of the newest contexts, which the owner has."""
    newest = {rows.context_id(place) for place in ownership.newest(size)}
    sources = (each.source_chitty_id for each in rows.connections(size))
    return next(place for place, source in enumerate(sources) if source in newest)


def _requests(query: str, variables: dict[str, Any]) -> Workload:
    return Workload("asked", "asked", query, lambda _: [variables], Target(1, {}))


PAGES = (
    Page("the first changes", FIRST, ADMIN),
    Page("the last changes", LAST, ADMIN),
    Page("changes after one in the middle", AFTER, ADMIN, _in_the_middle),
    Page("the first changes for an owner", FIRST, OWNER),
    Page("the last changes for an owner", LAST, OWNER),
    Page("the history of an owner's connection", HISTORY, OWNER, _of_the_owner),
)


def measured(options: Options, folder: Path) -> Iterator[Verdict]:
    """How many times as long each page takes with a hundred times the changes, or tenfold in a quick run."""
    scales = (SMALLEST, max(options.scale, SMALLEST * 10))
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(scale, folder)) for scale in scales]
        for page in PAGES:
            few, many = (page.asked_of(server) for server in servers)
            found = _samples(page, (few, many), options, folder)
            longer, cpu = (
                times(found[few.port], found[many.port]),
                cpu_times(found[few.port], found[many.port]),
            )
            yield Verdict(
                f"{page.title}: {longer:.2f} times as long ({cpu:.2f} times the CPU time) with"
                f" {scales[1] / scales[0]:g} times the changes, {MOST_LONGER:g} allowed",
                longer <= MOST_LONGER,
            )


def serving(scale: float, folder: Path) -> AbstractContextManager[Server]:
    """A server over a registry whose connections were used, for whoever has a key."""
    (place := folder / f"scale-{scale:g}").mkdir()
    return running(BY_NAME[OWNER], ownership.changed(scale, place), place)


def _samples(
    page: Page, servers: tuple[Server, Server], options: Options, folder: Path
) -> dict[int, list[Sample]]:
    workloads = {server.port: page.workload(server) for server in servers}
    places = {server.port: folder / f"pages-{server.port}" for server in servers}
    for place in places.values():
        place.mkdir(exist_ok=True)
    bodies = {
        server.port: bodies_file(server, workloads[server.port], places[server.port])
        for server in servers
    }
    latency = {
        server.port: warm_up(server, workloads[server.port], bodies[server.port])
        for server in servers
    }
    found: dict[int, list[Sample]] = {server.port: [] for server in servers}
    for number in range(1, options.rounds + 1):
        for server in servers:
            progress.now(f"{page.title}, round {number} of {options.rounds}")
            seconds = long_enough(options.seconds, 1, latency[server.port])
            workload = workloads[server.port]
            found[server.port].append(
                sample(server, workload, bodies[server.port], 1, seconds, number)
            )
    return found
