"""`--thorough`: also run the long tests, which the default run deselects.

A test is long if it is marked `thorough` or lies in `tests/thorough`. `--thorough -m thorough` runs only
those. A long test also runs if its node id is named, or its file in `tests/thorough`.
"""

from pathlib import Path

import pytest

from tests.support.paths import ROOT

FOLDER = ROOT / "tests" / "thorough"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --thorough."""
    parser.addoption("--thorough", action="store_true", help="also run the long tests")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", "thorough: runs with --thorough only, since it is long")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what lies in the folder; deselect the long tests unless they are asked for."""
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker("thorough")
    if config.getoption("thorough") or _names_them(config):
        return
    long = [item for item in items if item.get_closest_marker("thorough")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]


def _names_them(config: pytest.Config) -> bool:
    paths = [Path(config.invocation_params.dir, arg.partition("::")[0]) for arg in config.args]
    return any("::" in arg for arg in config.args) or any(
        FOLDER in [path, *path.parents] for path in paths
    )
