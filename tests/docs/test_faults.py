"""docs/what-it-survives.md shows what the last whole runs of the faults found."""

import subprocess
import sys

import pytest

from tests.support.faults import results
from tests.support.faults.declaration import declared
from tests.support.paths import ROOT

FAULTS = {fault.name: fault for fault in declared()}


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "tests.faults", *words),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_was_measured_is_declared():
    kept = {path.stem for path in results.FILES.glob("*.json")}

    assert kept <= FAULTS.keys()
    for name in kept:
        assert results.last(FAULTS[name]).worst.keys() <= FAULTS[name].figures.keys()


def test_a_kept_run_was_whole():
    for fault in FAULTS.values():
        result = results.last(fault)
        assert result is None or result.rounds >= fault.rounds.by_hand, fault.name


@pytest.mark.thorough
def test_a_short_run_by_hand_shows_its_figures_and_keeps_none():
    before = {path: path.read_bytes() for path in results.FILES.glob("*.json")}

    ran = run("torn-wal", "--rounds", "2")

    assert ran.returncode == 0, ran.stderr
    assert "torn-wal  2 damages  -      -       held" in ran.stdout
    assert "Not kept" in ran.stdout
    assert {path: path.read_bytes() for path in results.FILES.glob("*.json")} == before


@pytest.mark.thorough
def test_an_unknown_fault_is_refused():
    ran = run("flood")

    assert ran.returncode == 2
    assert "no fault is called flood" in ran.stderr
