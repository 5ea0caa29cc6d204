"""Portions of random operations: small tests that processes share, of which the default run takes a tenth.

`--operations 100000 --seed 7` asks more and others.
"""

from typing import Any

import pytest

OPERATIONS = 2000
PORTION = 100
REGISTRIES = ("canonical", "non_canonical")
# What holds for them: a registry without constraints is on no engine over HTTP.
LOOSE: dict[str, list[Any]] = {
    "canonical": [],
    "non_canonical": [
        pytest.mark.files_only("its tables hold anything, which only those of an adopted file may")
    ],
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --operations and --seed."""
    group = parser.getgroup("corpus", "random operations (test_paths_agree.py)")
    group.addoption(
        "--operations",
        type=int,
        help=f"how many; {OPERATIONS} with --thorough, or else a tenth of it",
    )
    group.addoption("--seed", type=int, default=1, help="other ones for another number")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each portion a registry and a test of its own."""
    if "portion" not in metafunc.fixturenames:
        return
    count, seed = metafunc.config.getoption("operations"), metafunc.config.getoption("seed")
    portions = [
        pytest.param(
            (REGISTRIES[place % len(REGISTRIES)], seed, numbers),
            id=f"seed-{seed}-from-{numbers.start}",
            marks=[*marks, *LOOSE[REGISTRIES[place % len(REGISTRIES)]]],
        )
        for place, (numbers, marks) in enumerate(
            shares(count or OPERATIONS, PORTION, by_default=count or OPERATIONS // 10)
        )
    ]
    metafunc.parametrize("portion", portions)


def shares(count: int, size: int, *, by_default: int) -> list[tuple[range, Any]]:
    """Cut numbers into ranges of this size; those past the default have the mark of long tests."""
    return [
        (
            range(start, min(start + size, count)),
            [] if start < by_default else [pytest.mark.thorough],
        )
        for start in range(0, count, size)
    ]


def ranges(count: int, size: int, *, by_default: int) -> list[Any]:
    """The same as parameters of a test."""
    return [
        pytest.param(numbers, id=f"from-{numbers.start}", marks=marks)
        for numbers, marks in shares(count, size, by_default=by_default)
    ]


def seeds(whole: int, *, by_default: int) -> list[Any]:
    """So many seeds, of which the default run takes the first."""
    return [
        pytest.param(seed, marks=[] if seed < by_default else [pytest.mark.thorough])
        for seed in range(whole)
    ]


def counts(whole: int, *, by_default: int) -> list[Any]:
    """How many in a row, where each depends on those before: few by default, and all of them."""
    return [
        pytest.param(by_default, id=str(by_default)),
        pytest.param(whole, id=str(whole), marks=pytest.mark.thorough),
    ]


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of this run."""
    found: int = request.config.getoption("seed")
    return found
