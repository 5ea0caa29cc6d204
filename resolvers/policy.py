"""The figures that the rules go by, and their defaults: declared here once.

Nothing heavy is imported, so that settings can take their defaults from here.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The figures that the rules go by."""

    page_default: int = 20
    page_max: int = 100
    failure_threshold: int = 5


DEFAULT_POLICY = Policy()
