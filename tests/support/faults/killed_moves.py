"""A move that kills itself: `SOURCE TARGET NUMBER [--restart]` ends it after so many writes to the target.

The number counts halves: an even one ends it before the next write, an odd one when that is stored and
nobody has heard of it. A move that comes to its end prints the most memory that it had, in KiB.
"""

# Before anything imports sqlite3: two SQLite libraries in one process break each other's locks.
import db  # isort: skip # noqa: F401

import asyncio
import os
import signal
import sys
from pathlib import Path

from db import open_database
from db.moving import move
from db.moving.ends import End
from db.program import Rows
from db.remote.transport import Bound


class Killing:
    """An end of a move that kills its process at a write."""

    def __init__(self, end: End, number: int) -> None:
        self._end = end
        self._left = number
        self.name = end.name
        self.limits = end.limits

    async def read(self, *batch: Bound) -> list[Rows]:
        """Read as ever."""
        return await self._end.read(*batch)

    async def write(self, *batch: Bound) -> list[Rows]:
        """Write, unless it is time."""
        self._count()
        rows = await self._end.write(*batch)
        self._count()
        return rows

    def _count(self) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1

    async def renew(self) -> bool:
        """As ever."""
        return await self._end.renew()

    async def migrate(self) -> None:
        """As ever."""
        await self._end.migrate()


class Silent:
    """Tells nobody."""

    def stage(self, label: str, total: int | None = None) -> None:
        """A part of the work begins."""

    def advance(self, amount: int = 1) -> None:
        """So many rows are done since."""


async def main(source: str, target: str, number: int, *, restarts: bool) -> None:
    """Move, as far as it comes."""
    async with (
        open_database.source_of_move(source) as one,
        open_database.target_of_move(target) as other,
    ):
        await move.move(one, Killing(other, number), Silent(), restarts=restarts)


def most_memory() -> str:
    """Unlike what getrusage tells, it begins with this program, and not with the one that started it."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1] for line in status if line.startswith("VmHWM:"))


if __name__ == "__main__":
    begins_anew = "--restart" in sys.argv
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), restarts=begins_anew))
    sys.stdout.write(most_memory())
