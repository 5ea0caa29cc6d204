"""`--auth`: what permissions cost an admin, and an owner who sees only its own 200 contexts."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks import compare, ownership, progress, report
from benchmarks.contenders import BY_NAME
from benchmarks.options import Options
from benchmarks.ownership import ADMIN, OWNER
from benchmarks.rounds import Sample, bodies_file, long_enough, sample, warm_up
from benchmarks.servers import Server, running
from benchmarks.summary import Verdict, cpu_times, times
from benchmarks.workloads import BY_NAME as WORKLOADS
from benchmarks.workloads import Workload

Samples = dict[tuple[str, str], list[Sample]]
"""The samples of each workload and server."""

OPEN_MODE, OWNERS = BY_NAME["open"], BY_NAME[OWNER]
ADMINS = replace(OWNERS, name=ADMIN, viewer=ADMIN)
assert OWNERS.comparison
MOST = {ADMIN: 1.15, OWNER: OWNERS.comparison.most}


def run(options: Options, folder: Path) -> int:
    """Print how much longer, and how much more CPU time, each takes than open mode; returns 1 if too long."""
    registry = ownership.owned(options.scale, folder)
    workloads = [WORKLOADS[name] for name in options.workloads if name in OPEN_MODE.workloads]
    samples: Samples = {}
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running(each, registry, folder))
            for each in (OPEN_MODE, ADMINS, OWNERS)
        ]
        compare.answers(servers, workloads, folder)
        progress.say("the answers are the same")
        for workload in workloads:
            for found in _measured(servers, workload, options, folder):
                samples.setdefault((workload.name, found.server), []).append(found)
    progress.done()
    return _report(workloads, samples)


def _measured(
    servers: Sequence[Server], workload: Workload, options: Options, folder: Path
) -> Iterable[Sample]:
    clients = workload.target.clients
    bodies = {server.name: bodies_file(server, workload, folder) for server in servers}
    latency = {server.name: warm_up(server, workload, bodies[server.name]) for server in servers}
    for number in range(1, options.rounds + 1):
        for server in servers:
            progress.now(f"{workload.name}, round {number} of {options.rounds}: {server.name}")
            seconds = long_enough(options.seconds, clients, latency[server.name])
            yield sample(server, workload, bodies[server.name], clients, seconds, number)


def _report(workloads: Sequence[Workload], samples: Samples) -> int:
    results = []
    for workload in workloads:
        base = samples[workload.name, OPEN_MODE.name]
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
