"""How a command ends when it is told to stop."""

import signal
import sys

STOPPED = 143


def end_cleanly(code: int = STOPPED) -> None:
    """Have SIGTERM end the process with this code, once what was begun is cleared away."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(code))
