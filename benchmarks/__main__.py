"""`./run bench`, or `python -m benchmarks`."""

import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import (
    against,
    compare,
    data,
    engines,
    graph,
    growth,
    history,
    load,
    machine,
    options,
    page,
    permissions,
    plot,
    pressure,
    progress,
    report,
    summary,
    walk,
)
from benchmarks.contenders import BY_NAME, CEILING, Contender
from benchmarks.errors import BenchmarkError
from benchmarks.options import Options
from benchmarks.registries import Maker, ordinary
from benchmarks.rounds import Sample, measure
from benchmarks.rows import Size
from benchmarks.servers import Server, running
from benchmarks.workloads import BY_NAME as WORKLOADS
from benchmarks.workloads import Workload

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
        (chosen.history, history.run),
        (chosen.graph, graph.run),
        (chosen.engine, engines.run),
        (chosen.against, against.run),
    )
    for is_chosen, run in modes:
        if is_chosen:
            code = run(chosen, folder)
            print(watch.condition())
            return code
    _compare(chosen, folder, watch)
    return 0


def _compare(chosen: Options, folder: Path, watch: machine.Watch) -> None:
    workloads = [WORKLOADS[name] for name in chosen.workloads]
    contenders, absent = _present(chosen)
    registries = {
        make: make(chosen.scale, folder)
        for make in dict.fromkeys(each.registry for each in contenders)
    }
    samples: list[Sample] = []
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running(each, registries[each.registry], folder))
            for each in contenders
            if each.name != CEILING
        ]
        _require_equal_answers(servers, workloads, folder)
        if CEILING in chosen.servers:  # its answers are there only now
            servers.append(
                stack.enter_context(running(BY_NAME[CEILING], registries[ordinary], folder))
            )
        names = [server.name for server in servers]
        for workload in workloads:
            samples.extend(measure(servers, workload, chosen.plan(workload, names), folder))
    condition = watch.condition()
    progress.done()
    _write(chosen, samples, condition, absent)


def _present(chosen: Options) -> tuple[list[Contender], dict[str, str]]:
    """Those that can run here, and why the others cannot."""
    present, absent = [], {}
    for name in chosen.servers:
        try:
            BY_NAME[name].need()
        except BenchmarkError as error:
            progress.say(f"{name} is absent: {error}")
            absent[name] = str(error)
        else:
            present.append(BY_NAME[name])
    others = [each for each in present if each.name != CEILING]
    has_answers = any(each.registry is ordinary for each in others)
    if not others or (len(others) < len(present) and not has_answers):
        raise BenchmarkError("there is no server to measure, or none whose answers the ceiling has")
    return present, absent


def _require_equal_answers(
    servers: Sequence[Server], workloads: Sequence[Workload], folder: Path
) -> None:
    """Compare servers that read the same rows; the answers over the ordinary ones stay for the ceiling."""
    groups: dict[Maker, list[Server]] = {}
    for server in servers:
        groups.setdefault(server.contender.registry, []).append(server)
    for make, group in groups.items():
        place = folder if make is ordinary else folder / make.__name__
        place.mkdir(exist_ok=True)
        measured = group[0].contender.workloads
        asked = [each for each in workloads if make is ordinary or each.name in measured]
        compare.answers(group, asked, place)
    progress.say("the answers are the same")


def _write(
    chosen: Options,
    samples: list[Sample],
    condition: machine.Condition,
    absent: Mapping[str, str],
) -> None:
    rows = summary.rows(samples)
    given = {"scale": chosen.scale, "rounds": chosen.rounds, "seconds": chosen.seconds}
    size = Size.at(chosen.scale)
    facts = report.facts({**given, "connections": size.connections}, condition, absent)
    print(report.table(rows))
    print(*report.absences(absent), sep="\n")
    for verdict in summary.verdicts(rows):
        print(report.verdict(verdict))
    print(condition)
    is_whole = (
        chosen.is_whole
        and all(BY_NAME[name].is_optional for name in absent)
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
        page.write(rows)
    progress.say(f"written to {name.relative_to(Path.cwd())}.json, .md and .svg")


if __name__ == "__main__":
    sys.exit(main())
