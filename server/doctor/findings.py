"""What a check of a deployment is, and what it finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

from db.errors import BootRefused
from server.doctor import processes
from server.settings import Settings


class Level(Enum):
    OK = "ok"
    SKIPPED = "skipped"  # it could not be looked at, or need not be
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """`found` and `advice` (what to do) never hold a secret."""

    level: Level
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Deployment:
    """What is checked; `flags` are the settings that were given as flags."""

    settings: Settings
    flags: frozenset[str] = field(default_factory=frozenset)
    backups: Path | None = None
    max_age: int = 86_400  # of the newest backup, in seconds
    setting_file: Path | None = None

    @property
    def database(self) -> Path:
        """The database's file, which only checks of files look at."""
        return self.settings.database_path.resolve()

    @property
    def folder(self) -> Path:
        """Where the database is, or where this command was called from."""
        is_file = self.settings.address.file is not None
        return self.database.parent if is_file else Path.cwd()

    @cached_property
    def processes(self) -> tuple[int, ...]:
        """Those that have the database's file open, besides this one."""
        is_file = self.settings.address.file is not None
        return processes.with_open(self.database) if is_file else ()

    def beside(self, suffix: str) -> Path:
        return self.database.with_name(self.database.name + suffix)


Findings: TypeAlias = Iterator[Finding]


@dataclass(frozen=True, slots=True)
class Check:
    """`run` yields at least one finding, if there is what it `needs`."""

    name: str
    run: Callable[[Deployment], Findings]
    needs: Literal["nothing", "folder", "database"] = "nothing"


def ok(found: str) -> Finding:
    return Finding(Level.OK, found)


def skipped(found: str, advice: str = "") -> Finding:
    return Finding(Level.SKIPPED, found, advice)


def warning(found: str, advice: str) -> Finding:
    return Finding(Level.WARNING, found, advice)


def problem(found: str, advice: str) -> Finding:
    return Finding(Level.PROBLEM, found, advice)


def refusal(refused: BootRefused) -> Finding:
    """What is wrong, and what to do, which follows the last colon or semicolon of such a message."""
    text = str(refused)
    place = max(text.rfind(": "), text.rfind("; "))
    return problem(text[:place], text[place + 2 :]) if place > 0 else problem(text, "")
