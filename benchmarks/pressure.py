"""`--load`: small reads beside large ones and beside writes, two workers, reads whose client disconnects."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from benchmarks import cancelling, progress, registries, report
from benchmarks.contenders import BY_NAME, OURS
from benchmarks.errors import BenchmarkError
from benchmarks.load import Generator
from benchmarks.options import Options
from benchmarks.registries import Registry
from benchmarks.rounds import WARM_UP_SECONDS, Sample, bodies_file, long_enough, sample, warm_up
from benchmarks.servers import Server, running
from benchmarks.summary import Verdict, cpu_times, times
from benchmarks.workloads import BY_NAME as WORKLOADS
from benchmarks.workloads import Workload

BESIDE_CLIENTS, READING_CLIENTS, WRITING_CLIENTS = 4, 16, 4
# Its writes are as durable as ours.
RIVAL = "mercurius-full"
MOST_P99_MS, MOST_STOP_MS = 50.0, 100.0
TWO_WORKERS = BY_NAME["two-workers"]
assert TWO_WORKERS.comparison
LEAST_TIMES = 1 / TWO_WORKERS.comparison.most


def run(options: Options, folder: Path) -> int:
    """Print each result with its target; returns 1 if any is missed."""
    registry = registries.ordinary(options.scale, folder)
    with running(BY_NAME[OURS], registry, folder) as server:
        p99 = _beside(server, options, folder)
        stop = median(cancelling.stop_ms(server) for _ in range(options.rounds))
        with running(TWO_WORKERS, registry, folder) as two:
            alone, both = _two_workers(server, two, options, folder)
        writing = _beside_writers(server, registry, options, folder)
    progress.done()
    beside = f"W1 beside {BESIDE_CLIENTS} clients of W2: p99 {p99:.1f} ms, {MOST_P99_MS:g} allowed"
    stopped = f"a read given up stops after {stop:.0f} ms, {MOST_STOP_MS:g} allowed"
    scale = times(both, alone)
    scaled = (
        f"two workers read {scale:.2f} times as fast as one ({1 / cpu_times(both, alone):.2f} times the CPU"
        f" time each), {LEAST_TIMES:g} wanted"
    )
    results = [
        Verdict(beside, p99 < MOST_P99_MS),
        Verdict(stopped, stop <= MOST_STOP_MS),
        Verdict(scaled, scale >= LEAST_TIMES),
    ]
    print(*writing, sep="\n")
    for result in results:
        print(report.verdict(result))
    return 0 if all(result.is_met for result in results) else 1


def _beside(server: Server, options: Options, folder: Path) -> float:
    """The p99 of W1 for one client while others request W2 without a pause."""
    small, large = WORKLOADS["W1"], WORKLOADS["W2"]
    few, many = (bodies_file(server, workload, folder) for workload in (small, large))
    latency = warm_up(server, large, many)
    alone = warm_up(server, small, few)
    seconds = long_enough(options.seconds, BESIDE_CLIENTS, latency + alone)
    found = []
    for number in range(options.rounds):
        progress.now(f"W1 beside W2, round {number + 1} of {options.rounds}")
        with Generator(server.url(large), many, clients=BESIDE_CLIENTS) as others:
            time.sleep(WARM_UP_SECONDS)
            found.append(sample(server, small, few, 1, seconds).p99_ms)
            others.finish()
    return median(found)


def _beside_writers(
    ours: Server, registry: Registry, options: Options, folder: Path
) -> Sequence[str]:
    """How fast W1 and W2 are beside clients that write without a pause, and how fast a rival's are."""
    with ExitStack() as stack:
        servers = [ours]
        try:
            BY_NAME[RIVAL].need()
            servers.append(stack.enter_context(running(BY_NAME[RIVAL], registry, folder)))
        except BenchmarkError as error:
            progress.say(f"{RIVAL} is left out: {error}")
        return [
            line
            for name in ("W1", "W2")
            for line in _beside_writes(servers, WORKLOADS[name], options, folder)
        ]


def _beside_writes(
    servers: Sequence[Server], workload: Workload, options: Options, folder: Path
) -> Iterator[str]:
    creation = WORKLOADS["W4"]
    bodies = {server.name: bodies_file(server, workload, folder) for server in servers}
    latency = {server.name: warm_up(server, workload, bodies[server.name]) for server in servers}
    alone: dict[str, list[Sample]] = {}
    beside: dict[str, list[Sample]] = {}
    writes: dict[str, list[float]] = {}
    for number in range(1, options.rounds + 1):
        for server in servers:
            progress.now(f"{workload.name} beside writes, round {number}: {server.name}")
            seconds = long_enough(options.seconds, 1, latency[server.name])
            asked = bodies[server.name]
            alone.setdefault(server.name, []).append(sample(server, workload, asked, 1, seconds))
            written = bodies_file(server, creation, folder)
            with Generator(server.url(creation), written, clients=WRITING_CLIENTS) as writer:
                time.sleep(WARM_UP_SECONDS)
                found = sample(server, workload, asked, 1, seconds)
                beside.setdefault(server.name, []).append(found)
                writes.setdefault(server.name, []).append(writer.finish().per_second)
    for name, samples in beside.items():
        yield slowdown(samples, alone[name], writes[name])


def slowdown(beside: Sequence[Sample], alone: Sequence[Sample], writes: Sequence[float]) -> str:
    """What reads lose beside writes, in words; the CPU time of the two cannot be told apart."""
    what = f"{beside[0].workload} beside {WRITING_CLIENTS} writers, {beside[0].server}"
    p99 = median(each.p99_ms for each in beside)
    return (
        f"{what}: {times(beside, alone):.2f} times as fast as alone, p99 {p99:.1f} ms,"
        f" {median(writes):.0f} writes/s"
    )


def _two_workers(
    one: Server, two: Server, options: Options, folder: Path
) -> tuple[list[Sample], list[Sample]]:
    """Samples of one worker and of two, round by round."""
    workload = WORKLOADS["W2"]
    bodies = bodies_file(one, workload, folder)
    latency = max(warm_up(server, workload, bodies) for server in (one, two))
    seconds = long_enough(options.seconds, READING_CLIENTS, latency)
    alone: list[Sample] = []
    both: list[Sample] = []
    for number in range(options.rounds):
        progress.now(f"one and two workers, round {number + 1} of {options.rounds}")
        for server, samples in ((one, alone), (two, both)):
            samples.append(sample(server, workload, bodies, READING_CLIENTS, seconds))
    return alone, both
