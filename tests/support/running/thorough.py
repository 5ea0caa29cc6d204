"""`--thorough`: also run the long tests, which the default run deselects.

A test is long if it is marked `thorough` or lies in `tests/thorough`. `--thorough -m thorough` runs only
those. A long test also runs if its node id is named, or its file in `tests/thorough`.
"""

from pathlib import Path

import pytest

from tests.support.paths import ROOT, is_in

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
        if is_in(FOLDER, item.path):
            item.add_marker("thorough")
    if config.getoption("thorough"):
        return
    named = [Path(config.invocation_params.dir, arg) for arg in config.args]
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        long = item.get_closest_marker("thorough") and not _is_named(item, config.args, named)
        (left_out if long else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def _is_named(item: pytest.Item, args: list[str], named: list[Path]) -> bool:
    if is_in(FOLDER, item.path):
        return any(FOLDER in [path, *path.parents] for path in named)
    return any("::" in arg and item.nodeid.startswith(arg) for arg in args)
