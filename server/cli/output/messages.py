"""Messages to the user on stderr, and the exit codes of commands."""

import logging
import sys

from server import called_as

FAILED, USAGE_ERROR, TRY_AGAIN, INTERRUPTED = 1, 2, 75, 130
MAX_ROW_ERRORS = 100  # printed one by one


def error(message: object, code: int = FAILED) -> int:
    note(message)
    return code


def note(message: object) -> None:
    """Print what is no part of the command's output."""
    print(f"{called_as.NAME}: {called_as.as_typed(str(message))}", file=sys.stderr, flush=True)


class LogLines(logging.Handler):
    """Shows what is logged where a command has no log: as the server's log does, with all its fields."""

    def emit(self, record: logging.LogRecord) -> None:
        # Few commands log anything, and most of them are quicker than this import.
        from server.telemetry import logs
        from server.telemetry.terminal import Terminal

        line = logs.TextFormatter(Terminal(sys.stderr), shows_ids=False).format(record)
        print(line, file=sys.stderr, flush=True)
