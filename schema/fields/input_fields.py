"""Fields of inputs, each with the description that clients read."""

from typing import Any

import strawberry
from strawberry import UNSET


def required(description: str) -> Any:
    """An input field that a client must give."""
    return strawberry.field(description=description)


def optional(description: str, *, default: Any = UNSET, name: str | None = None) -> Any:
    """An input field that a client may leave out, which then is `default`.

    `name` is its GraphQL name where that is a keyword of Python.
    """
    return strawberry.field(description=description, default=default, name=name)
