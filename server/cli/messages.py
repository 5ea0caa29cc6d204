"""Messages to the user on stderr, and the exit codes of commands."""

import sys

FAILED, USAGE_ERROR, INTERRUPTED = 1, 2, 130
MAX_ROW_ERRORS = 100  # that are printed one by one


def error(message: object, code: int = FAILED) -> int:
    """Print an error; returns the exit code."""
    note(message)
    return code


def note(message: object) -> None:
    """Print a message that is not part of the command's output."""
    print(f"chittygraph: {message}", file=sys.stderr, flush=True)
