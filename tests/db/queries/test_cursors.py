"""Cursors hold the values that a row is ordered by, whatever these are."""

import math
from typing import Any

import pytest

from db.errors import Unreadable
from db.model.tables import CONTEXTS
from db.queries import cursors
from db.queries.listings import Order

KEY = bytes(range(32))
ORDER = (Order("created_at", True), Order("chitty_id", False))
VALUES: dict[str, tuple[Any, ...]] = {
    "an instant and an id": ("2026-03-17T09:30:00.000Z", "CHITTY-CONTEXT-000001-AAAA"),
    "nothing": (None, "key"),
    "the least number": (-(2**63), "key"),
    "the greatest number": (2**63 - 1, "key"),
    "quotes and controls": ('"\\/\b\f\n\r\t\0\x1f\x7f', "key"),
    "other scripts": ("Zoë \U0001f600 \u2028 \ufeff", "key"),
    "a fraction": (1e16, "key"),
    "a small fraction": (5e-324, "key"),
    "an infinite number": (math.inf, "key"),
}
# How cursors begin, with the authentication code of all that follows: clients keep cursors, so that their
# text must not change.
KNOWN = {
    "an instant and an id": "ARobM0gxEqcfffluwQBZ",
    "quotes and controls": "ATT8uEe_I1a7k6piP8tt",
    "other scripts": "AevcXvvJ5xvNeoOzUXCw",
    "a fraction": "Ac5T5qJ3yhaY6gGxYVlI",
}


def cursor_of(values: tuple[Any, ...]) -> str:
    return cursors.encoder(KEY, CONTEXTS, ORDER)(values)


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_a_cursor_leads_back_to_its_values(values: tuple[Any, ...]):
    assert cursors.decode(KEY, CONTEXTS, ORDER, cursor_of(values)) == values


@pytest.mark.parametrize(("name", "text"), KNOWN.items(), ids=KNOWN)
def test_cursors_of_earlier_versions_are_still_made(name: str, text: str):
    assert cursor_of(VALUES[name]).startswith(text)


def test_a_blob_has_no_cursor():
    with pytest.raises(Unreadable):
        cursor_of((b"2026", "key"))
