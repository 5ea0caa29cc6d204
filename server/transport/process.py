"""Prepares a worker process before it serves: garbage collector, memory and CPU."""

import gc
import logging
import os

log = logging.getLogger(__name__)


# Several times what a large response takes while it is made.
RESERVED_BYTES = 8 * 2**20
# New objects between two collections. A response is made of thousands, which are freed right after it; with
# a much higher threshold the reference cycles of generic execution would pile up.
YOUNG_OBJECTS = 5_000


def tune_memory() -> None:
    """Exempt all existing objects from garbage collection, and keep freed memory for later responses."""
    # The schema is never garbage, and traversing it added 15 ms to some requests (benchmark W2).
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    # Until a block of this size has been freed once, glibc returns memory to the system after each large
    # response, only to fetch it again page by page (a tenth of W3).
    bytes(RESERVED_BYTES)


def pin_to_cpu(index: int) -> int | None:
    """Pin this process, and all threads that it will start, to the CPU returned; None if not supported."""
    if not hasattr(os, "sched_setaffinity"):
        log.warning("worker not pinned", extra={"reason": "not supported by this system"})
        return None
    # Python runs one thread of a process at a time, so a second CPU helps a worker little; but each request
    # goes to a database thread and back, and waking a thread on another CPU takes several times longer.
    # From the last CPU on: the first one serves most interrupts.
    cpus = sorted(os.sched_getaffinity(0), reverse=True)
    cpu = cpus[index % len(cpus)]
    os.sched_setaffinity(0, {cpu})
    log.info("worker pinned", extra={"cpu": cpu})
    return cpu
