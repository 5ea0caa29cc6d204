"""The results of a run: a table on the terminal, Markdown, and JSON."""

import json
import platform
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import load, machine
from benchmarks.contenders import BY_NAME, RIVALS
from benchmarks.machine import Condition
from benchmarks.rounds import Sample
from benchmarks.summary import Row, Verdict
from benchmarks.workloads import BY_NAME as WORKLOADS
from server import python_build

FOLDER = Path(__file__).parent / "results"
PICTURE = FOLDER.parents[1] / "docs" / "images" / "benchmarks.svg"
PACKAGES = ("strawberry-graphql", "graphql-core", "starlette", "uvicorn", "aiosqlite", "orjson")
HEADINGS = (
    "",
    "clients",
    "server",
    "requests/s",
    "p50 ms",
    "p99 ms",
    "CPU ms",
    "peak MB",
    *(f"x {rival} / CPU" for rival in RIVALS),
    "times as long / CPU",
)


def table(rows: Sequence[Row]) -> str:
    """The results as aligned text."""
    lines = [HEADINGS, *_cells(rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(HEADINGS))]
    return "\n".join(_aligned(line, widths) for line in lines)


def markdown(rows: Sequence[Row], facts: Mapping[str, Any]) -> str:
    """The results as a Markdown table, under a line that says where and when."""
    ruler = ["---", "--:", "---", *["--:"] * (len(HEADINGS) - 3)]
    lines = [HEADINGS, ruler, *_cells(rows)]
    heading = ", ".join(facts[name] for name in ("date", "machine", "size", "python"))
    if facts["is_loaded"]:
        heading += ", LOADED"
    table = [f"| {' | '.join(line)} |" for line in lines]
    missing = [f"\n{line}" for line in absences(facts.get("absent", {}))]
    return "\n".join([heading, "", *table, *missing]) + "\n"


def absences(absent: Mapping[str, str]) -> list[str]:
    """Which servers were not measured, and why: a line for each."""
    return [f"{BY_NAME[name].title} is absent: {reason}" for name, reason in absent.items()]


def verdict(found: Verdict) -> str:
    """One target, and whether it was met."""
    return f"{found.text}: {'met' if found.is_met else 'NOT MET'}"


def facts(
    options: Mapping[str, Any], condition: Condition, absent: Mapping[str, str]
) -> dict[str, Any]:
    """What results depend on: the day, the machine, its load, versions, options, who is absent."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine.name(),
        "ready_bytes": asdict(condition),
        "is_loaded": condition.is_loaded,
        "absent": dict(absent),
        "size": f"{options['connections']:,} connections",
        "options": dict(options),
        "python": python_build.description(),
        "load_generator": load.require(),
        "versions": {
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            **{package: version(package) for package in PACKAGES},
        },
    }


def as_json(facts: Mapping[str, Any], rows: Sequence[Row], samples: Sequence[Sample]) -> str:
    """All results and their samples."""
    titles = {row.server: BY_NAME[row.server].title for row in rows}
    workloads = {row.workload: WORKLOADS[row.workload].title for row in rows}
    found = {
        **facts,
        "servers": titles,
        "workloads": workloads,
        "rows": [asdict(row) for row in rows],
        "samples": [asdict(sample) for sample in samples],
    }
    return json.dumps(found, indent=1) + "\n"


def _cells(rows: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        yield (
            row.workload,
            str(row.clients),
            BY_NAME[row.server].title,
            figure(row.per_second),
            figure(row.p50_ms),
            figure(row.p99_ms),
            figure(row.cpu_ms),
            f"{row.peak_mb:.0f}",
            *(ratio(row.times.get(rival), row.cpu_times.get(rival)) for rival in RIVALS),
            ratio(row.longer, row.longer_cpu),
        )


def ratio(of_requests: float | None, of_cpu_time: float | None) -> str:
    """Two ratios in one cell."""
    if of_requests is None or of_cpu_time is None:
        return "-"
    return f"{figure(of_requests)} / {figure(of_cpu_time)}"


def figure(value: float) -> str:
    """A number with three significant digits."""
    decimals = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:,.{decimals}f}"


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.ljust(width) if place in (0, 2) else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
