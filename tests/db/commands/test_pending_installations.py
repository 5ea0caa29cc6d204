"""Pending installations: their deliveries are stored, and applied once there is a ChittyID."""

import asyncio
import json
import signal
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from db.commands import pending_installations
from db.commands.pending_installations import ClaimTerm
from db.model import instants
from db.program import Statement, rows
from resolvers.github import deliveries as deliveries
from server.endpoints.github_webhooks import PATH
from server.identity import minting
from server.identity.authority import Authority
from tests.support.other_programs.github_payloads import (
    SECRET,
    changed,
    example,
    github_at,
    signature,
)
from tests.support.other_programs.identity_authority import an_authority, named
from tests.support.registries.databases import elsewhere, opened
from tests.support.registries.record_installation import INSTALLED, RECORD
from tests.support.services.api import Api
from tests.support.services.commands import command_process
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

CREATED = "installation", "created"
LOGIN = "SELECT account_login FROM installations"


@pytest.fixture
def authority():
    with an_authority() as authority:
        yield authority


@pytest.fixture
async def github(authority, tmp_path, monkeypatch):
    """A server whose own task gets no second turn, so that the test says when it is later."""
    monkeypatch.setattr(minting, "RETRY_SECONDS", 3600)
    async with github_at(tmp_path, chittyid_url=authority.url) as github:
        yield github


@pytest.fixture
async def client(authority):
    """Another process's way to the authority, with a circuit of its own."""
    client = Authority(f"{authority.url}/v1/mint")
    yield client
    await client.close()


def created_as(number):
    """The delivery of another installation."""
    return changed(example(*CREATED), lambda payload: payload["installation"].update(id=number))


async def identified(database, mint):
    return [each async for each in deliveries.identify_pending(database, mint)]


async def identified_later(database, mint):
    """The same once everybody has waited long enough."""
    await database.write(pending_installations.ask_again(refused_too=True))
    return await identified(database, mint)


async def test_a_delivery_is_applied_at_once_if_the_authority_responds(github, authority):
    answer = await github.send("installation", example(*CREATED))

    assert (answer.status_code, answer.json()) == (200, {"outcome": "applied"})
    [asked] = authority.asked
    assert asked.body["type"] == "INSTALLATION"
    assert await github.table("waiting_installations") == []


async def test_no_id_is_minted_for_an_installation_that_has_one(github, authority):
    await github.send("installation", example(*CREATED))
    await github.send("installation", example(*CREATED), delivery="2")
    await github.send("push", {"installation": {"id": 957387}})

    assert len(authority.asked) == 1


@pytest.mark.parametrize("status", [403, 503])
async def test_without_an_id_a_delivery_is_stored_and_not_applied(github, authority, status):
    authority.refuse(status)

    answer = await github.send("installation", example(*CREATED))

    assert (answer.status_code, answer.json()) == (202, {"outcome": "waiting"})
    assert await github.table("installations") == []
    assert await github.table("webhook_deliveries", "outcome, times") == [("waiting", 1)]
    assert await github.table("waiting_installations", "installation_id") == [(957387,)]


async def test_a_pending_installation_gets_all_facts_that_arrived_meanwhile(
    github, authority, client
):
    created = example(*CREATED)
    authority.refuse(503)
    await github.send("installation", created)
    added = changed(
        example("installation_repositories", "added"),
        lambda payload: payload.update(installation=created["installation"]),
    )
    await github.send("installation_repositories", added)
    authority.otherwise = authority.mint

    [(installation_id, row)] = await identified_later(github.database, client.mint)

    assert (installation_id, row.account_login) == (957387, "Codertocat")
    assert await github.row("chitty_id", "selected_repositories") == (
        row.chitty_id,
        '["Codertocat/Hello-World","Codertocat/Space"]',
    )
    assert await github.table("webhook_deliveries", "DISTINCT outcome") == [("applied",)]
    assert await github.table("waiting_installations") == []


async def test_a_redelivery_tries_to_mint_again(github, authority):
    authority.refuse(503)
    await github.send("installation", example(*CREATED))
    still = await github.send("installation", example(*CREATED), delivery="2")
    authority.otherwise = authority.mint

    again = await github.send("installation", example(*CREATED), delivery="3")

    assert still.json() == {"outcome": "waiting"}
    assert (again.status_code, again.json()) == (200, {"outcome": "applied"})
    assert await github.table("webhook_deliveries", "outcome, times") == [("applied", 3)]


async def test_an_installation_with_missing_columns_is_not_pending(github, authority):
    without_account = changed(
        example(*CREATED), lambda payload: payload["installation"].update(account=None)
    )

    answer = await github.send("installation", without_account)

    assert (answer.status_code, answer.json()) == (202, {"outcome": "stored"})
    assert authority.asked == []


async def test_two_processes_mint_one_id(github, authority, client, tmp_path):
    authority.refuse(503)
    await github.send("installation", example(*CREATED))
    authority.otherwise = authority.mint
    authority.asked.clear()

    async with opened(tmp_path / "registry.db") as other:
        await other.write(pending_installations.ask_again(refused_too=True))
        rounds = [identified(database, client.mint) for database in (github.database, other)]
        found = [each for round_ in await asyncio.gather(*rounds) for each in round_]

    assert len(authority.asked) == 1
    assert [row.installation_id for _, row in found] == [957387]


async def test_a_claim_excludes_others_until_it_expires(github, authority):
    authority.refuse(503)
    await github.send("installation", example(*CREATED))
    past = instants.canonical(datetime.now(UTC) - timedelta(seconds=1))
    database = github.database

    await database.write(pending_installations.ask_again(refused_too=True))
    claimed = await database.write(pending_installations.claim(ClaimTerm()))
    while_claimed = await database.read(pending_installations.any_due())
    second = await database.write(pending_installations.claim(ClaimTerm()))
    await github.send("installation", example(*CREATED), delivery="2")
    await database.write(_claims_ending(past))
    after = await database.read(pending_installations.any_due())

    assert (claimed.installation_id, while_claimed, second, after) == (957387, False, None, True)
    assert len(authority.asked) == 2  # by the first delivery: the second left it to the claimant


def _claims_ending(at):
    return rows(Statement("UPDATE waiting_installations SET claimed_until = :at", {"at": at}))


async def test_an_installation_that_gets_no_id_does_not_delay_the_others(github, authority, client):
    authority.refuse(403)
    for number in (1, 2, 3):
        await github.send("installation", created_as(number))
    refusing, authority.otherwise = authority.otherwise, authority.mint
    authority.answers = [refusing(None)]

    first_round = await identified_later(github.database, client.mint)
    second_round = await identified_later(github.database, client.mint)

    assert [(number, row is not None) for number, row in first_round] == [(1, False)]
    assert [(number, row is not None) for number, row in second_round] == [
        (2, True),
        (3, True),
        (1, True),
    ]


async def test_if_the_minted_id_is_in_use_another_is_minted(github, authority):
    taken = "CHITTY-INSTALLATION-TAKEN"
    authority.answers = [named(taken)] * 3

    first = await github.send("installation", example(*CREATED))
    second = await github.send("installation", created_as(2))

    assert [first.json()["outcome"], second.json()["outcome"]] == ["applied", "waiting"]
    assert await github.row("installation_id", "chitty_id") == (957387, taken)
    assert len(authority.asked) == 3


async def test_an_installation_that_is_recorded_meanwhile_is_no_longer_pending(
    github, authority, client
):
    authority.refuse(503)
    await github.send("installation", example(*CREATED))
    api = Api(None, github.client)
    given = {**INSTALLED, "installationId": "957387", "chittyId": "CHITTY-INSTALLATION-BY-HAND"}
    await api.ask(RECORD, input=given)
    authority.asked.clear()

    found = await identified(github.database, client.mint)

    assert (found, authority.asked) == ([], [])
    assert await github.row("chitty_id", "account_login") == (given["chittyId"], "octocat")
    assert await github.table("webhook_deliveries", "outcome") == [("applied",)]
    assert await github.table("waiting_installations") == []


async def test_a_server_mints_for_pending_installations_by_itself(authority, tmp_path, monkeypatch):
    monkeypatch.setattr(minting, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(pending_installations, "FIRST_WAIT", timedelta(seconds=0.05))
    authority.refuse(403)

    async with github_at(tmp_path, chittyid_url=authority.url) as github:
        await github.send("installation", example(*CREATED))
        authority.otherwise = authority.mint
        with elsewhere(tmp_path / "registry.db") as connection:
            row = await asyncio.to_thread(_first, connection, LOGIN)

    assert row == ("Codertocat",)


def test_a_server_killed_before_it_got_an_id_applies_the_delivery_after_a_restart(
    authority, tmp_path
):
    path = tmp_path / "registry.db"
    flags = ("--github-webhook-secret", SECRET, "--chittyid-url", authority.url)
    authority.refuse(503)
    with served(path, *flags) as (process, said):
        answer = _send(url_of(said, PATH), "installation", example(*CREATED))
        process.send_signal(signal.SIGKILL)
        process.wait()
    authority.otherwise = authority.mint
    authority.asked.clear()

    with served(path, *flags), closing(sqlite3.connect(path)) as connection:
        row = _first(connection, LOGIN)
        outcomes = connection.execute("SELECT outcome FROM webhook_deliveries").fetchall()

    assert (answer.status_code, answer.json()) == (202, {"outcome": "waiting"})
    assert row == ("Codertocat",)
    assert outcomes == [("applied",)]
    assert len(authority.asked) == 1


def _send(url, event, payload):
    body = json.dumps(payload).encode()
    headers = {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": "1",
        "x-hub-signature-256": signature(body),
    }
    return httpx2.post(url, content=body, headers=headers, timeout=TIMEOUT_SECONDS)


def _first(connection, sql):
    """The first row of what another process has yet to write."""
    for _ in range(10 * TIMEOUT_SECONDS):
        if found := connection.execute(sql).fetchone():
            return found
        time.sleep(0.1)
    raise AssertionError("it was never written")


def test_a_replay_reports_pending_installations_and_the_next_one_identifies_them(
    authority, tmp_path
):
    (tmp_path / "saved.json").write_text(json.dumps(example(*CREATED)))
    other = tmp_path / "other"
    other.mkdir()
    (other / "ping.json").write_text('{"zen": "", "hook": {}}')
    flags = ("--database", str(tmp_path / "registry.db"), "--chittyid-url", authority.url)
    authority.refuse(503)

    waits = _replay(tmp_path / "saved.json", *flags)
    authority.otherwise = authority.mint
    ends = _replay(other, *flags)

    assert waits.returncode == 1
    assert f"{tmp_path}/saved.json: waiting\n" in waits.stdout
    assert "installations wait for a ChittyID" in waits.stderr
    assert (ends.returncode, ends.stderr) == (0, "")
    assert ends.stdout == (
        f"{other}/ping.json: pong\ninstallation 957387: applied\n1 payload: 1 pong\n"
    )


def _replay(path, *flags):
    return command_process("webhooks", "replay", path, *flags)
