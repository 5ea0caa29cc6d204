"""Sealed sequence numbers open again, and tell nothing else."""

import base64
import itertools

import pytest

from db.queries import sealed_sequences
from db.queries.sealed_sequences import Purpose

KEY = bytes(range(32))
NUMBERS = (0, 1, 2, 255, 256, 2**53 + 1, 2**63 - 1)
# Clients keep ids and cursors, so that their text must not change.
KNOWN = {
    Purpose.ID: "m50YP6eokKbdSUlfS0b3YIdHDUOng5PW",
    Purpose.CURSOR: "RNUkQXwuTCXPyUxcRjlxvbbhoMqm8QY4",
    Purpose.WEBHOOK: "ogkmx8pmHuxB5p7zQVRpn0fHpLNT3P9x",
}


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("number", NUMBERS)
def test_a_text_leads_back_to_its_number(number: int, purpose: Purpose):
    text = sealed_sequences.seal(KEY, number, purpose)

    assert len(text) == 32
    assert sealed_sequences.unseal(KEY, text, purpose) == number


@pytest.mark.parametrize(("purpose", "text"), KNOWN.items())
def test_texts_of_earlier_versions_are_still_made(purpose: Purpose, text: str):
    assert sealed_sequences.seal(KEY, 7, purpose) == text


def test_a_text_opens_only_for_its_own_purpose_and_registry():
    for one, other in itertools.permutations(Purpose, 2):
        text = sealed_sequences.seal(KEY, 7, one)
        assert sealed_sequences.unseal(KEY, text, other) is None

    text = sealed_sequences.seal(KEY, 7, Purpose.CURSOR)
    assert sealed_sequences.unseal(b"another", text, Purpose.CURSOR) is None


def test_a_text_of_which_any_bit_is_changed_does_not_open():
    raw = base64.urlsafe_b64decode(sealed_sequences.seal(KEY, 7, Purpose.CURSOR))
    for bit in range(8 * len(raw)):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        text = base64.urlsafe_b64encode(bytes(changed)).decode()
        assert sealed_sequences.unseal(KEY, text, Purpose.CURSOR) is None


@pytest.mark.parametrize(
    "text", ["", "A" * 31, "A" * 32, "A" * 36, "=" * 32, "é" * 32, "🦊", "\x00"]
)
def test_what_is_no_text_of_ours_does_not_open(text: str):
    assert sealed_sequences.unseal(KEY, text, Purpose.CURSOR) is None


def test_texts_of_following_numbers_show_no_order():
    texts = [sealed_sequences.seal(KEY, number, Purpose.CURSOR) for number in range(1, 2_001)]

    rising = sum(one < other for one, other in itertools.pairwise(texts))
    in_common = max(
        sum(left == right for left, right in zip(one, other, strict=True))
        for one, other in itertools.pairwise(texts)
    )

    assert len({text[:8] for text in texts}) == len({text[-8:] for text in texts}) == len(texts)
    assert 900 < rising < 1_100
    assert in_common < 8
