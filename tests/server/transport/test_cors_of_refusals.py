"""Refusals that come before a request reaches the application: pages of other origins can read them, too."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.http.turns import Turn
from server.transport import timeouts
from server.transport.timeouts import CUT_OFF, STOPPING
from tests.support.requests.raw_http import Answer, answers
from tests.support.running.waiting import eventually
from tests.support.services.asgi_client import AsgiClient
from tests.support.services.crowding import crowded
from tests.support.services.local_server import LocalServer, serving
from tests.support.services.server_process import TIMEOUT_SECONDS

LOCAL, STRANGER = "http://localhost:5173", "https://stranger.example"
BODY = b'{"query":"{__typename}"}'
ALLOW = "access-control-allow-origin"
NAMES = ("access-control-allow-methods", "access-control-allow-headers", "access-control-max-age")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LocalServer]:
    async with serving(tmp_path / "registry.db") as server:
        yield server


def request(
    origin: str,
    *headers: bytes,
    method: bytes = b"POST",
    path: bytes = b"/graphql",
    body: bytes = b"",
) -> bytes:
    lines = (
        b"%b %b HTTP/1.1" % (method, path),
        b"Host: localhost",
        b"Origin: " + origin.encode(),
        b"Content-Type: application/json",
        *headers,
    )
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def whole(origin: str, *headers: bytes) -> bytes:
    return request(origin, *headers, b"Content-Length: %d" % len(BODY), body=BODY)


def preflight(origin: str, *headers: bytes, path: bytes = b"/graphql") -> bytes:
    asking = b"Access-Control-Request-Method: POST"
    return request(origin, asking, *headers, method=b"OPTIONS", path=path)


LAST = b"Connection: close"


async def exchanged(server: LocalServer, *sent: bytes) -> list[Answer]:
    """What the server answers to each of these on one connection, the last of which closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    received = b""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        for each in sent[:-1]:
            writer.write(each)
            received += await reader.readuntil(b"\r\n\r\n")
        writer.write(sent[-1])
        received += await reader.read()
    writer.close()
    return answers(received)


async def test_a_page_without_a_turn_can_read_that_and_when_to_come_back(server):
    with crowded(server.app.admission.requests):
        # The head of the second is known.
        refused = [
            await exchanged(server, whole(origin, LAST))
            for origin in (LOCAL, LOCAL, STRANGER, STRANGER)
        ]

    allowed = [answer.headers.get(ALLOW) for (answer,) in refused]
    assert [answer.status for (answer,) in refused] == [503] * 4
    assert allowed == [LOCAL, LOCAL, None, None]
    assert "retry-after" in refused[0][0].headers["access-control-expose-headers"]
    assert refused[0][0].headers["vary"] == refused[2][0].headers["vary"] == "origin"


async def test_what_a_page_may_send_is_said_under_overload_too(server):
    usual = await exchanged(server, preflight(LOCAL, LAST))
    with crowded(server.app.admission.requests):
        crowd = await exchanged(server, preflight(LOCAL), preflight(LOCAL), preflight(LOCAL, LAST))
        (stranger,) = await exchanged(server, preflight(STRANGER, LAST))
        (metrics,) = await exchanged(server, preflight(LOCAL, LAST, path=b"/webhooks/github"))

    said = [{name: answer.headers[name] for name in (ALLOW, *NAMES)} for answer in usual + crowd]
    assert [answer.status for answer in usual + crowd] == [204] * 4
    assert said == [said[0]] * 4
    assert [(answer.status, ALLOW in answer.headers) for answer in (stranger, metrics)] == [
        (503, False)
    ] * 2


async def test_preflights_under_overload_are_counted_as_what_they_were_answered(server):
    http = server.app.service.metrics.http
    with crowded(server.app.admission.requests):
        await exchanged(server, preflight(LOCAL), preflight(LOCAL), preflight(LOCAL, LAST))

    assert (http["/graphql", 204], http["/graphql", 503]) == (3, 0)


async def test_refusals_within_the_application_are_readable_too(server):
    async with AsgiClient(server.app, headers={"origin": LOCAL}) as client:
        with crowded(server.app.admission.requests):
            answer = await client.post("/graphql", json={"query": "{ __typename }"})
            asked = await client.request(
                "OPTIONS", "/graphql", headers={"access-control-request-method": "POST"}
            )

    assert (answer.status_code, answer.headers[ALLOW]) == (503, LOCAL)
    assert (asked.status_code, asked.headers[ALLOW]) == (204, LOCAL)


async def test_a_body_that_is_late_or_too_large_is_refused_readably(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(timeouts, "MAX_REQUEST_BYTES", 100_000)
    async with serving(tmp_path / "registry.db", body_seconds=0.1) as server:
        (late,) = await exchanged(server, request(LOCAL, b"Content-Length: 9", body=b"{"))
        (large,) = await exchanged(
            server,
            request(LOCAL, b"Transfer-Encoding: chunked", body=b"30D40\r\n" + b" " * 200_000),
        )
        (strange,) = await exchanged(server, request(STRANGER, b"Content-Length: 9", body=b"{"))

    assert [(answer.status, answer.headers.get(ALLOW)) for answer in (late, large, strange)] == [
        (408, LOCAL),
        (413, LOCAL),
        (408, None),
    ]


@pytest.mark.parametrize("bad", [b"Host: again", b"X: y\r\n" * 200 + b"X: y"], ids=["400", "431"])
async def test_a_bad_head_is_refused_readably(server, bad: bytes):
    (answer,) = await exchanged(server, request(LOCAL, bad))

    assert answer.status in (400, 431)
    assert answer.headers[ALLOW] == LOCAL


async def test_what_is_no_request_is_refused_for_nobody(server):
    _, garbage = await exchanged(server, whole(LOCAL), b"\0\0\0\r\n\r\n")

    assert garbage.status == 400
    assert ALLOW not in garbage.headers


async def test_a_stopping_server_says_so_readably(tmp_path: Path):
    async with serving(tmp_path / "registry.db") as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request(LOCAL, b"Content-Length: 9", b"Expect: 100-continue"))
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await reader.readuntil(b"\r\n\r\n")  # it waits for the body
    async with asyncio.timeout(TIMEOUT_SECONDS):
        (answer,) = answers(await reader.read())
    writer.close()

    assert (answer.error["message"], answer.headers[ALLOW]) == (STOPPING, LOCAL)


async def test_what_was_not_answered_in_time_is_cut_off_readably(server):
    lane = server.app.admission.requests
    lane.is_backlogged = lambda: True  # so that no more of them begin
    held: list[Turn] = []
    while not held or held[-1].is_running:
        held.append(lane.arrive(None, (), "others"))
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(whole(LOCAL))
    await eventually(lambda: lane.waiting == 2)

    (connection,) = server.connections
    connection.cut_off()

    async with asyncio.timeout(TIMEOUT_SECONDS):
        (answer,) = answers(await reader.read())
    writer.close()
    for turn in held:
        turn.end()
    assert (answer.error["message"], answer.headers[ALLOW]) == (CUT_OFF, LOCAL)
