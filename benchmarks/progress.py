"""What a run says while it goes on: one line, rewritten on a terminal, to stderr."""

import sys

CLEAR = "\r\x1b[K"


def say(text: str) -> None:
    """Say something that stays."""
    print(f"{CLEAR if sys.stderr.isatty() else ''}bench: {text}", file=sys.stderr, flush=True)


def now(text: str) -> None:
    """Say what is being done; the next line replaces it on a terminal, and nothing is said elsewhere."""
    if sys.stderr.isatty():
        print(f"{CLEAR}bench: {text}", end="", file=sys.stderr, flush=True)


def done() -> None:
    """Clear what `now` left on the line."""
    if sys.stderr.isatty():
        print(CLEAR, end="", file=sys.stderr, flush=True)
