"""The registries that servers read: the ordinary one, one with ten times the rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import data
from benchmarks.rows import Size
from benchmarks.workloads import Workload

LARGER = 10


def _unchanged(workload: Workload) -> Workload:
    return workload


@dataclass(frozen=True)
class Registry:
    """A database, its size, what a workload asks of it, and the headers of those who have keys."""

    path: Path
    size: Size
    asked: Callable[[Workload], Workload] = _unchanged
    credentials: Mapping[str, str] = field(default_factory=dict)


Maker = Callable[[float, Path], Registry]
"""Makes a registry at this scale, once, with what is made for one run in this folder."""


def ordinary(scale: float, folder: Path) -> Registry:
    """The rows that all servers are compared over."""
    return Registry(data.database(scale), Size.at(scale))


def larger(scale: float, folder: Path) -> Registry:
    """The same kinds of rows, ten times as many in each table."""
    return ordinary(scale * LARGER, folder)
