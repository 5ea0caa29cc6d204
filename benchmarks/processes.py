"""The CPU time and memory of a server and its child processes, from /proc."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
TICK_SECONDS = 1 / TICKS_PER_SECOND
RESET_PEAK = "5"
# What reading raises if the process ended while we looked.
ENDED = (FileNotFoundError, ProcessLookupError)


def cpu_seconds(pid: int) -> float:
    """The CPU seconds that a process and its descendants have used, in clock ticks.

    Those that have ended are counted at the parent that waited for them.
    """
    ticks = 0
    for each in _family(pid):
        with suppress(*ENDED):
            ticks += sum(int(field) for field in _stat(each)[11:15])
    return ticks / TICKS_PER_SECOND


def peak_mb(pid: int) -> float:
    """The sum of the peaks of their memory since `reset_peak`; what they share is counted for each."""
    kilobytes = 0
    for each in _family(pid):
        with suppress(*ENDED):
            for line in (PROC / str(each) / "status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    kilobytes += int(line.split()[1])
    return kilobytes / 1024


def reset_peak(pid: int) -> None:
    """Reset the peaks of their memory."""
    for each in _family(pid):
        with suppress(*ENDED):
            (PROC / str(each) / "clear_refs").write_text(RESET_PEAK)


def _family(pid: int) -> Iterator[int]:
    parents = dict(_parents())
    for each in parents:
        ancestor: int | None = each
        while ancestor is not None and ancestor != pid:
            ancestor = parents.get(ancestor)
        if ancestor == pid:
            yield each


def _parents() -> Iterator[tuple[int, int]]:
    for folder in PROC.iterdir():
        if folder.name.isdecimal():
            with suppress(*ENDED):
                yield int(folder.name), int(_stat(int(folder.name))[1])


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on; the second may hold spaces."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
