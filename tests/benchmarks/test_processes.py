"""The CPU time of a server is that of its whole family."""

import subprocess
import sys

from benchmarks import processes

WORK = "sum(range(30_000_000))"
PARENT = f"""
import subprocess, sys
print(flush=True); sys.stdin.readline()
subprocess.run([sys.executable, "-c", "{WORK}"], check=True)
print(flush=True); sys.stdin.readline()
"""


def test_the_cpu_time_of_a_child_that_has_ended_is_counted():
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        parent.stdout.readline()
        before = processes.cpu_seconds(parent.pid)
        print(file=parent.stdin, flush=True)
        parent.stdout.readline()
        after = processes.cpu_seconds(parent.pid)
        parent.stdin.close()

    assert after - before > 0.1


def test_a_process_that_ends_while_others_are_looked_at_is_no_error(monkeypatch):
    monkeypatch.setattr(processes, "_family", lambda _: [2**30])

    assert processes.cpu_seconds(1) == 0
    assert processes.peak_mb(1) == 0
    processes.reset_peak(1)
