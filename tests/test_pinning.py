"""Pinned workers: each stays on one of the CPUs that the process may use."""

import os
import subprocess
import sys

import pytest

PINNED = "import os; from server import affinity; affinity.pin(); print(os.sched_getaffinity(0))"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins nothing")
def test_a_pinned_worker_keeps_to_the_last_of_its_cpus():
    allowed = os.sched_getaffinity(0)

    found = subprocess.run(
        [sys.executable, "-c", PINNED], capture_output=True, text=True, check=True
    )

    assert found.stdout.strip() == str({max(allowed)})
