"""Headers of a request by their names."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Headers: TypeAlias = Mapping[bytes, bytes]

KEY = "chittygraph.headers"
"""Those of a request by their names, in its ASGI scope."""


def by_name(headers: Sequence[tuple[bytes, bytes]]) -> Headers:
    """A repeated header's values become a list (RFC 9110, section 5.3)."""
    values = dict(headers)
    if len(values) == len(headers):
        return values
    lists: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        lists.setdefault(name, []).append(value)
    return {name: b", ".join(each) for name, each in lists.items()}
