"""Summarizes samples: the median of each server's rounds, and ratios within a round."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from statistics import median

from benchmarks.contenders import BY_NAME as CONTENDERS
from benchmarks.contenders import CEILING, MANY_CLIENTS, OURS, RIVALS
from benchmarks.registries import ordinary
from benchmarks.rounds import Sample
from benchmarks.workloads import BY_NAME

MOST_P99, MOST_MB = 5.0, 200


@dataclass(frozen=True)
class Row:
    """One server's figures for a workload, compared with each rival's.

    `times` is how many times as many requests per second it served, `cpu_times` how many times as little
    CPU time each took: on a machine that others use too, the latter is steadier. `longer` and `longer_cpu`
    compare this server with itself: how many times as long and as much CPU time a request took.
    """

    workload: str
    clients: int
    server: str
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    peak_mb: float
    times: dict[str, float]
    cpu_times: dict[str, float]
    longer: float | None = None
    longer_cpu: float | None = None


@dataclass(frozen=True)
class Verdict:
    """A result beside its target, in words, and whether it is met."""

    text: str
    is_met: bool


def rows(samples: Sequence[Sample]) -> list[Row]:
    """A row per workload, number of clients and server, in the order in which they were measured."""
    groups: dict[tuple[str, int, str], list[Sample]] = {}
    for sample in samples:
        groups.setdefault((sample.workload, sample.clients, sample.server), []).append(sample)
    return [_row(key, group, groups) for key, group in groups.items()]


def times(ones: Sequence[Sample], others: Sequence[Sample]) -> float:
    """How many times as many requests per second as the others; the median of what each round says."""
    return median(
        one.per_second / other.per_second for one, other in zip(ones, others, strict=True)
    )


def cpu_times(ones: Sequence[Sample], others: Sequence[Sample]) -> float:
    """How many times as little CPU time per request, likewise."""
    return median(other.cpu_ms / one.cpu_ms for one, other in zip(ones, others, strict=True))


def verdicts(found: Sequence[Row]) -> Iterator[Verdict]:
    """Our targets and whether these rows meet them: speed against rivals and itself, even latency, memory."""
    ours = [row for row in found if row.server == OURS]
    for row in ours:
        yield from _speed(row)
    for row in found:
        yield from _against_itself(row)
    for row in ours:
        if row.clients >= MANY_CLIENTS:
            ratio = row.p99_ms / row.p50_ms
            text = f"{row.workload} at {row.clients}: p99 is {ratio:.1f} times p50, {MOST_P99:g} allowed"
            yield Verdict(text, ratio <= MOST_P99)
    if ours:
        peak = max(row.peak_mb for row in ours)
        yield Verdict(f"memory: {peak:.0f} MB at most, {MOST_MB} allowed", peak <= MOST_MB)


def _speed(row: Row) -> Iterator[Verdict]:
    target = BY_NAME[row.workload].target
    for rival, wanted in target.times.items():
        if row.clients == target.clients and rival in row.times:
            text = (
                f"{row.workload} at {row.clients}: {row.times[rival]:.1f} times {rival}"
                f" ({row.cpu_times[rival]:.1f} in CPU time), {wanted:g} wanted"
            )
            yield Verdict(text, row.times[rival] >= wanted)


def _is_variant(server: str) -> bool:
    """Whether this server runs under other conditions than those of the rivals."""
    comparison = CONTENDERS[server].comparison
    return comparison is not None or CONTENDERS[server].registry is not ordinary


def _against_itself(row: Row) -> Iterator[Verdict]:
    comparison = CONTENDERS[row.server].comparison
    if comparison and row.longer is not None:
        text = (
            f"{row.workload} at {row.clients}: {row.server} takes {row.longer:.2f} times as long"
            f" ({row.longer_cpu:.2f} times the CPU time) as {comparison.base},"
            f" {comparison.most:.2f} allowed"
        )
        yield Verdict(text, row.longer <= comparison.most)


def _row(
    key: tuple[str, int, str],
    group: Sequence[Sample],
    groups: dict[tuple[str, int, str], list[Sample]],
) -> Row:
    workload, clients, server = key
    medians = {
        field.name: median(getattr(sample, field.name) for sample in group)
        for field in fields(Row)
        if field.type is float
    }
    rivals = {
        rival: groups[workload, clients, rival]
        for rival in (*RIVALS, CEILING)
        if (workload, clients, rival) in groups and not _is_variant(server)
    }
    comparison = CONTENDERS[server].comparison
    base = groups.get((workload, clients, comparison.base)) if comparison else None
    return Row(
        workload,
        clients,
        server,
        times={name: times(group, others) for name, others in rivals.items()},
        cpu_times={name: cpu_times(group, others) for name, others in rivals.items()},
        longer=times(base, group) if base else None,
        longer_cpu=cpu_times(base, group) if base else None,
        **medians,
    )
