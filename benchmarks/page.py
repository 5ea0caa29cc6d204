"""The table of figures in docs/benchmarks.md, between two marks."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.contenders import BY_NAME, CEILING, CONTENDERS, OURS, RIVALS
from benchmarks.report import figure, ratio
from benchmarks.summary import Row
from benchmarks.workloads import BY_NAME as WORKLOADS
from benchmarks.workloads import Target

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures: ./run bench writes them -->", "<!-- end of figures -->"
COMPARED = tuple(each for each in CONTENDERS if each.comparison)


def write(rows: Sequence[Row]) -> None:
    """Replace the page's table."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{figures(rows)}\n\n{END}{after}")


def shown(text: str) -> str:
    """The table in the page's text."""
    return text.partition(BEGIN)[2].partition(END)[0].strip()


def figures(rows: Sequence[Row]) -> str:
    """Our server's figures for each workload, with as many clients as its target has.

    A column whose server was not measured is left out.
    """
    found = {(row.workload, row.clients, row.server): row for row in rows}
    lines = [
        ("", "clients", "requests/s", "p50 ms", "p99 ms", *_headings()),
        *(
            _line(found[workload.name, workload.target.clients, OURS], workload.target, found)
            for workload in WORKLOADS.values()
            if (workload.name, workload.target.clients, OURS) in found
        ),
    ]
    kept = [
        place
        for place in range(len(lines[0]))
        if place == 0 or any(line[place] != "-" for line in lines[1:])
    ]
    heading, *others = ([line[place] for place in kept] for line in lines)
    ruler = ["---", *["--:"] * (len(kept) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heading, ruler, *others))


def _headings() -> Iterator[str]:
    for rival in RIVALS:
        yield f"x {rival} / CPU"
    yield "x ready bytes / CPU"
    for each in COMPARED:
        yield f"{each.name}, times as long / CPU"


def _line(row: Row, target: Target, found: dict[tuple[str, int, str], Row]) -> tuple[str, ...]:
    beside_others = (
        _cell(row.times.get(name), row.cpu_times.get(name), target.times.get(name))
        for name in (*RIVALS, CEILING)
    )
    return (
        row.workload,
        str(row.clients),
        *(figure(value) for value in (row.per_second, row.p50_ms, row.p99_ms)),
        *beside_others,
        *(_beside_itself(row, each.name, found) for each in COMPARED),
    )


def _beside_itself(row: Row, name: str, found: dict[tuple[str, int, str], Row]) -> str:
    comparison = BY_NAME[name].comparison
    assert comparison
    other = found.get((row.workload, comparison.clients or row.clients, name))
    return _cell(other.longer, other.longer_cpu, round(comparison.most, 2)) if other else "-"


def _cell(of_requests: float | None, of_cpu_time: float | None, wanted: float | None) -> str:
    cell = ratio(of_requests, of_cpu_time)
    return f"{cell} ({wanted:g})" if wanted is not None and cell != "-" else cell
