"""The benchmarks recognise a machine that others use, and say so."""

from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.machine import Condition, remembered

KEY = "2 cores"


@pytest.mark.parametrize(
    ("before", "after", "is_loaded"),
    [(6000, 5000, False), (6000, 2900, True), (2900, 6000, True), (3000, 3000, False)],
)
def test_below_half_of_the_usual_ready_bytes_a_machine_is_loaded(
    before: float, after: float, is_loaded: bool
):
    condition = Condition(before, after, usual=6000)

    assert condition.is_loaded == is_loaded
    assert ("THIS MACHINE IS LOADED" in str(condition)) == is_loaded
    assert f"{before:,} requests/s before, {after:,} after, 6,000 usual" in str(condition)


@pytest.mark.parametrize(("load", "is_loaded"), [(0.9, False), (4.0, True)])
def test_a_machine_whose_cores_others_kept_busy_is_loaded_though_nothing_is_known_of_it(
    load: float, is_loaded: bool
):
    condition = Condition(3000, 3000, usual=3000, load=load)

    assert condition.is_loaded == is_loaded
    assert f"load before {load} a core" in str(condition)


def test_the_usual_is_the_most_of_all_runs_on_such_a_machine(tmp_path: Path):
    file = tmp_path / "ready-bytes.json"

    found = [remembered(file, KEY, each) for each in (3000.0, 6000.0, 2000.0)]

    assert found == [3000, 6000, 6000]
    assert remembered(file, "64 cores", 1000.0) == 1000


@pytest.mark.parametrize("after", [5000, 100])
def test_results_of_a_loaded_machine_are_marked(after: float):
    condition = Condition(6000, after, usual=6000)
    facts = {"date": "2026-11-29", "machine": "m", "size": "s", "python": "p"}

    heading = report.markdown([], {**facts, "is_loaded": condition.is_loaded}).splitlines()[0]

    assert heading.endswith(", LOADED") == condition.is_loaded
