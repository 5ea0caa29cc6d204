"""JSON is taken when every reader would read the same from it, and refused otherwise."""

import json
import random
from typing import Any

import pytest

from db.model import strict_json

TEXTS = ("", "a", "b", ":", "a:b", '":', "\\", "\n", "é", "\u2028", "😀", "\\u003a", "{}", "\0")
ODD = (b"\\u003a", b"\\ud83d\\ude00", b"\\/", b'\\"', b":", b'"a":1,', b'"a":1', b",", b"}", b"1e5")


class Twice(Exception):
    """Raised by the plain reader of these tests."""


def plainly(raw: bytes) -> Any:
    """What a reader that looks at every key makes of it."""

    def no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise Twice
            found[key] = value
        return found

    return json.loads(raw, object_pairs_hook=no_key_twice)


def written(of: random.Random, depth: int = 4) -> str:
    """JSON text, in which now and then a key comes twice and a letter is an escape."""
    kind = of.randrange(4) if depth else 0
    if kind == 0:
        return of.choice(["1", "null", "-1.5", "true", text(of), text(of)])
    inner = [written(of, depth - 1) for _ in range(of.randint(0, 4))]
    gap = of.choice(["", " ", "\n"])
    if kind == 1:
        return "[" + f",{gap}".join(inner) + "]"
    return "{" + f",{gap}".join(f"{text(of)}{gap}:{gap}{value}" for value in inner) + "}"


def text(of: random.Random) -> str:
    return json.dumps(of.choice(TEXTS) + of.choice(TEXTS), ensure_ascii=of.random() < 0.1)


@pytest.mark.parametrize("seed", range(20))
def test_a_key_that_comes_twice_is_found_wherever_a_plain_reader_finds_it(seed):
    of, refused = random.Random(seed), 0
    for _ in range(500):
        raw = written(of).encode()
        try:
            expected = plainly(raw)
        except Twice:
            refused += 1
            with pytest.raises(strict_json.RepeatedKey):
                strict_json.read(raw)
        else:
            assert strict_json.read(raw) == expected

    assert refused > 10


@pytest.mark.parametrize("seed", range(10))
def test_what_is_read_of_broken_json_is_what_a_plain_reader_reads(seed):
    of = random.Random(seed)
    for _ in range(500):
        raw = written(of).encode()
        for _ in range(of.randint(1, 3)):
            place = of.randrange(len(raw) + 1)
            raw = raw[:place] + of.choice(ODD) + raw[place + of.randint(0, 2) :]
        try:
            found = strict_json.read(raw)
        except ValueError:
            continue
        assert found == plainly(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":":","a":1}',
        b'{"a":1,"a":2,"b":"\\u003a"}',
        b'[{"b":{"a":null,"a":null}}]',
        b'{"":1,"":1}',
    ],
)
def test_a_key_twice_is_named(raw):
    key = "" if b'""' in raw else "a"

    with pytest.raises(strict_json.RepeatedKey, match=f"^'{key}' comes twice in one object"):
        strict_json.read(raw)


def test_keys_may_come_again_in_other_objects_and_texts_may_hold_anything():
    raw = b'{"a":{"a":[{"a":1},{"a":2}]},"b":"\\"a\\":1, \\"a\\":2 :::"}'

    assert strict_json.read(raw) == json.loads(raw)


@pytest.mark.parametrize(
    "raw",
    [b"NaN", b"[Infinity]", b"1e999", b"9" * 5_000, b'"\\ud800"', b'"\xed\xa0\x80"', b"\xff", b""],
    ids=lambda raw: raw[:12].decode("latin-1"),
)
def test_what_json_cannot_say_or_python_cannot_hold_is_refused(raw):
    with pytest.raises(ValueError, match=r"."):
        strict_json.read(raw)


def test_whole_numbers_keep_every_digit():
    assert strict_json.read(b"[18446744073709551616, -99999999999999999999]") == [
        2**64,
        -99999999999999999999,
    ]


def test_nesting_has_an_end():
    deepest = strict_json.DEEPEST

    assert strict_json.read(b"[" * deepest + b"]" * deepest)
    with pytest.raises(ValueError, match="more than 64 levels"):
        strict_json.read(b"[" * (deepest + 1) + b"]" * (deepest + 1))
