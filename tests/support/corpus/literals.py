"""Input values: as Python has them, as GraphQL writes them, and as JSON carries them."""

import json
from typing import Any

from tests.support.corpus.chance import Chance


class Name(str):
    """An enumeration's member: without quotes in a document."""


def text(value: Any, chance: Chance | None = None) -> str:
    """A value as a GraphQL literal; with `chance`, in one of several spellings."""
    if isinstance(value, Name):
        return value
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{name}: {text(item, chance)}" for name, item in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(text(item, chance) for item in value) + "]"
    if isinstance(value, str) and chance is not None and _fits_block(value) and chance.yes(0.1):
        return f'"""{value}"""'
    return json.dumps(value, ensure_ascii=chance is not None and chance.yes(0.3))


def _fits_block(value: str) -> bool:
    return value.isalnum() and value.isascii()
