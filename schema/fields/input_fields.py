"""Fields of input types, with their descriptions."""

from typing import Any

import strawberry
from strawberry import UNSET


def required(description: str) -> Any:
    return strawberry.field(description=description)


def optional(description: str, *, default: Any = UNSET, name: str | None = None) -> Any:
    """`name` is the field's GraphQL name if Python reserves it."""
    return strawberry.field(description=description, default=default, name=name)
