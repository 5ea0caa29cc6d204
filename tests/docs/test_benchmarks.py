"""docs/benchmarks.md shows the figures of the last whole run."""

import json
import re

import pytest

from benchmarks import summary
from benchmarks.rounds import Sample
from benchmarks.workloads import BY_NAME, WORKLOADS
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "benchmarks.md").read_text()
RESULTS = ROOT / "benchmarks" / "results"
LATEST = json.loads((RESULTS / "latest.json").read_text())
ROWS = {
    (row["workload"], row["clients"]): row for row in LATEST["rows"] if row["server"] == "compiled"
}
SUMMARY = {
    (row.workload, row.clients): row
    for row in summary.rows([Sample(**sample) for sample in LATEST["samples"]])
    if row.server == "compiled"
}
SHOWN = re.findall(
    r"^\| (W\d) \| (\d+) \| (\S+) \| (\S+) \| (\S+) \| (.*?) \| (.*?) \| (.*?) \|$",
    PAGE,
    re.MULTILINE,
)


def number(text: str) -> float:
    return float(text.replace(",", ""))


def test_every_workload_has_a_row_at_the_number_of_clients_of_its_target():
    assert [(name, int(clients)) for name, clients, *_ in SHOWN] == [
        (workload.name, workload.target.clients) for workload in WORKLOADS
    ]


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown[0])
def test_the_row_of_a_workload_shows_the_results(shown):
    name, clients, per_second, p50, p99, *ratios = shown
    measured, targets = ROWS[name, int(clients)], BY_NAME[name].target.times
    cpu_times = SUMMARY[name, int(clients)].cpu_times

    for text, value in ((per_second, "per_second"), (p50, "p50_ms"), (p99, "p99_ms")):
        assert number(text) == pytest.approx(measured[value], rel=0.01)
    for text, rival in zip(ratios, ("stock", "mercurius", "ceiling"), strict=True):
        found = re.fullmatch(r"([\d.]+) / ([\d.]+)(?: \(([\d.]+)\))?", text)
        assert (found is None) == (rival not in measured["times"])
        if found is not None:
            assert number(found[1]) == pytest.approx(measured["times"][rival], rel=0.01, abs=0.006)
            assert number(found[2]) == pytest.approx(cpu_times[rival], rel=0.01, abs=0.006)
            assert (number(found[3]) if found[3] else None) == targets.get(rival)


def test_the_picture_and_the_date_are_those_of_the_results():
    picture = ROOT / "docs" / "images" / "benchmarks.svg"

    assert picture.read_bytes() == (RESULTS / "latest.svg").read_bytes()
    assert f"Measured on {LATEST['date']}" in PAGE
