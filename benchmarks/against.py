"""`--against COMMIT`: this version of the server beside another one, each over the same rows."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks import compare, progress, registries, report
from benchmarks.contenders import COMPILED, CREATION, READS
from benchmarks.errors import BenchmarkError
from benchmarks.options import Options
from benchmarks.registries import Registry
from benchmarks.rounds import Plan, Sample, measure
from benchmarks.rows import Size
from benchmarks.servers import HERE, running
from benchmarks.summary import Verdict, cpu_times, times
from benchmarks.workloads import BY_NAME as WORKLOADS

NOW, BEFORE = "now", "before"
# A request may take little more than it did: what is less cannot be told from what the machine does besides.
LEAST = 0.98
BUILD = "import sys; from benchmarks import data; print(data.database(float(sys.argv[1])))"


def run(options: Options, folder: Path) -> int:
    """Print how many times as fast each workload is as it was; returns 1 if any is slower."""
    assert options.against
    workloads = [WORKLOADS[name] for name in options.workloads if name in (*READS, CREATION)]
    samples: list[Sample] = []
    with ExitStack() as stack:
        tree = stack.enter_context(checked_out(options.against, folder / "tree"))
        made = _output(sys.executable, "-c", BUILD, f"{options.scale}", folder=tree)
        before = Registry(Path(made.splitlines()[-1]), Size.at(options.scale))
        servers = [
            stack.enter_context(running(replace(COMPILED, name=name, home=home), registry, folder))
            for name, home, registry in (
                (BEFORE, tree, before),
                (NOW, HERE.parent, registries.ordinary(options.scale, folder)),
            )
        ]
        compare.answers(servers, workloads, folder)
        plan = Plan(
            options.rounds,
            options.seconds,
            dict.fromkeys((BEFORE, NOW), options.clients or (1,)),
        )
        for workload in workloads:
            samples.extend(measure(servers, workload, plan, folder))
    progress.done()
    verdicts = list(ratios(samples))
    for verdict in verdicts:
        print(report.verdict(verdict))
    return 0 if all(verdict.is_met for verdict in verdicts) else 1


def ratios(samples: Sequence[Sample]) -> Iterator[Verdict]:
    """A verdict for each workload and number of clients, on the CPU time, which others disturb least."""
    for workload, clients in dict.fromkeys((each.workload, each.clients) for each in samples):
        now, before = (
            [
                each
                for each in samples
                if (each.workload, each.clients, each.server) == (workload, clients, name)
            ]
            for name in (NOW, BEFORE)
        )
        cpu = cpu_times(now, before)
        text = (
            f"{workload} at {clients}: {times(now, before):.3f} times as fast as before"
            f" ({cpu:.3f} in CPU time), {LEAST:g} wanted"
        )
        yield Verdict(text, cpu >= LEAST)


@contextmanager
def checked_out(commit: str, folder: Path) -> Iterator[Path]:
    """The files of a commit, in a folder; raises BenchmarkError if there is no such commit."""
    _output("git", "worktree", "add", "--detach", str(folder), commit, folder=HERE.parent)
    try:
        yield folder
    finally:
        _output("git", "worktree", "remove", "--force", str(folder), folder=HERE.parent)


def _output(*command: str, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-1000:]
        raise BenchmarkError(f"{' '.join(command[:3])} failed: {said}")
    return done.stdout
