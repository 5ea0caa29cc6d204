"""`--against` compares this version with that of a commit."""

import subprocess
from pathlib import Path

import pytest

from benchmarks import against, data, options
from benchmarks.contenders import COMPILED
from benchmarks.errors import BenchmarkError
from benchmarks.rounds import Sample
from tests.support.paths import ROOT


def sample(server: str, per_second: float, cpu_ms: float) -> Sample:
    return Sample("W1", 1, server, 1, 1000, per_second, 1.0, 2.0, cpu_ms, 50.0)


def test_a_version_is_slower_if_its_requests_take_more_cpu_time():
    before = [sample("before", 1000, 1.0), sample("before", 500, 2.0)]

    (same,) = against.ratios([*before, sample("now", 900, 1.01), sample("now", 450, 2.02)])
    (slower,) = against.ratios([*before, sample("now", 1000, 1.1), sample("now", 500, 2.2)])

    assert same.text == "W1 at 1: 0.900 times as fast as before (0.990 in CPU time), 0.98 wanted"
    assert (same.is_met, slower.is_met) == (True, False)


def test_an_unknown_commit_is_an_error_and_leaves_nothing(tmp_path: Path):
    folder = tmp_path / "tree"

    with (
        pytest.raises(BenchmarkError, match="no-such-commit"),
        against.checked_out("no-such-commit", folder),
    ):
        pass

    assert not folder.exists()


def test_a_server_runs_the_code_of_its_home():
    assert COMPILED.home == ROOT


@pytest.mark.thorough
def test_this_version_is_measured_beside_a_commit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    if subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=False).returncode:
        pytest.skip("no clone of the repository")
    monkeypatch.setattr(data, "FOLDER", tmp_path / "data")
    words = ["--against", "HEAD", "--only", "W1,W4", "--scale", "0.01", "--rounds", "1"]

    against.run(options.read([*words, "--seconds", "0.2"]), tmp_path)

    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" at 1: ")[0] for line in lines] == ["W1", "W4"]
    worktrees = ["git", "worktree", "list"]
    listed = subprocess.run(worktrees, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in listed
