"""How a client writes an Idempotency-Key."""

import json
from pathlib import Path

import pytest

from server.graphql import idempotency_keys
from server.graphql.idempotency_keys import MAX_CHARACTERS
from server.graphql.request import MalformedRequest
from tests.support.requests.idempotent_requests import REGISTER
from tests.support.services.api import running

LONGEST = "k" * MAX_CHARACTERS
KEYS = {
    b'"8e03978e-40d5-43dd-bc93-6894a57f9324"': "8e03978e-40d5-43dd-bc93-6894a57f9324",
    b"8e03978e-40d5-43dd-bc93-6894a57f9324": "8e03978e-40d5-43dd-bc93-6894a57f9324",
    b'"with, a space; and \\"quotes\\" \\\\"': 'with, a space; and "quotes" \\',
    b"order:42/7=a": "order:42/7=a",
    b' "x" ': "x",
    f'"{LONGEST}"'.encode(): LONGEST,
    LONGEST.encode(): LONGEST,
}
MALFORMED = (
    *(
        b"",
        b'""',
        b'"',
        b'"a',
        b'a"b',
        b'"a" "b"',
        b'"a", "b"',
        b"a, b",
        b"a b",
        b'"a";q=1',
        b"a;q=1",
    ),
    *(b'"a\\b"', b"a\\b", b'"\xc3\xa9"', b"\xc3\xa9", b'"a\tb"', b"a\x7fb", b'"a\x00"'),
    *(f'"{LONGEST}k"'.encode(), f"{LONGEST}k".encode()),
)


@pytest.mark.parametrize("header", KEYS)
def test_a_header_is_a_string_in_quotes_or_a_plain_word(header: bytes):
    assert idempotency_keys.key_of(header, None) == KEYS[header]


@pytest.mark.parametrize("header", MALFORMED)
def test_another_header_is_malformed(header: bytes):
    with pytest.raises(MalformedRequest, match=r"(?i)idempotency.?key"):
        idempotency_keys.key_of(header, None)


@pytest.mark.parametrize("member", ["a", "a, b", 'with "quotes"', LONGEST])
def test_a_key_in_the_extensions_is_the_text_itself(member: str):
    assert idempotency_keys.key_of(None, member) == member


@pytest.mark.parametrize(
    "member", ["", f"{LONGEST}k", 1, True, ["a"], {}, "é", "a\n", "\x7f", "a\x00"]
)
def test_other_values_in_the_extensions_are_malformed(member: object):
    with pytest.raises(MalformedRequest, match=r"(?i)idempotency.?key"):
        idempotency_keys.key_of(None, member)


@pytest.mark.parametrize("status", ["2025", "draft"])
async def test_a_malformed_key_is_refused_and_nothing_is_written(tmp_path: Path, status: str):
    async with running(tmp_path / "registry.db", http_status=status) as api:
        answers = [
            await api.client.answer({"query": REGISTER}, {"idempotency-key": '"a'}),
            await api.client.answer({"query": REGISTER, "extensions": {"idempotencyKey": ""}}),
        ]
        twice = await api.client.post(
            "/graphql",
            json={"query": REGISTER},
            headers=[("idempotency-key", '"a"'), ("idempotency-key", '"a"')],
        )
        stored = await api.rows("SELECT * FROM actors")

    expected = {"2025": 400, "draft": 422}[status]
    assert [each.status for each in answers] == [expected] * 2
    assert twice.status_code == expected
    for body in (*(each.body for each in answers), twice.content):
        (error,) = json.loads(body)["errors"]
        assert error["extensions"]["code"] == "BAD_REQUEST"
    assert stored == []
