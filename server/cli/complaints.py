"""How a command says what went wrong, and the exit code that it ends with then."""

import sys

FAILED, MISUSED, INTERRUPTED = 1, 2, 130
MOST_SHOWN = 100  # of complaints about single rows


def complain(message: object, code: int = FAILED) -> int:
    """Say on stderr what is wrong; returns the exit code."""
    tell(message)
    return code


def tell(message: object) -> None:
    """Say on stderr what is for people, and no part of a command's output."""
    print(f"chittygraph: {message}", file=sys.stderr, flush=True)
