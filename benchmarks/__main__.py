"""`./run bench`, or `python -m benchmarks`."""

import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks import (
    compare,
    data,
    growth,
    load,
    machine,
    options,
    permissions,
    plot,
    pressure,
    progress,
    report,
    summary,
    walk,
)
from benchmarks.errors import BenchmarkError
from benchmarks.options import Options
from benchmarks.rounds import Sample, measure
from benchmarks.rows import Size
from benchmarks.servers import BY_NAME, Contender, running
from benchmarks.workloads import BY_NAME as WORKLOADS

FAILED, INTERRUPTED = 1, 130


def main() -> int:
    """Run the benchmark that the options choose; returns the exit code."""
    # As with Ctrl-C: whatever was started is stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    chosen = options.read()
    try:
        if not Path("/proc/self/stat").exists():
            raise BenchmarkError("the benchmarks read /proc, so they need Linux")
        if chosen.walk:
            walk.run()
            return 0
        load.require()
        data.FOLDER.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=data.FOLDER, prefix="run-") as folder:
            return _measure(chosen, Path(folder))
    except BenchmarkError as error:
        progress.say(str(error))
        return FAILED
    except KeyboardInterrupt:
        progress.say("interrupted")
        return INTERRUPTED


def _measure(chosen: Options, folder: Path) -> int:
    watch = machine.Watch(folder)
    modes = (
        (chosen.growth, growth.run),
        (chosen.auth, permissions.run),
        (chosen.load, pressure.run),
    )
    for is_chosen, run in modes:
        if is_chosen:
            code = run(chosen, folder)
            print(watch.condition())
            return code
    _compare(chosen, folder, watch)
    return 0


def _compare(chosen: Options, folder: Path, watch: machine.Watch) -> None:
    size, database = Size.at(chosen.scale), data.database(chosen.scale)
    workloads = [WORKLOADS[name] for name in chosen.workloads]
    samples: list[Sample] = []
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running(each, database, folder))
            for each in _contenders(chosen)
            if each.name != "ceiling"
        ]
        compare.answers(servers, workloads, size, folder)
        progress.say("the answers are the same")
        if "ceiling" in chosen.servers:  # its answers are there only now
            servers.append(stack.enter_context(running(BY_NAME["ceiling"], database, folder)))
        for workload in workloads:
            samples.extend(measure(servers, workload, chosen.plan(workload), size, folder))
    condition = watch.condition()
    progress.done()
    _write(chosen, size, samples, condition)


def _contenders(chosen: Options) -> list[Contender]:
    found = []
    for name in chosen.servers:
        try:
            BY_NAME[name].need()
        except BenchmarkError as error:
            progress.say(f"{name} is left out: {error}")
            continue
        found.append(BY_NAME[name])
    if not any(each.name != "ceiling" for each in found):
        raise BenchmarkError("there is no server to measure")
    return found


def _write(
    chosen: Options, size: Size, samples: list[Sample], condition: machine.Condition
) -> None:
    rows = summary.rows(samples)
    given = {"scale": chosen.scale, "rounds": chosen.rounds, "seconds": chosen.seconds}
    facts = report.facts({**given, "connections": size.connections}, condition)
    print(report.table(rows))
    for verdict in summary.verdicts(rows):
        print(report.verdict(verdict))
    print(condition)
    is_whole = (
        chosen.is_whole
        and {row.server for row in rows} == set(BY_NAME)
        and not condition.is_loaded  # such figures replace none
    )
    report.FOLDER.mkdir(exist_ok=True)
    name = report.FOLDER / ("latest" if is_whole else "partial")
    name.with_suffix(".json").write_text(report.as_json(facts, rows, samples))
    name.with_suffix(".md").write_text(report.markdown(rows, facts))
    picture = plot.svg(rows, facts)
    name.with_suffix(".svg").write_text(picture)
    if is_whole:
        report.PICTURE.write_text(picture)
    progress.say(f"written to {name.relative_to(Path.cwd())}.json, .md and .svg")


if __name__ == "__main__":
    sys.exit(main())
