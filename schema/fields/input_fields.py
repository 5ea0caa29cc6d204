"""Fields of input types, with their descriptions."""

from typing import Any

import strawberry
from strawberry import UNSET


def required(description: str) -> Any:
    """An input field that the client must send."""
    return strawberry.field(description=description)


def optional(description: str, *, default: Any = UNSET, name: str | None = None) -> Any:
    """An input field that the client may omit; `name` is its GraphQL name if Python reserves that."""
    return strawberry.field(description=description, default=default, name=name)
