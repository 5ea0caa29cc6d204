"""What a process takes."""

import os
from pathlib import Path


def memory(pid: int) -> float:
    """What a process has in memory, in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def connections(pid: int) -> int:
    """How many sockets it has open."""
    return sum(_leads_to(each).startswith("socket:") for each in Path(f"/proc/{pid}/fd").iterdir())


def _leads_to(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""
