"""What happens on SIGTERM or Ctrl-C: the command ends, and removes what it has not finished."""

import atexit
import signal
import sys

from db import temporary_folders

TERMINATED = 143

_are_handled = False  # not in tests, which run commands in their own process


def handle() -> None:
    """Make SIGTERM end this process as Ctrl-C does: by an exception, and with nothing left behind.

    Call it before the command creates its first file.
    """
    global _are_handled
    _are_handled = True
    atexit.register(_clean_up)
    set_exit_code(TERMINATED)


def in_own_process() -> bool:
    """Whether this process runs one command and then ends."""
    return _are_handled


def set_exit_code(code: int) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(code))


def ignore() -> None:
    """Ignore signals from now on, since the command ends in a moment anyway."""
    for number in temporary_folders.STOPPING if _are_handled else ():
        signal.signal(number, signal.SIG_IGN)


def _clean_up() -> None:
    ignore()
    temporary_folders.remove_all()
