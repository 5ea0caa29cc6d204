"""The clock jumps, while the server runs and between two runs."""

import itertools
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests.support.faults.declaration import Fault, Rounds
from tests.support.faults.trial import Trial
from tests.support.other_programs import token_issuer
from tests.support.other_programs.faketime import FakeClock
from tests.support.registries.databases import new_registry
from tests.support.requests.raw_http import Answer, NoAnswer, answers
from tests.support.services.commands import command
from tests.support.services.server_process import QUIET, TIMEOUT_SECONDS, UNHURRIED, served, url_of

DAY, YEAR = timedelta(days=1), timedelta(days=366)
JUMPS = (DAY, YEAR, timedelta(), -YEAR, -DAY, timedelta(hours=1), 10 * YEAR)
PAGES = """
    query ($first: Int, $after: String, $by: [ContextOrder!]) {
        contexts(first: $first, after: $after, orderBy: $by) {
            pageInfo { endCursor hasNextPage }
            nodes { chittyId }
        }
    }
"""
ORDERINGS = (None, *({"field": field} for field in ("CREATED_AT", "UPDATED_AT", "NAME")))
CREATE = """
    mutation ($input: CreateContextInput!) {
        done: createContext(input: $input) { context { chittyId createdAt } errors { message } }
    }
"""
UPDATE = """
    mutation ($input: UpdateContextInput!) {
        done: updateContext(input: $input) { context { updatedAt } errors { message } }
    }
"""
WHO = "{ viewer { actor { chittyId } } }"
# Seconds, far from the 30 that the server allows: a busy machine may take some for a request.
WITHIN_LEEWAY, BEYOND_LEEWAY = 10, 60
WRONG = "Bearer cg_0123456789ab_" + "A" * 43
GUESSER = "203.0.113.7"
FLAGS = (
    *("--auth", "protected", "--jwt-issuer", token_issuer.ISSUER),
    *("--jwt-audience", token_issuer.AUDIENCE, "--trusted-proxies", "127.0.0.1"),
    *("--failed-credentials-per-minute", "1", "--idle-seconds", "600", "--head-seconds", "600"),
)

CLOCK_JUMPS = Fault(
    name="clock-jumps",
    done="the clock jumps by an hour, a day, a year and ten, ahead and back, under a server and between two",
    holds="pages return each row once, `updatedAt` grows, tokens count by the new time with their leeway,"
    " rate limits do not change and no connection is cut off",
    rounds=Rounds(default=1, thorough=7, by_hand=35, called="jumps"),
)


@dataclass
class Server:
    """A protected server whose clock tests set, an admin of it, and a connection that stays open."""

    clock: FakeClock
    client: httpx2.Client
    url: str
    addresses: Iterator[int] = field(default_factory=itertools.count)

    def ask(self, query: str, **variables: Any) -> Any:
        answer = self.client.post("/graphql", json={"query": query, "variables": variables}).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def done(self, mutation: str, **inputs: Any) -> Any:
        payload = self.ask(mutation, input=inputs)["done"]
        assert payload["errors"] == []
        return payload["context"]

    def status_of(self, credential: str, address: str = "") -> int:
        """The answer to another credential, from an address that nobody has guessed at."""
        address = address or "10.0.{}.{}".format(*divmod(next(self.addresses), 256))
        sent = {"authorization": credential, "x-forwarded-for": address}
        return self.client.post("/graphql", json={"query": WHO}, headers=sent).status_code


@contextmanager
def serving(path: Path, key: str, clock: FakeClock, keys_url: str) -> Iterator[Server]:
    flags = (*FLAGS, *UNHURRIED, "--jwt-jwks-url", keys_url)
    with served(path, *QUIET, *flags, environment=clock.environment) as (_, said):
        url = url_of(said, "")
        headers = {"authorization": f"Bearer {key}"}
        with httpx2.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS) as client:
            yield Server(clock, client, url)


@CLOCK_JUMPS
def test_jumps_of_the_clock_change_no_page_no_limit_and_no_order_of_changes(
    trial: Trial, tmp_path: Path
):
    path, clock = new_registry(tmp_path / "registry.db"), FakeClock(tmp_path / "clock")
    key = command("keys", "create", "--new-admin", "Root", "--database", path).stdout.strip()
    rows: list[str] = []
    changed_at = ""

    with token_issuer.an_issuer() as issuer:
        for first in range(0, trial.rounds, len(JUMPS)):
            with serving(path, key, clock, issuer.url) as server:
                admin = server.ask(WHO)["viewer"]["actor"]["chittyId"]
                for number in range(first, min(first + len(JUMPS), trial.rounds)):
                    trial.at(number)
                    rows += [created(server, f"{number}-{each}", admin) for each in range(4)]
                    jump = JUMPS[number % len(JUMPS)]
                    jumps_between_pages(server, jump, rows, f"{number}-new", admin)
                    jumps_between_requests(server, clock.ahead - DAY * (-1) ** number, admin)
                    changed = server.done(UPDATE, chittyId=rows[0], data=[str(number)])
                    assert changed["updatedAt"] > changed_at
                    changed_at = changed["updatedAt"]


def created(server: Server, name: str, owner: str) -> str:
    """A new context, which must have the time of the server's clock."""
    context = server.done(CREATE, name=name, owner=owner)
    created_at = datetime.fromisoformat(context["createdAt"])
    assert abs(created_at - server.clock.now()) < timedelta(seconds=TIMEOUT_SECONDS)
    return str(context["chittyId"])


def jumps_between_pages(
    server: Server, ahead: timedelta, rows: list[str], name: str, owner: str
) -> None:
    """Read pages in each order, of which the clock jumps after the first."""
    first = min(100, len(rows) // 2)
    firsts = [page(server, by, first, None) for by in ORDERINGS]
    server.clock.set(ahead)
    new = created(server, name, owner)
    for by, (found, after) in zip(ORDERINGS, firsts, strict=True):
        while after:
            more, after = page(server, by, first, after)
            found += more
        assert sorted(set(found) - {new}) == sorted(rows)
        assert len(set(found)) == len(found)
    rows.append(new)


def page(server: Server, by: Any, first: int, after: str | None) -> tuple[list[str], str | None]:
    """What is on a page, and the cursor of the next one."""
    found = server.ask(PAGES, first=first, after=after, by=by and [by])["contexts"]
    info = found["pageInfo"]
    nodes = [node["chittyId"] for node in found["nodes"]]
    return nodes, info["endCursor"] if info["hasNextPage"] else None


def jumps_between_requests(server: Server, ahead: timedelta, admin: str) -> None:
    """Show tokens, guess credentials and send half a request before the clock jumps, and the rest after."""
    assert server.status_of(token(server, admin)) == 200
    guessed_at, waits = exhausted(server)
    with half_sent(server.url) as client:
        earlier = token(server, admin)
        assert server.status_of(earlier) == 200

        server.clock.set(ahead)

        assert server.status_of(earlier) == 401  # expired, or not valid yet
        assert server.status_of(token(server, admin)) == 200
        assert server.status_of(token(server, admin, WITHIN_LEEWAY)) == 200
        assert server.status_of(token(server, admin, -60 - WITHIN_LEEWAY)) == 200
        assert server.status_of(token(server, admin, BEYOND_LEEWAY)) == 401
        if time.monotonic() - guessed_at < waits / 2:
            assert server.status_of(WRONG, GUESSER) == 429
        client.sendall(b"\r\n")
        answer = received(client)
    assert (answer.status, json.loads(answer.body)) == (200, {"status": "ok"})


def token(server: Server, subject: str, later: int = 0) -> str:
    """A token that is good for a minute, begun so many seconds after the server's now."""
    now = int(server.clock.now().timestamp()) + later
    return "Bearer " + token_issuer.token(sub=subject, iat=now, nbf=now, exp=now + 60)


def exhausted(server: Server) -> tuple[float, float]:
    """Guess until the guesser is refused; when that was, and for how many seconds."""
    while server.status_of(WRONG, GUESSER) != 429:
        pass
    sent = {"authorization": WRONG, "x-forwarded-for": GUESSER}
    answer = server.client.post("/graphql", json={"query": WHO}, headers=sent)
    wait = float(answer.headers.get("retry-after", 0))
    assert wait <= 60
    return time.monotonic(), wait


def received(client: socket.socket) -> Answer:
    """The next answer, which may come in pieces."""
    content = b""
    while more := client.recv(2**16):
        content += more
        with suppress(NoAnswer):
            (answer,) = answers(content)
            return answer
    raise AssertionError(f"the connection was closed after {content!r}")


@contextmanager
def half_sent(url: str) -> Iterator[socket.socket]:
    """A connection that has been used, on which most of another request is sent."""
    address = urlsplit(url)
    with closing(socket.create_connection((address.hostname, address.port))) as client:
        client.settimeout(TIMEOUT_SECONDS)
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        received(client)
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        yield client
