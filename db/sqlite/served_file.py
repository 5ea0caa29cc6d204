"""Whether the file that connections have open is still the one at its path.

A file that is moved, deleted or replaced stays open: what is written to it then is lost, and what others
write to the new one is not seen.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path

from db.errors import Unavailable
from db.sqlite.files_beside import identity

REPLACED = (
    "the database's file was moved or replaced while the server had it open, so nothing is written: restart"
    " the server"
)

log = logging.getLogger(__name__)


class ServedFile:
    """Made once the file is open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened = identity(path)
        self._is_told = False

    def require(self) -> None:
        """Raise Unavailable if another file is at the path, or none."""
        # Before each commit: so not by calling `identity`.
        with suppress(OSError):
            status = os.stat(self._path)  # noqa: PTH116 - a third of what Path takes
            if (status.st_dev, status.st_ino) == self._opened:
                return
        if not self._is_told:
            self._is_told = True
            log.error("database replaced", extra={"database": str(self._path)})
        raise Unavailable(REPLACED)
