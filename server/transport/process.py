"""Prepares a worker process before it serves: garbage collector, memory, open files and CPU."""

import ctypes
import gc
import logging
import os
import resource
from contextlib import suppress

log = logging.getLogger(__name__)


# Freed memory up to this much is kept for the next response: several times what a large one takes while it is
# made. Larger blocks are returned to the system, so that a few huge responses leave nothing behind.
KEPT_BYTES = 8 * 2**20
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # options of glibc's mallopt(3)
# New objects between two collections. A response is made of thousands, which are freed right after it; with
# a much higher threshold the reference cycles of generic execution would pile up.
YOUNG_OBJECTS = 5_000


def postpone_collection() -> None:
    """Look for no garbage until `tune_memory`: that took a seventh of a start, which makes hardly any."""
    gc.disable()


def tune_memory() -> None:
    """Exempt all existing objects from garbage collection, and keep freed memory for later responses."""
    # The schema is never garbage, and traversing it added 15 ms to some requests (benchmark W2).
    gc.freeze()
    gc.enable()
    gc.set_threshold(YOUNG_OBJECTS)
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    # By default glibc returns memory to the system after each large response, only to fetch it again page by
    # page (a tenth of W3), but after one huge response it keeps up to 64 MiB for each thread.
    with suppress(AttributeError):  # another C library
        set_option = ctypes.CDLL(None).mallopt
        set_option(M_MMAP_THRESHOLD, KEPT_BYTES)
        set_option(M_TRIM_THRESHOLD, KEPT_BYTES)


def raise_descriptor_limit() -> None:
    """Allow this process as many open files, and so connections, as the system lets it have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS refuses what it says to be the most
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


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
