"""What a fault is: what is done to the server, what must hold, and how often it is tried."""

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from tests.support.paths import ROOT

FOLDER = ROOT / "tests" / "faults"
Test = TypeVar("Test")


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that a fault's tests measure, of which the worst is kept.

    Speed depends on the machine, so a limit of it is checked by hand only.
    """

    unit: str
    at_most: float | None
    is_speed: bool = False

    def shown(self, value: float) -> str:
        """The value with its unit."""
        digits = 0 if value == int(value) or value >= 100 else 1 if value >= 10 else 2
        return f"{value:,.{digits}f} {self.unit}".strip()


def seconds(at_most: float | None = None) -> Figure:
    return Figure("s", at_most, is_speed=True)


def megabytes(at_most: float | None = None) -> Figure:
    return Figure("MB", at_most)


def count(at_most: float | None = None) -> Figure:
    return Figure("", at_most)


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often it is tried: by `./run test` (0 leaves it out), with `--thorough`, by `./run faults`."""

    default: int
    thorough: int
    by_hand: int
    called: str = "rounds"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. As a decorator it marks a test that commits it, which takes the fixture `trial`."""

    name: str
    done: str
    holds: str
    rounds: Rounds
    figures: Mapping[str, Figure] = field(default_factory=dict)

    def __call__(self, test: Test) -> Test:
        marked: Test = pytest.mark.fault(self)(test)
        return marked


def declared() -> Iterator[Fault]:
    """All faults, in the order of their files."""
    for path in sorted(FOLDER.glob("test_*.py")):
        module = importlib.import_module(f"tests.faults.{path.stem}")
        yield from (each for each in vars(module).values() if isinstance(each, Fault))
