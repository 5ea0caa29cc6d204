"""`--growth`: how the cost of W2 grows with its pages and with the tables."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks import progress, registries, report
from benchmarks.contenders import BY_NAME, OURS
from benchmarks.options import Options
from benchmarks.registries import LARGER
from benchmarks.rounds import Sample, bodies_file, long_enough, sample, warm_up
from benchmarks.servers import Server, running
from benchmarks.summary import Verdict
from benchmarks.workloads import BY_NAME as WORKLOADS
from benchmarks.workloads import Workload, nested

Figures = Mapping[tuple[float, int], float]
"""One figure for each scale and size of the page."""

FIRST = (10, 100, 500)
# What is allowed: per context on the largest page against the middle one, and over the larger tables.
MOST_PER_CONTEXT, MOST_OVER_LARGER = 1.2, 1.2


def run(options: Options, folder: Path) -> int:
    """Print the median p50 of each page at each scale; returns 1 if it grows too much."""
    scales = (options.scale, options.scale * LARGER)
    samples: dict[tuple[float, int], list[Sample]] = {}
    with ExitStack() as stack:
        servers: dict[float, Server] = {}
        for scale in scales:
            (place := folder / f"{scale:g}").mkdir()
            registry = registries.ordinary(scale, folder)
            servers[scale] = stack.enter_context(running(BY_NAME[OURS], registry, place))
        cases = [
            (scale, first, bodies_file(servers[scale], _pages_of(first), folder))
            for scale in scales
            for first in FIRST
        ]
        latency = {case: warm_up(servers[case[0]], _pages_of(case[1]), case[2]) for case in cases}
        for number in range(1, options.rounds + 1):
            for scale, first, bodies in cases:
                progress.now(f"round {number} of {options.rounds}: first {first}, scale {scale:g}")
                seconds = long_enough(options.seconds, 1, latency[scale, first, bodies])
                found = sample(servers[scale], _pages_of(first), bodies, 1, seconds)
                samples.setdefault((scale, first), []).append(found)
    progress.done()
    return _report(
        options.scale,
        {key: median(each.p50_ms for each in found) for key, found in samples.items()},
        {key: median(each.cpu_ms for each in found) for key, found in samples.items()},
    )


def _per_context(scale: float, figures: Figures) -> float:
    return (figures[scale, 500] / 500) / (figures[scale, 100] / 100)


def _larger(scale: float, figures: Figures) -> float:
    return max(figures[scale * LARGER, first] / figures[scale, first] for first in FIRST)


def _pages_of(first: int) -> Workload:
    return replace(WORKLOADS["W2"], name=f"W2-{first}", variables=nested(first))


def _report(scale: float, times: Figures, cpu: Figures) -> int:
    for (each, first), p50 in times.items():
        print(
            f"scale {each:<4g} first {first:<4} p50 {p50:8.2f} ms, {p50 * 1000 / first:6.1f} us a context,"
            f" CPU {cpu[each, first]:8.2f} ms"
        )
    per_context = _per_context(scale, times)
    linear = (
        f"a context takes {per_context:.2f} times as long ({_per_context(scale, cpu):.2f} times the CPU"
        f" time) on a page of 500 as on one of 100, {MOST_PER_CONTEXT} allowed"
    )
    larger = _larger(scale, times)
    steady = (
        f"tables {LARGER} times as large take at most {larger:.2f} times as long"
        f" ({_larger(scale, cpu):.2f} times the CPU time), {MOST_OVER_LARGER} allowed"
    )
    results = [
        Verdict(linear, per_context <= MOST_PER_CONTEXT),
        Verdict(steady, larger <= MOST_OVER_LARGER),
    ]
    for result in results:
        print(report.verdict(result))
    return 0 if all(result.is_met for result in results) else 1
