"""`--engine`: this server over an engine that is reached by HTTP, beside itself over a SQLite file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from benchmarks import compare, d1, progress, registries, report, rqlite
from benchmarks.contenders import COMPILED, CREATION, READS, Contender
from benchmarks.options import Options
from benchmarks.report import figure
from benchmarks.rounds import Plan, Sample, measure
from benchmarks.servers import Server, running
from benchmarks.summary import Verdict
from benchmarks.workloads import BY_NAME as WORKLOADS
from benchmarks.workloads import Workload

LEVEL = "X-ChittyGraph-Consistency"
MANY_CLIENTS = 64
# Where many clients write, the last waits for the slowest engine as long as it takes.
OURS = COMPILED.with_settings(wait_seconds="30")
SQLITE = replace(OURS, name="sqlite", title="SQLite")
# Of the first server over the engine, which reads what its leader or primary holds.
MOST_W1_MS, MOST_W2_TIMES, LEAST_CREATIONS = 2.0, 3.0, 150.0


@dataclass(frozen=True)
class Engine:
    """A running engine: the servers over it, the first of which writes too, and its processes."""

    contenders: tuple[Contender, ...]
    pids: tuple[int, ...]


Starter = Callable[[Path, Path], AbstractContextManager[Engine]]
"""Starts an engine that holds the rows of a SQLite file, with its data in a folder."""


def run(options: Options, folder: Path) -> int:
    """Print the figures of each workload, and the goals; returns 1 if any is missed."""
    assert options.engine
    start = STARTERS[options.engine]
    registry = registries.ordinary(options.scale, folder)
    workloads = [WORKLOADS[name] for name in options.workloads if name in (*READS, CREATION)]
    samples: list[Sample] = []
    with ExitStack() as stack:
        engine = stack.enter_context(start(registry.path, folder))
        base = stack.enter_context(running(SQLITE, registry, folder))
        others = [
            stack.enter_context(running(each, registry, folder, engine.pids))
            for each in engine.contenders
        ]
        for workload in workloads:
            servers = [base, others[0]] if workload.writes else [base, *others]
            compare.answers(servers, [workload], folder)
            samples.extend(measure(servers, workload, _plan(servers, workload, options), folder))
    progress.done()
    print(*table(samples, [SQLITE, *engine.contenders]), sep="\n")
    verdicts = list(goals(samples, engine.contenders[0]))
    for verdict in verdicts:
        print(report.verdict(verdict))
    return 0 if all(verdict.is_met for verdict in verdicts) else 1


def _plan(servers: Sequence[Server], workload: Workload, options: Options) -> Plan:
    clients = options.clients or ((1, MANY_CLIENTS) if workload.writes else (1,))
    return Plan(
        options.rounds, options.seconds, dict.fromkeys((each.name for each in servers), clients)
    )


@contextmanager
def _rqlite(database: Path, folder: Path) -> Iterator[Engine]:
    rqlite.require()
    with rqlite.running(database, folder) as cluster:
        every = ",".join((cluster.leader, *cluster.followers))
        one = cluster.followers[0]
        contenders = (
            _over("rqlite", "rqlite", f"rqlite://{every}"),
            _over("follower", "rqlite, a server that knows a follower only", f"rqlite://{one}"),
            _over("none", "rqlite, a follower at none", f"rqlite://{one}", "none"),
            _over("strong", "rqlite at strong", f"rqlite://{every}", "strong"),
        )
        yield Engine(contenders, cluster.pids)


@contextmanager
def _d1(database: Path, folder: Path) -> Iterator[Engine]:
    d1.require()
    with d1.running(database, folder) as worker:
        contenders = (
            _over("d1", "D1", worker.url),
            _over("none", "D1 at none", worker.url, "none"),
        )
        yield Engine(contenders, (worker.pid,))


STARTERS: Mapping[str, Starter] = {"rqlite": _rqlite, "d1": _d1}


def _over(name: str, title: str, url: str, level: str = "") -> Contender:
    """Our server over a database's URL, whose requests all ask for this level of consistency."""
    return replace(
        OURS.with_settings(database=url),
        name=name,
        title=title,
        headers={LEVEL: level} if level else {},
        start_seconds=60,
    )


def table(samples: Sequence[Sample], contenders: Sequence[Contender]) -> Iterator[str]:
    """A line for each workload and number of clients; medians of the rounds, ratios to the first server."""
    found = _grouped(samples)
    yield f"|  | clients | {' | '.join(each.title for each in contenders)} |"
    yield f"| --- | --: | {' | '.join('--:' for _ in contenders)} |"
    for workload, clients in dict.fromkeys((each.workload, each.clients) for each in samples):
        base = found[workload, clients, contenders[0].name]
        cells = (_cell(found.get((workload, clients, each.name), []), base) for each in contenders)
        yield f"| {workload} | {clients} | {' | '.join(cells)} |"


def _cell(samples: Sequence[Sample], base: Sequence[Sample]) -> str:
    """The latency, the requests per second, and the CPU time of the server and of its engine."""
    if not samples:
        return "-"
    p50, per_second, cpu, engine = (
        median(getattr(each, name) for each in samples)
        for name in ("p50_ms", "per_second", "cpu_ms", "engine_cpu_ms")
    )
    longer = "" if samples is base else f" (x {figure(_times_as_long(samples, base))})"
    spent = f"{figure(cpu)} + {figure(engine)}" if engine else figure(cpu)
    return f"{figure(p50)} ms{longer}, {figure(per_second)}/s, CPU {spent} ms"


def _times_as_long(samples: Sequence[Sample], base: Sequence[Sample]) -> float:
    """How many times as long a request takes; the median of what each round says."""
    return median(one.p50_ms / other.p50_ms for one, other in zip(samples, base, strict=True))


def _grouped(samples: Sequence[Sample]) -> dict[tuple[str, int, str], list[Sample]]:
    found: dict[tuple[str, int, str], list[Sample]] = {}
    for each in samples:
        found.setdefault((each.workload, each.clients, each.server), []).append(each)
    return found


def goals(samples: Sequence[Sample], contender: Contender) -> Iterator[Verdict]:
    """What this server is to reach over the engine, as far as it was measured; reads of D1 have no goal."""
    found, name = _grouped(samples), contender.name
    has_reads = name == "rqlite"
    if has_reads and (w1 := found.get(("W1", 1, name))):
        p50 = median(each.p50_ms for each in w1)
        text = f"W1 takes {p50:.2f} ms over {contender.title}, {MOST_W1_MS:g} allowed"
        yield Verdict(text, p50 <= MOST_W1_MS)
    if has_reads and (w2 := found.get(("W2", 1, name))):
        times = _times_as_long(w2, found["W2", 1, SQLITE.name])
        text = f"W2 takes {times:.2f} times as long as over SQLite, {MOST_W2_TIMES:g} allowed"
        yield Verdict(text, times <= MOST_W2_TIMES)
    if made := found.get((CREATION, MANY_CLIENTS, name)):
        rate = median(each.per_second for each in made)
        text = f"{MANY_CLIENTS} clients create {rate:.0f}/s, {LEAST_CREATIONS:g} wanted"
        yield Verdict(text, rate >= LEAST_CREATIONS)
