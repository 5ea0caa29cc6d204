"""An installation that the identity authority refuses is asked for less and less often, and shown."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from db.commands import pending_installations
from db.commands.pending_installations import ClaimTerm
from db.model.tables import Installation
from db.program import Statement, rows
from resolvers.github import deliveries
from server.identity import minting
from tests.support.engines.engine import present
from tests.support.other_programs.github_payloads import GitHub, changed, example, github_at
from tests.support.other_programs.identity_authority import Authority, an_authority
from tests.support.registries.databases import elsewhere
from tests.support.services.commands import command
from tests.support.services.doctor import Examination
from tests.support.services.log_capture import captured_logs

STATE = "failures, refused, reason"


@pytest.fixture
def authority() -> Iterator[Authority]:
    with an_authority() as authority:
        yield authority


@pytest.fixture(autouse=True)
def one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server looks once, when it starts, so that the test says when it looks again."""
    monkeypatch.setattr(minting, "RETRY_SECONDS", 3600)


@pytest.fixture
async def github(authority: Authority, tmp_path: Path) -> AsyncIterator[GitHub]:
    async with github_at(tmp_path, chittyid_url=authority.url) as github:
        yield github


async def create(github: GitHub, *numbers: int, delivery: str = "1") -> list[str]:
    """The outcomes of the deliveries that tell of these installations."""
    outcomes = []
    for number in numbers:
        created = changed(
            example("installation", "created"),
            lambda payload, number=number: payload["installation"].update(id=number),  # type: ignore[misc]
        )
        answer = await github.send("installation", created, delivery=delivery)
        outcomes.append(answer.json()["outcome"])
    return outcomes


async def look(github: GitHub) -> list[tuple[int, Installation | None]]:
    """What a server does every few seconds."""
    mint = github.service.operations.mint
    return [each async for each in deliveries.identify_pending(github.database, mint)]


async def wait(github: GitHub, *, only: str = "TRUE") -> None:
    """Let the time pass until these are due."""
    sql = f"UPDATE waiting_installations SET retry_at = '' WHERE {only}"
    await github.database.write(rows(Statement(sql)))


@pytest.mark.parametrize(
    ("status", "longest"), [(403, timedelta(hours=1)), (503, timedelta(minutes=1))]
)
async def test_each_failure_doubles_the_wait_up_to_the_longest(
    github: GitHub, authority: Authority, status: int, longest: timedelta
):
    authority.refuse(status)
    expected = timedelta(seconds=10)

    for failures in range(1, 12):
        before = datetime.now(UTC)
        if failures == 1:
            await create(github, 1)
        else:
            await wait(github)
            await look(github)
        ((counted, retry_at),) = await github.table("waiting_installations", "failures, retry_at")

        assert counted == failures
        wait_until = datetime.fromisoformat(retry_at)
        assert 0.75 * expected - timedelta(seconds=0.001) <= wait_until - before
        assert wait_until - datetime.now(UTC) <= expected
        assert await look(github) == []  # it is not due yet
        expected = min(2 * expected, longest)


async def test_a_refusal_and_a_failure_are_told_apart_and_logged_when_they_change(
    github: GitHub, authority: Authority
):
    with captured_logs() as heard:
        for status in (401, 401, 401, 403, 403, 503, 503, 403):
            authority.refuse(status)
            await (wait(github) if authority.asked else create(github, 1))
            await look(github)
        authority.otherwise = authority.mint
        await wait(github)
        [(_, row)] = await look(github)

    refused = heard.lines("installation refused a chitty id")
    assert [line["reason"] for line in refused] == ["status 401", "status 403", "status 403"]
    assert len(heard.lines("installation waits for a chitty id")) == 1
    reasons = [line["reason"] for line in heard.lines("chitty id refused")]
    assert reasons == ["status 401", "status 403", "status 403"]
    assert len(heard.lines("chitty id not minted")) == 1
    assert row is not None


async def test_one_of_those_that_were_refused_asks_for_all_and_an_id_ends_the_wait_of_all(
    github: GitHub, authority: Authority
):
    authority.refuse(403)
    await create(github, 1, 2, 3)
    authority.asked.clear()
    await wait(github)

    first, second = await look(github), await look(github)
    asked = len(authority.asked)
    authority.otherwise = authority.mint
    await wait(github, only="installation_id = 2")
    last = await look(github)

    assert (first, second, asked) == ([(1, None)], [], 1)
    assert [(number, row is not None) for number, row in last] == [(2, True), (3, True), (1, True)]


async def test_a_refused_installation_does_not_delay_one_that_failed(
    github: GitHub, authority: Authority
):
    authority.refuse(403)
    await create(github, 1)
    authority.refuse(503)
    await create(github, 2)
    await wait(github, only="NOT refused")
    authority.otherwise = authority.mint

    found = await look(github)

    assert [number for number, _ in found] == [2]
    assert await github.table("waiting_installations", "installation_id") == [(1,)]


async def test_a_restart_resets_no_wait_after_a_refusal(authority: Authority, tmp_path: Path):
    for status in (403, 503):
        authority.refuse(status)
        async with github_at(tmp_path, chittyid_url=authority.url) as github:
            await create(github, status)
            before = await github.table("waiting_installations", "installation_id, retry_at")
    authority.asked.clear()
    authority.otherwise = authority.mint

    async with github_at(tmp_path, chittyid_url=authority.url) as github:
        while len(after := await github.table("waiting_installations", STATE)) == 2:
            authority.was_asked.wait(0.01)

    assert [number for number, _ in before] == [403, 503]
    assert after == [(1, 1, "status 403")]
    assert len(authority.asked) == 1


async def test_a_server_that_mints_by_itself_waits_for_nobody(authority: Authority, tmp_path: Path):
    authority.refuse(403)
    async with github_at(tmp_path, chittyid_url=authority.url) as github:
        await create(github, 1)

    async with github_at(tmp_path) as github:
        while await github.table("waiting_installations"):
            authority.ended.wait(0.01)

        assert await github.row("installation_id") == (1,)


async def test_a_redelivery_asks_for_a_refused_installation_at_once(
    github: GitHub, authority: Authority
):
    authority.refuse(403)
    refused = await create(github, 1)
    authority.otherwise = authority.mint

    again = await create(github, 1, delivery="2")

    assert (refused, again) == (["waiting"], ["applied"])


async def test_two_claims_of_one_moment_are_told_apart(github: GitHub, authority: Authority):
    authority.refuse(403)
    await create(github, 1, 2)
    await wait(github)
    terms = [ClaimTerm(until="2999-01-01T00:00:00.000Z") for _ in range(2)]

    claims = [await github.database.write(pending_installations.claim(term)) for term in terms]
    found = [
        await github.database.read(
            rows(
                Statement(
                    f"SELECT installation_id FROM {pending_installations.OF_CLAIM}", term.bind
                )
            )
        )
        for term in terms
    ]

    assert [claim and claim.installation_id for claim in claims] == [1, 2]
    assert found == [[(1,)], [(2,)]]


def status_of(path: Path, *flags: str) -> str:
    return command("status", "--database", present().url(path), *flags).stdout


async def test_status_and_doctor_show_what_waits_and_what_to_do(
    authority: Authority, tmp_path: Path
):
    path = tmp_path / "registry.db"
    async with github_at(tmp_path, chittyid_url=authority.url) as github:
        authority.refuse(503)
        await create(github, 2)
        failed, warned = status_of(path), Examination(path)
        authority.refuse(401)
        await create(github, 1)
        refused, found = status_of(path), Examination(path)
    report = json.loads(status_of(path, "--json"))["waiting"]

    assert "waiting   1 installations have no ChittyID yet" in failed
    assert "see that the identity authority answers" in failed
    assert warned.levels("chitty ids") == ["warning"]
    assert "installation 1 since" in refused
    assert "refused 1 times (status 401), asked for again after 20" in refused
    assert "correct CHITTYGRAPH_CHITTYID_URL or CHITTYGRAPH_CHITTYID_TOKEN" in refused
    assert found.levels("chitty ids") == ["problem"]
    assert "chittygraph webhooks identify" in found.found("chitty ids")
    assert (report["count"], report["refused"]) == (2, 1)
    assert report["first"][0]["installation_id"] == 1


async def test_a_command_asks_for_refused_installations_at_once(
    authority: Authority, tmp_path: Path
):
    async with github_at(tmp_path, chittyid_url=authority.url) as github:
        authority.refuse(403)
        await create(github, 1)
    flags: tuple[Any, ...] = (
        "--database",
        present().url(tmp_path / "registry.db"),
        "--chittyid-url",
        authority.url,
    )

    refused = command("webhooks", "identify", *flags)
    authority.otherwise = authority.mint
    done = command("webhooks", "identify", *flags)

    assert (refused.returncode, refused.stdout) == (1, "installation 1: waiting\n")
    assert "`chittygraph status` says why" in refused.stderr
    assert (done.returncode, done.stdout) == (0, "installation 1: applied\n")
    with elsewhere(tmp_path / "registry.db") as connection:
        assert connection.execute("SELECT count(*) FROM installations").fetchone() == (1,)
