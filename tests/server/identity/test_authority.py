"""The client of the identity authority, against a real HTTP server."""

import asyncio
import gzip
import json
import socket
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from db.errors import Unavailable
from db.model import chitty_id
from server.identity.authority import NO_RESPONSE, REFUSED, Authority
from tests.support.other_programs.identity_authority import Answer, an_authority, named
from tests.support.services.log_capture import captured_logs

pytestmark = pytest.mark.waits

GOOD = "CHITTY-ACTOR-000123-A1B2"
TOKEN = "a-token-nobody-may-see"
BEYOND = json.dumps({"chittyId": GOOD, "more": "x" * 65_536})


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def authority():
    with an_authority() as authority:
        yield authority


@asynccontextmanager
async def client_of(authority, path="/v1/mint", **options):
    client = Authority(f"{authority.url}{path}", TOKEN, **options)
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture
async def client(authority):
    async with client_of(authority) as client:
        yield client


async def test_a_request_has_the_type_the_token_and_an_idempotency_key(authority, client):
    minted = await client.mint("ACTOR")

    [asked] = authority.asked
    assert chitty_id.type_of(minted) == "ACTOR"
    assert (asked.path, asked.body) == ("/v1/mint", {"entityType": "P", "type": "ACTOR"})
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert len(asked.key) == 36


@pytest.mark.parametrize(
    ("entity", "word"), [("ACTOR", "person"), ("CONTEXT", "person"), ("INSTALLATION", "thing")]
)
async def test_a_url_that_ends_in_get_chittyid_is_asked_by_get(authority, entity, word):
    async with client_of(authority, path="/api/get-chittyid") as client:
        minted = await client.mint(entity)

    [asked] = authority.asked
    assert chitty_id.type_of(minted) == word.upper()
    assert (asked.method, asked.path) == ("GET", "/api/get-chittyid")
    assert asked.body == {"type": word, "for": word}
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["cache-control"] == "no-store"


async def test_an_authority_that_is_asked_by_get_is_asked_again_with_the_same_key(authority):
    authority.answers = [Answer({}, 503)]

    async with client_of(authority, path="/api/get-chittyid") as client:
        await client.mint("ACTOR")

    first, second = authority.asked
    assert first.key == second.key
    assert {first.method, second.method} == {"GET"}


async def test_every_id_has_its_own_idempotency_key(authority, client):
    await client.mint("CONTEXT")
    await client.mint("INSTALLATION")

    first, second = authority.asked
    assert first.key != second.key
    assert [each.body["entityType"] for each in (first, second)] == ["P", "T"]


async def test_without_a_token_no_credential_is_taken_from_the_environment(
    authority, monkeypatch, tmp_path
):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hush\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    client = Authority(f"{authority.url}/v1/mint")

    await client.mint("ACTOR")
    await client.close()

    assert "authorization" not in authority.asked[0].headers


@pytest.mark.parametrize("spelling", ["chittyId", "chitty_id", "id"])
@pytest.mark.parametrize("status", [200, 201])
async def test_the_id_is_read_under_every_known_name(authority, client, spelling, status):
    authority.answers = [replace(named(GOOD, spelling), status=status)]

    assert await client.mint("ACTOR") == GOOD


async def test_a_did_prefix_is_removed(authority, client):
    authority.answers = [named(f"did:chitty:{GOOD}")]

    assert await client.mint("ACTOR") == GOOD


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_failure_is_retried_once_with_the_same_key(authority, client, status):
    authority.answers = [Answer({}, status)]

    await client.mint("ACTOR")

    first, second = authority.asked
    assert first.key == second.key


async def test_a_second_failure_is_not_retried(authority, client):
    authority.refuse(503)

    with pytest.raises(Unavailable, match=NO_RESPONSE):
        await client.mint("ACTOR")

    assert len(authority.asked) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
async def test_a_refusal_is_not_retried(authority, client, status):
    authority.refuse(status)

    with captured_logs() as heard, pytest.raises(Unavailable, match=REFUSED):
        await client.mint("ACTOR")

    assert len(authority.asked) == 1
    [line] = heard.lines("chitty id refused")
    assert (line["level"], line["reason"]) == ("error", f"status {status}")


async def test_success_false_is_a_refusal_whatever_the_status(authority, client):
    authority.answers = [Answer({"success": False, "error": "Invalid entityType"})]

    with pytest.raises(Unavailable, match=REFUSED):
        await client.mint("ACTOR")

    assert len(authority.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed_and_the_log_has_advice(authority, client, status):
    authority.answers = [Answer({}, status, {"Location": f"{authority.url}/mint"})]

    with captured_logs() as heard, pytest.raises(Unavailable, match=REFUSED):
        await client.mint("ACTOR")

    assert [each.path for each in authority.asked] == ["/v1/mint"]
    assert "CHITTYGRAPH_CHITTYID_URL" in heard.lines("chitty id refused")[0]["reason"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(b""), "not JSON"),
        (Answer(b"<html>"), "not JSON"),
        (Answer(b'{"chittyId": NaN}'), "not JSON"),
        (Answer([GOOD]), "not a JSON object"),
        (Answer({}), "without any of"),
        (named(None), "without any of"),
        (named(7), "without any of"),
        (
            Answer({"success": True, "chittyId": "03-0-ERR-0001-P-2511-0-42", "fallback": True}),
            "a fallback id",
        ),
        (named(""), "must not be empty"),
        (named("undefined"), "must be a ChittyID"),
        (named("CHITTY-ACTOR-1"), "must go on after its type"),
        (named("CHITTY-" + "A" * 200), "at most 200"),
        (Answer(BEYOND.encode()), "more than 65536 bytes"),
        (Answer(gzip.compress(BEYOND.encode()), headers={"Content-Encoding": "gzip"}), "not JSON"),
    ],
)
async def test_an_unusable_response_yields_no_id_and_is_not_logged(
    authority, client, answer, reason
):
    authority.answers = [answer, answer]

    with captured_logs() as heard, pytest.raises(Unavailable, match=NO_RESPONSE):
        await client.mint("ACTOR")

    assert reason in heard.lines("chitty id not minted")[0]["reason"]
    assert "undefined" not in heard.text
    assert TOKEN not in heard.text


async def test_a_hanging_authority_times_out_twice(authority):
    authority.hang()

    async with client_of(authority, seconds=0.1) as client:
        with captured_logs() as heard, pytest.raises(Unavailable, match=NO_RESPONSE):
            await client.mint("ACTOR")

    assert heard.lines("chitty id not minted")[0]["reason"] == "no response within 0.1 s"


async def test_an_unreachable_authority_does_not_respond():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # so that nobody else listens there
        client = Authority(f"http://127.0.0.1:{silent.getsockname()[1]}/v1/mint", TOKEN)

        with pytest.raises(Unavailable, match=NO_RESPONSE):
            await client.mint("ACTOR")
        await client.close()


async def test_three_failures_open_the_circuit_until_one_trial(authority):
    clock = Clock()
    authority.refuse(500)

    async with client_of(authority, clock=clock) as client:
        for _ in range(5):
            with pytest.raises(Unavailable):
                await client.mint("ACTOR")
        asked_while_failing = len(authority.asked)
        clock.now += 15
        with pytest.raises(Unavailable):
            await client.mint("ACTOR")
        asked_by_the_trial = len(authority.asked) - asked_while_failing
        clock.now += 15
        authority.otherwise = authority.mint
        found = await asyncio.gather(
            *[client.mint("ACTOR") for _ in range(2)], return_exceptions=True
        )
        after = await client.mint("ACTOR")

    assert (asked_while_failing, asked_by_the_trial) == (6, 2)
    assert sorted(type(each).__name__ for each in found) == ["Unavailable", "str"]
    assert chitty_id.is_well_formed(after)


async def test_refusals_do_not_open_the_circuit(authority, client):
    authority.refuse(403)
    for _ in range(5):
        with pytest.raises(Unavailable):
            await client.mint("INSTALLATION")
    authority.otherwise = authority.mint

    assert chitty_id.is_well_formed(await client.mint("ACTOR"))


async def test_a_cancelled_caller_leaves_the_client_usable(authority, client):
    authority.hang()
    waiting = asyncio.ensure_future(client.mint("ACTOR"))
    await asyncio.to_thread(authority.was_asked.wait)

    waiting.cancel()
    await asyncio.wait([waiting])
    authority.otherwise = authority.mint

    assert waiting.cancelled()
    assert chitty_id.is_well_formed(await client.mint("ACTOR"))
