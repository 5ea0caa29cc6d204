"""A request stays easy to follow: its functions are few, lie in few files, and seldom change file."""

import asyncio
from itertools import pairwise

import pytest

from benchmarks import walk

# Called by a timer, on slow machines only.
TIMED = "server/transport/disconnects.py"
# Functions, files and switches.
MOST = {"compiled query": (112, 40, 86), "compiled mutation": (128, 48, 106)}


@pytest.mark.parametrize("name", MOST)
def test_a_request_calls_no_more_functions_in_no_more_files(name: str):
    calls = [call for call in asyncio.run(walk.calls_of(name)) if call[0] != TIMED]

    functions, files = len(set(calls)), len({file for file, _ in calls})
    switches = sum(one[0] != other[0] for one, other in pairwise(calls))

    assert functions > 50, "the walk records nothing"
    assert functions <= MOST[name][0]
    assert files <= MOST[name][1]
    assert switches <= MOST[name][2]
