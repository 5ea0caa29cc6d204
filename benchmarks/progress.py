"""Progress on stderr: one line, which a terminal rewrites."""

import sys

CLEAR = "\r\x1b[K"


def say(text: str) -> None:
    """Print a line that stays."""
    print(f"{CLEAR if sys.stderr.isatty() else ''}bench: {text}", file=sys.stderr, flush=True)


def now(text: str) -> None:
    """Show the current step on a terminal, until the next line replaces it."""
    if sys.stderr.isatty():
        print(f"{CLEAR}bench: {text}", end="", file=sys.stderr, flush=True)


def done() -> None:
    """Clear what `now` left on the line."""
    if sys.stderr.isatty():
        print(CLEAR, end="", file=sys.stderr, flush=True)
