"""How a command ends on SIGTERM or Ctrl-C: what it has not finished is removed."""

import atexit
import signal
import sys

from db import temporary_folders

STOPPED = 143

_is_arranged = False  # not where tests call commands in their own process


def arrange() -> None:
    """Let SIGTERM end this process as Ctrl-C does: by an exception, and with nothing left behind.

    Call it before the command makes its first file.
    """
    global _is_arranged
    _is_arranged = True
    atexit.register(_clean_up)
    end_with(STOPPED)


def end_with(code: int) -> None:
    """Set the exit code after SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(code))


def ignore() -> None:
    """From now on the command ends by itself, in a moment: it is too late to stop it."""
    for number in temporary_folders.STOPPING if _is_arranged else ():
        signal.signal(number, signal.SIG_IGN)


def _clean_up() -> None:
    ignore()
    temporary_folders.remove_all()
