"""A request stays easy to follow: its functions are few, lie in few files, and seldom change file."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks import walk
from db.sqlite import checkpoints

# Functions, files and switches.
MOST = {"compiled query": (121, 41, 95), "compiled mutation": (142, 57, 115)}


@pytest.mark.parametrize("name", MOST)
def test_a_request_calls_no_more_functions_in_no_more_files(name: str, tmp_path: Path):
    calls = asyncio.run(walk.calls_of(name, tmp_path))

    functions, files = len(set(calls)), len({file for file, _ in calls})
    switches = sum(one[0] != other[0] for one, other in pairwise(calls))

    assert functions > 50, "the walk records nothing"
    assert functions <= MOST[name][0]
    assert files <= MOST[name][1]
    assert switches <= MOST[name][2]


def test_what_timers_call_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN_LOOKS", 0)

    calls = asyncio.run(walk.calls_of("compiled query", tmp_path))

    assert "db/sqlite/checkpoints.py" not in {file for file, _ in calls}
