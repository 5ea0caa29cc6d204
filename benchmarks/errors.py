"""What ends a benchmark early."""


class Unfit(Exception):
    """Raised when a figure would be worthless or cannot be had; the message says why and what to do."""
