"""A server is measured once it is warm."""

import pytest

from benchmarks.rounds import is_steady


@pytest.mark.parametrize(
    ("spent", "steady"),
    [
        ([1.0], False),
        ([1.0, 1.0, 1.0], False),
        ([1.0, 1.0, 1.1, 0.95], True),
        ([1.0, 0.5, 0.6, 0.5], False),
        ([1.0, 0.5, 0.6, 0.5, 0.48], True),
        ([0.5, 0.5, 0.5, 0.4], False),
    ],
)
def test_it_is_warm_when_three_runs_were_not_clearly_cheaper(spent: list[float], steady: bool):
    assert is_steady(spent) == steady
