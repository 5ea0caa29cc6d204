"""A replica forwards to its primary what writes, and what has to see what its viewer wrote."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.other_programs.litestream import replicating, require_litestream
from tests.support.requests.event_streams import listening
from tests.support.requests.websocket_clients import acknowledged
from tests.support.running.waiting import wait_until
from tests.support.services.commands import command_process
from tests.support.services.replicas import (
    LAG,
    MARK,
    NAMES,
    REGISTER,
    Pair,
    Server,
    lag_of,
    pair,
    primary,
    processes_of,
    replica,
    stopped,
)

STRONG = {"x-chittygraph-consistency": "strong"}

CHANGES = "subscription { changes { operation } }"

pytestmark = pytest.mark.waits


@pytest.fixture(scope="module")
def open_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A primary and its replica in open mode; each test writes names of its own."""
    with pair(tmp_path_factory.mktemp("open")) as found:
        yield found


@pytest.fixture
def both(open_pair: Pair) -> Pair:
    """Both, once the copy has all that tests before have written: reads are not forwarded any more."""
    wait_until(lambda: lag_of(open_pair.replica.post(NAMES)) > 0)
    return open_pair


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The same in protected mode."""
    with pair(tmp_path_factory.mktemp("protected"), is_protected=True) as found:
        yield found


def test_a_viewer_sees_at_once_what_it_wrote_through_any_replica(both: Pair, tmp_path: Path):
    with replica(tmp_path / "other.db", both.bucket, both.primary) as other:
        for number in range(20):
            answer = both.replica.register(f"A{number}")
            assert answer.json()["data"]["registerActor"]["errors"] == []
            assert lag_of(answer) == 0
            assert f"A{number}" in both.replica.names()
            # By its mark, also where nobody knows what it has written.
            assert f"A{number}" in other.names({MARK: answer.headers[MARK]})
        direct = both.primary.register("direct")
        assert "direct" in both.replica.names({MARK: direct.headers[MARK]})


@pytest.mark.thorough
def test_workers_of_a_replica_tell_each_other_who_has_written(tmp_path: Path):
    with pair(tmp_path, "--workers", "2") as both:
        for number in range(20):
            both.replica.register(f"A{number}")
            assert f"A{number}" in both.replica.names()


def test_reads_that_ask_for_more_are_forwarded(both: Pair):
    (following,) = processes_of(both.replica.database, "restore")
    with stopped(following):
        both.primary.register("Ada")
        old = both.replica.post(NAMES)
        assert "Ada" not in old.text
        assert "Ada" in both.replica.names(STRONG)
        wait_until(lambda: lag_of(both.replica.post(NAMES)) > 1)
        assert "Ada" in both.replica.names({"x-chittygraph-consistency": "none; freshness=1"})
        assert "Ada" not in both.replica.names(
            {"x-chittygraph-consistency": "none; freshness=3600"}
        )


def test_a_forwarded_mutation_is_answered_as_the_primary_answers_it(guarded: Pair):
    before, key = guarded.primary.names(), {"idempotency_key": '"once"'}
    first = guarded.replica.register("Ada", **key)
    again = guarded.replica.register("Ada", **key)
    other = guarded.replica.register("Grace", **key)
    wrong = guarded.replica.post("mutation { registerActor }")
    streamed = guarded.replica.register("Edsger", accept="text/event-stream")
    by_get = httpx2.get(
        guarded.replica.url,
        params={"query": "mutation { __typename }"},
        headers={"authorization": f"Bearer {guarded.replica.key}"},
        trust_env=False,
    )

    assert first.json()["data"]["registerActor"]["errors"] == []
    assert again.json() == first.json()
    assert other.status_code == 422
    assert other.json()["errors"][0]["extensions"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert wrong.json() == guarded.primary.post("mutation { registerActor }").json()
    assert "event: next" in streamed.text
    assert by_get.status_code == 405
    assert guarded.primary.names() == {*before, "Ada", "Edsger"}


async def test_subscriptions_tell_changes_as_they_reach_the_copy(both: Pair):
    async with listening(both.replica.url, CHANGES) as stream:
        both.primary.register("Barbara")
        told = await stream.next()
        assert told["data"]["changes"]["operation"] == "CREATED"
        assert both.copied("Barbara")


def test_responses_have_tags_that_change_with_the_copy(both: Pair):
    with stopped(both.primary.process.pid):  # no heartbeat comes
        first = wait_until(lambda: _with_tag(both.replica))
        again = wait_until(lambda: _not_modified(both.replica, first))
    assert lag_of(again) >= 0

    both.primary.register("Radia")

    wait_until(lambda: both.copied("Radia"))
    wait_until(lambda: not _not_modified(both.replica, first))


def _get(server: Server, tag: str = "") -> httpx2.Response:
    shown = {"if-none-match": tag} if tag else {}
    sent = {"query": NAMES}
    return httpx2.get(server.url, params=sent, headers=shown, timeout=300, trust_env=False)


def _with_tag(server: Server) -> str | None:
    return _get(server).headers.get("etag")


def _not_modified(server: Server, tag: str) -> httpx2.Response | None:
    answer = _get(server, tag)
    return answer if answer.status_code == 304 else None


async def test_mutations_on_websockets_and_streams_are_forwarded(guarded: Pair):
    before, bearer = guarded.primary.names(), f"Bearer {guarded.replica.key}"
    async with acknowledged(guarded.replica.url, bearer) as socket:
        told = await socket.ask(REGISTER, variables={"name": "Frances"})
        assert told["data"]["registerActor"]["errors"] == []
        told = await socket.ask(NAMES, "2")
        assert "Frances" in json.dumps(told)
        assert (await socket.refused(REGISTER, variables={}))["message"]
    shown = {"authorization": bearer}
    async with httpx2.AsyncClient(trust_env=False, timeout=60, headers=shown) as client:
        token = (await client.put(f"{guarded.replica.url}/stream")).text
        url = f"{guarded.replica.url}/stream?token={token}"
        async with client.stream("GET", url) as stream:
            sent = {
                "query": REGISTER,
                "variables": {"name": "Katherine"},
                "extensions": {"operationId": "1"},
            }
            assert (await client.post(url, json=sent)).status_code == 202
            async for line in stream.aiter_lines():
                if "Katherine" in line:
                    break
    assert guarded.primary.names() == {*before, "Frances", "Katherine"}


def test_without_its_primary_a_replica_still_reads_and_says_what_was_not_written(tmp_path: Path):
    with pair(tmp_path) as both:
        both.replica.register("Ada")
        wait_until(lambda: both.copied("Ada"))
        both.primary.kill()

        unsure = both.replica.register("Grace")  # by a connection that was open
        unsent = both.replica.register("Grace")

        assert {unsure.status_code, unsent.status_code} == {503}
        (error,) = unsent.json()["errors"]
        assert error["extensions"]["code"] == "UNAVAILABLE"
        assert "nothing was written" in error["message"]
        assert unsent.headers["retry-after"] == "1"
        assert both.replica.names() == {"Ada"}
        assert both.replica.post(NAMES, STRONG).status_code == 503


@pytest.mark.thorough
def test_an_answer_that_is_lost_is_said_to_be_unknown(tmp_path: Path):
    with pair(tmp_path) as both:
        both.replica.register("Ada")  # so that a connection is open
        with stopped(both.primary.process.pid):
            answer = httpx2.post(
                both.replica.url,
                json={"query": REGISTER, "variables": {"name": "Grace"}},
                headers={"idempotency-key": '"again"'},
                timeout=120,
                trust_env=False,
            )

        assert answer.status_code == 503
        assert "may have been applied" in answer.text
        assert "same Idempotency-Key" in answer.text
        wait_until(
            lambda: both.replica.register("Grace", idempotency_key='"again"').status_code == 200
        )
        assert both.primary.names() == {"Ada", "Grace"}


@pytest.mark.thorough
def test_a_replica_of_a_replica_is_refused(tmp_path: Path):
    with pair(tmp_path) as both:
        done = command_process(
            *("serve", "--database", tmp_path / "third.db", "--port", "0"),
            *("--replica-of", both.bucket, "--primary", both.replica.base),
            *("--litestream", require_litestream()),
        )
        sent = both.replica.register("Ada", x_chittygraph_forwarded="1")

        assert done.returncode == 1
        assert "leads to another replica" in done.stderr
        assert sent.status_code == 503
        assert "leads to another replica" in sent.text
        assert both.primary.names() == set()


def test_webhooks_of_github_are_refused_with_a_sentence(both: Pair):
    answer = httpx2.post(f"{both.replica.base}/webhooks/github", json={}, trust_env=False)

    assert answer.status_code == 503
    assert "this server is a replica" in answer.json()["errors"][0]["message"]


@pytest.mark.thorough
def test_a_primary_without_heartbeats_makes_no_replica_ready(tmp_path: Path):
    with primary(tmp_path / "primary.db", "--heartbeat-seconds", "0") as first:
        bucket = tmp_path / "bucket"
        with (
            replicating(first.database, bucket),
            replica(tmp_path / "replica.db", bucket, first, waits=False) as second,
        ):
            first.register("Ada")
            ready = wait_until(lambda: _told(second))
            assert "CHITTYGRAPH_HEARTBEAT_SECONDS" in ready
            answer = wait_until(
                lambda: second.post(NAMES) if second.post(NAMES).is_success else None
            )
            assert answer.headers[LAG] == "unknown"


def _told(server: Server) -> str | None:
    ready = server.get("/readyz")
    assert ready.status_code == 503
    advice: str = ready.json().get("advice", "")
    return advice if "HEARTBEAT" in advice else None
