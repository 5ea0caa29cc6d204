"""Messages to the user on stderr, and the exit codes of commands."""

import sys

FAILED, USAGE_ERROR, TRY_AGAIN, INTERRUPTED = 1, 2, 75, 130
MAX_ROW_ERRORS = 100  # printed one by one


def error(message: object, code: int = FAILED) -> int:
    note(message)
    return code


def note(message: object) -> None:
    """Print what is no part of the command's output."""
    print(f"chittygraph: {message}", file=sys.stderr, flush=True)
