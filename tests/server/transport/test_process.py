"""Worker processes: pinned to one CPU on request, and exempt from collecting startup objects."""

import os
import subprocess
import sys

import pytest

PINNED = (
    "import os; from server.transport import process;"
    " process.pin_to_cpu({place}); print(os.sched_getaffinity(0))"
)
TUNED = (
    "import gc; from server.transport import process;"
    " process.tune_memory(); print(gc.get_freeze_count())"
)
FREED = (
    "import os; from server.transport import process; from tests.support.services.memory import memory;"
    " process.tune_memory(); before = memory(os.getpid());"
    " [len(b'x' * 30_000_000) for _ in range(3)]; print(memory(os.getpid()) - before)"
)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins nothing")
@pytest.mark.parametrize("place", [0, 1])
def test_a_pinned_worker_runs_on_one_cpu_chosen_by_its_index_from_the_last(place):
    allowed = sorted(os.sched_getaffinity(0), reverse=True)

    found = subprocess.run(
        [sys.executable, "-c", PINNED.format(place=place)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert found.stdout.strip() == str({allowed[place % len(allowed)]})


def test_objects_from_before_serving_are_not_collected():
    found = subprocess.run(
        [sys.executable, "-c", TUNED], capture_output=True, text=True, check=True
    )

    assert int(found.stdout) > 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_huge_responses_leave_no_memory_behind():
    found = subprocess.run(
        [sys.executable, "-c", FREED], capture_output=True, text=True, check=True
    )

    assert float(found.stdout) < 10  # MB


def test_a_worker_may_have_as_many_open_files_as_the_system_allows():
    program = (
        "import resource as r; from server.transport import process; n = r.RLIMIT_NOFILE;"
        " r.setrlimit(n, (100, r.getrlimit(n)[1])); process.raise_descriptor_limit();"
        " print(r.getrlimit(n)[0] == r.getrlimit(n)[1])"
    )

    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert found.stdout.strip() == "True"
