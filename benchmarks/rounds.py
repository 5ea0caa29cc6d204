"""Measures the servers in turn, round after round, so that a slow moment affects them all."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import again, load, processes, progress
from benchmarks.servers import Server, post
from benchmarks.workloads import SERIAL, Workload

WARM_UP_SECONDS = 0.5
# V8 compiles what is called often, in steps: as long as a request gets cheaper, a server is not warm.
WARM_UP_RUNS, CHEAPER, STEADY = 12, 0.9, 3
# A run lasts until each client has had a few answers, however slow the server is.
ANSWERS_PER_CLIENT = 3
LONGEST_RUN_SECONDS = 20.0


@dataclass(frozen=True)
class Sample:
    """One run of one server: what clients measured, and the CPU time and memory it took.

    `engine_cpu_ms` is the CPU time per request of the processes that keep its data, if it does not itself.
    """

    workload: str
    clients: int
    server: str
    round: int
    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    peak_mb: float
    engine_cpu_ms: float = 0.0


@dataclass(frozen=True)
class Plan:
    """How much is measured: the rounds, the seconds of each run, and each server's numbers of clients."""

    rounds: int
    seconds: float
    clients: Mapping[str, Sequence[int]]


def measure(
    servers: Sequence[Server], workload: Workload, plan: Plan, folder: Path
) -> Iterator[Sample]:
    """Every sample of a workload; raises BenchmarkError if any answer is wrong."""
    servers = [server for server in servers if plan.clients.get(server.name)]
    make = again.file if workload.again else bodies_file
    files = {server.name: make(server, workload, folder) for server in servers}
    latency = {server.name: warm_up(server, workload, files[server.name]) for server in servers}
    for clients in sorted({each for numbers in plan.clients.values() for each in numbers}):
        taking_part = [server for server in servers if clients in plan.clients[server.name]]
        for number in range(1, plan.rounds + 1):
            for server in taking_part:
                progress.now(
                    f"{workload.name} with {clients} clients, round {number}: {server.name}"
                )
                seconds = long_enough(plan.seconds, clients, latency[server.name])
                yield sample(server, workload, files[server.name], clients, seconds, number)


def sample(
    server: Server, workload: Workload, bodies: Path, clients: int, seconds: float, number: int = 1
) -> Sample:
    """Load one server once and measure its CPU time and memory; raises BenchmarkError likewise."""
    processes.reset_peak(server.pid)
    before = processes.cpu_seconds(server.pid)
    engine_before = sum(map(processes.cpu_seconds, server.engine_pids))
    found = load.run(
        server.url(workload),
        bodies,
        clients=clients,
        seconds=seconds,
        headers=server.headers,
    )
    # A short run may take less than can be told; no ratio is to divide by nothing.
    spent = max(processes.cpu_seconds(server.pid) - before, processes.TICK_SECONDS)
    return Sample(
        workload=workload.name,
        clients=clients,
        server=server.name,
        round=number,
        requests=found.requests,
        per_second=found.per_second,
        p50_ms=found.p50_ms,
        p99_ms=found.p99_ms,
        cpu_ms=spent * 1000 / found.requests,
        peak_mb=processes.peak_mb(server.pid),
        engine_cpu_ms=(sum(map(processes.cpu_seconds, server.engine_pids)) - engine_before)
        * 1000
        / found.requests,
    )


def warm_up(server: Server, workload: Workload, bodies: Path) -> float:
    """Fill caches and let JIT compilers finish; returns the seconds that one response takes."""
    progress.now(f"{workload.name}: warming up {server.name}")
    seconds = WARM_UP_SECONDS
    if not workload.again:
        body = bodies.read_text().splitlines()[0].replace(SERIAL, str(time.time_ns()))
        started = time.monotonic()
        post(server, workload, body)
        seconds = long_enough(seconds, 1, time.monotonic() - started)
    spent: list[float] = []
    while True:
        found = sample(server, workload, bodies, 1, seconds)
        spent.append(found.cpu_ms)
        if is_steady(spent) or len(spent) == WARM_UP_RUNS:
            return found.p50_ms / 1000


def is_steady(spent: Sequence[float]) -> bool:
    """Whether the last runs were not clearly cheaper than those before; given is the CPU time of each."""
    before, last = spent[:-STEADY], spent[-STEADY:]
    return bool(before) and min(last) >= CHEAPER * min(before)


def long_enough(seconds: float, clients: int, latency: float) -> float:
    """At least this many seconds, and enough for each client to get a few responses."""
    return min(max(seconds, ANSWERS_PER_CLIENT * clients * latency), LONGEST_RUN_SECONDS)


def bodies_file(server: Server, workload: Workload, folder: Path) -> Path:
    """The file from which the load generator takes the bodies of a workload."""
    path = folder / f"{workload.name}-{server.name}.bodies"
    path.write_text("\n".join(server.bodies(workload)) + "\n")
    return path
