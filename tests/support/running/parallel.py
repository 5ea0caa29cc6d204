"""How tests share the machine: how many processes run them, and where their files are.

`addopts` asks for `-n auto`, and this says how many that is: none for a few files, which take less time
than processes take to start, or else one for each core and another, since some tests mostly wait.

Files whose tests mostly wait, for a time to pass or for another process, are marked `waits` and run first:
one process begins with them, while the others need the processors. Last, they would wait beside each other.

These processes report a test that passes once. Pytest says six times how far each test is, which took the
process that gathers the reports three times as long.
"""

import os
import shutil
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

MEMORY = Path("/dev/shm")
ROOM = 2**30  # bytes: a whole run leaves less than a tenth of it at any time
FEW = 3  # files


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many processes run the tests, or 0 for this one."""
    if config.option.usepdb or config.option.keyword or config.option.collectonly:
        return 0
    paths = [Path(config.invocation_params.dir, arg.partition("::")[0]) for arg in config.args]
    if len(paths) <= FEW and all(path.is_file() for path in paths):
        return 0
    return (
        len(os.sched_getaffinity(0)) + 1
        if hasattr(os, "sched_getaffinity")
        else (os.cpu_count() or 1)
    )


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test in one of several processes, and report what failed in it or that it passed."""
    is_detailed = any(item.config.getoption(name, None) for name in ("durations", "xmlpath"))
    if is_detailed or not hasattr(item.config, "workerinput"):
        return None  # as pytest does
    for report in runtestprotocol(item, nextitem=nextitem, log=False):
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    return True


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that wait first, and keep the order of the others."""
    items.sort(key=lambda item: item.get_closest_marker("waits") is None)


def pytest_configure(config: pytest.Config) -> None:
    """Keep temporary files in memory where there is room: most of the time goes into `fsync` otherwise."""
    config.addinivalue_line("markers", "waits: mostly waits, and runs before the others")
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
