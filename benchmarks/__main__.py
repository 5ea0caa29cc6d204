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
    options,
    permissions,
    plot,
    pressure,
    progress,
    report,
    summary,
    walk,
)
from benchmarks.errors import Unfit
from benchmarks.options import Options
from benchmarks.rounds import Sample, measure
from benchmarks.rows import Size
from benchmarks.servers import BY_NAME, Contender, running
from benchmarks.workloads import BY_NAME as WORKLOADS

FAILED, INTERRUPTED = 1, 130


def main() -> int:
    """Measure what was asked for; returns the exit code."""
    # As with Ctrl-C: whatever was started is stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    asked = options.read()
    try:
        if not Path("/proc/self/stat").exists():
            raise Unfit("the benchmarks read /proc, so they need Linux")
        if asked.walk:
            walk.run()
            return 0
        load.require()
        data.FOLDER.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=data.FOLDER, prefix="run-") as folder:
            if asked.growth:
                return growth.run(asked, Path(folder))
            if asked.auth:
                return permissions.run(asked, Path(folder))
            if asked.load:
                return pressure.run(asked, Path(folder))
            _compare(asked, Path(folder))
    except Unfit as unfit:
        progress.say(str(unfit))
        return FAILED
    except KeyboardInterrupt:
        progress.say("interrupted")
        return INTERRUPTED
    return 0


def _compare(asked: Options, folder: Path) -> None:
    size, database = Size.at(asked.scale), data.database(asked.scale)
    workloads = [WORKLOADS[name] for name in asked.workloads]
    samples: list[Sample] = []
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running(each, database, folder))
            for each in _contenders(asked)
            if each.name != "ceiling"
        ]
        compare.answers(servers, workloads, size, folder)
        progress.say("the answers are the same")
        if "ceiling" in asked.servers:  # its answers are there only now
            servers.append(stack.enter_context(running(BY_NAME["ceiling"], database, folder)))
        for workload in workloads:
            samples.extend(measure(servers, workload, asked.plan(workload), size, folder))
    progress.done()
    _write(asked, size, samples)


def _contenders(asked: Options) -> list[Contender]:
    found = []
    for name in asked.servers:
        try:
            BY_NAME[name].need()
        except Unfit as unfit:
            progress.say(f"{name} is left out: {unfit}")
            continue
        found.append(BY_NAME[name])
    if not any(each.name != "ceiling" for each in found):
        raise Unfit("there is no server to measure")
    return found


def _write(asked: Options, size: Size, samples: list[Sample]) -> None:
    rows = summary.rows(samples)
    given = {"scale": asked.scale, "rounds": asked.rounds, "seconds": asked.seconds}
    facts = report.facts({**given, "connections": size.connections})
    print(report.table(rows))
    for verdict in summary.verdicts(rows):
        print(report.verdict(verdict))
    is_whole = asked.is_whole and {row.server for row in rows} == set(BY_NAME)
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
