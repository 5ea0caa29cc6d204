"""Positions in the log: encrypted, different each time, and noticed if they were not made here."""

import secrets

import pytest

from db.queries import log_positions

KEY, OTHER_KEY = secrets.token_bytes(32), secrets.token_bytes(32)


@pytest.mark.parametrize("sequence", [0, 1, 255, 2**32, 2**63 - 1])
def test_a_position_opens_to_the_number_it_was_made_of(sequence: int):
    assert log_positions.unseal(KEY, log_positions.seal(KEY, sequence)) == sequence


def test_the_same_position_never_looks_the_same():
    made = {log_positions.seal(KEY, 7) for _ in range(100)}

    assert len(made) == 100
    assert {len(each) for each in made} == {log_positions.CHARACTERS}


def test_each_changed_character_is_noticed():
    text = log_positions.seal(KEY, 7)
    for place in range(len(text)):
        other = "A" if text[place] != "A" else "B"
        assert log_positions.unseal(KEY, text[:place] + other + text[place + 1 :]) is None


@pytest.mark.parametrize(
    "text", ["", "A", "=" * 48, "é" * 48, "A" * 47, "A" * 48, "A" * 52, " " * 48]
)
def test_what_is_no_position_opens_to_nothing(text: str):
    assert log_positions.unseal(KEY, text) is None


def test_a_position_of_another_registry_opens_to_nothing():
    assert log_positions.unseal(OTHER_KEY, log_positions.seal(KEY, 7)) is None
