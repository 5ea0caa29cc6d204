"""Summarizes samples: the median of each server's rounds, and ratios within a round."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from statistics import median

from benchmarks.rounds import Sample
from benchmarks.workloads import BY_NAME

OURS = "compiled"
RIVALS = ("stock", "mercurius", "mercurius-full")
CEILING = "ceiling"
MANY_CLIENTS, MOST_P99, MOST_MB = 16, 5.0, 200


@dataclass(frozen=True)
class Row:
    """One server's figures for a workload, and how many times as fast as the rivals it was."""

    workload: str
    clients: int
    server: str
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    peak_mb: float
    times: dict[str, float]


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


def verdicts(found: Sequence[Row]) -> Iterator[Verdict]:
    """Our targets and whether these rows meet them: speed against rivals, even latency, memory."""
    ours = [row for row in found if row.server == OURS]
    for row in ours:
        yield from _speed(row)
    for row in ours:
        if row.clients >= MANY_CLIENTS:
            times = row.p99_ms / row.p50_ms
            text = f"{row.workload} at {row.clients}: p99 is {times:.1f} times p50, {MOST_P99:g} allowed"
            yield Verdict(text, times <= MOST_P99)
    if ours:
        peak = max(row.peak_mb for row in ours)
        yield Verdict(f"memory: {peak:.0f} MB at most, {MOST_MB} allowed", peak <= MOST_MB)


def _speed(row: Row) -> Iterator[Verdict]:
    target = BY_NAME[row.workload].target
    for rival, wanted in target.times.items():
        if row.clients == target.clients and rival in row.times:
            times = row.times[rival]
            text = f"{row.workload} at {row.clients}: {times:.1f} times {rival}, {wanted:g} wanted"
            yield Verdict(text, times >= wanted)


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
    times = {
        rival: median(
            sample.per_second / other.per_second
            for sample, other in zip(group, groups[workload, clients, rival], strict=True)
        )
        for rival in (*RIVALS, CEILING)
        if (workload, clients, rival) in groups
    }
    return Row(workload, clients, server, times=times, **medians)
