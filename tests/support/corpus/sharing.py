"""The command line of the corpus: how many operations, from which seed, in which portions."""

import pytest

PORTION = 250


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --operations and --seed."""
    group = parser.getgroup(
        "corpus", "random operations (tests/schema/execution/test_paths_agree.py)"
    )
    group.addoption("--operations", type=int, default=2000, help="how many; 2000 unless given")
    group.addoption("--seed", type=int, default=1, help="other ones for another number")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each portion a registry and a test of its own, so that workers can share them."""
    if "portion" not in metafunc.fixturenames:
        return
    count, seed = metafunc.config.getoption("operations"), metafunc.config.getoption("seed")
    portions = [
        pytest.param(
            (
                ("plain", "odd")[start // PORTION % 2],
                seed,
                range(start, min(start + PORTION, count)),
            ),
            id=f"seed-{seed}-from-{start}",
        )
        for start in range(0, count, PORTION)
    ]
    metafunc.parametrize("portion", portions)


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of this run."""
    found: int = request.config.getoption("seed")
    return found
