"""How tests share the machine: how many processes run them, and where their files are.

`addopts` asks for `-n auto`, and this says how many that is: none for a few files, which take less time
than processes take to start, or else one for each core and another, since some tests mostly wait.
"""

import os
import shutil
from pathlib import Path

import pytest

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


def pytest_configure() -> None:
    """Keep temporary files in memory where there is room: most of the time goes into `fsync` otherwise."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
