"""Fields of input types, with their descriptions."""

from typing import Any

import strawberry
from strawberry import UNSET

from db.model.tables import Table

REFERENCE = "reference"
"""The metadata of a field that names a row: the tables that it may be of."""


def required(description: str) -> Any:
    return strawberry.field(description=description)


def optional(
    description: str,
    *,
    default: Any = UNSET,
    name: str | None = None,
    deprecated: str | None = None,
) -> Any:
    """`name` is the field's GraphQL name if Python reserves it; `deprecated` says what to use instead."""
    return strawberry.field(
        description=description, default=default, name=name, deprecation_reason=deprecated
    )


def reference(description: str, *tables: Table[Any]) -> Any:
    """A field that names a row of one of these tables, by its key or by its global id."""
    return strawberry.field(description=_described(description), metadata={REFERENCE: tables})


def optional_reference(description: str, *tables: Table[Any]) -> Any:
    return strawberry.field(
        description=_described(description), default=UNSET, metadata={REFERENCE: tables}
    )


def _described(description: str) -> str:
    return f"{description}. Its global id is accepted too"
