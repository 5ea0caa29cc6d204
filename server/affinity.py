"""Keeping a worker on one CPU.

Python runs one thread of a process at a time, so a worker gains little from a second CPU; but each
request goes to a database thread and back, and a thread on another CPU wakes several times slower.
"""

import logging
import multiprocessing
import os

log = logging.getLogger(__name__)


def pin() -> int | None:
    """Keep this process, and the threads that it starts from now on, on one of its CPUs.

    Workers take different ones, from the last downwards: the first is where most interrupts go. Returns
    the CPU, or None on systems that do not offer it.
    """
    if not hasattr(os, "sched_setaffinity"):
        log.warning("pinning not offered by this system")
        return None
    number = multiprocessing.current_process().name.rpartition("-")[2]
    cpus = sorted(os.sched_getaffinity(0), reverse=True)
    cpu = cpus[(int(number) - 1 if number.isdecimal() else 0) % len(cpus)]
    os.sched_setaffinity(0, {cpu})
    log.info("worker pinned", extra={"cpu": cpu})
    return cpu
