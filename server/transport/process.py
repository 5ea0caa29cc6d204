"""How a worker process is set up before it serves: its garbage collector, and its CPU."""

import gc
import logging
import os

log = logging.getLogger(__name__)


# As much as a large answer takes several times over, while it is made.
KEPT_BYTES = 8 * 2**20
# Objects made between two collections: answers are made of thousands that are gone right after. Much
# more, and the cycles that the generic road leaves behind would pile up.
YOUNG = 5_000


def settle() -> None:
    """Keep what is there: what was built so far for good, and memory from one answer for the next.

    The schema is never garbage, and to walk it again took 15 ms of some requests (W2 of the benchmark).
    And glibc gives memory back after each large answer, to take it anew page by page (a tenth of W3),
    until it has seen a piece of that size come and go.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)
    bytes(KEPT_BYTES)


def pin(place: int) -> int | None:
    """Keep this process, and the threads that it starts from now on, on one of its CPUs.

    Python runs one thread of a process at a time, so a worker gains little from a second CPU; but each
    request goes to a database thread and back, and a thread on another CPU wakes several times slower.
    Workers, each of which has a place, take different ones, from the last downwards: the first is where
    most interrupts go. Returns the CPU, or None on systems that do not offer it.
    """
    if not hasattr(os, "sched_setaffinity"):
        log.warning("pinning not offered by this system")
        return None
    cpus = sorted(os.sched_getaffinity(0), reverse=True)
    cpu = cpus[place % len(cpus)]
    os.sched_setaffinity(0, {cpu})
    log.info("worker pinned", extra={"cpu": cpu})
    return cpu
