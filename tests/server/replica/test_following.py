"""A replica follows its primary, says how old its copy is, and notices when it does not follow any more."""

import os
import signal
import statistics
from functools import partial
from pathlib import Path

import pytest

from tests.support.other_programs import litestream
from tests.support.running.waiting import wait_until
from tests.support.services.commands import command, complaint
from tests.support.services.replicas import (
    LAG,
    Server,
    lag_of,
    pair,
    primary,
    processes_of,
    replica,
    stopped,
)

pytestmark = pytest.mark.waits

# A busy machine may let heartbeats wait; without load half a second is usual.
MEDIAN_SECONDS = 5.0
LOOKS = 40


def test_a_replica_answers_reads_from_its_copy_and_says_how_old_that_is(tmp_path: Path):
    with pair(tmp_path) as both:
        both.primary.register("Ada")
        wait_until(lambda: "Ada" in both.replica.names())
        both.primary.register("Grace")
        wait_until(lambda: both.replica.names() == {"Ada", "Grace"})

        lags = [lag_of(both.replica.get("/graphql?query={__typename}")) for _ in range(LOOKS)]

        assert statistics.median(lags) < MEDIAN_SECONDS
        assert both.replica.get("/readyz").json() == {"status": "ready"}
        assert "\nchittygraph_replica_lag_seconds " in both.replica.get("/metrics").text
        assert LAG not in both.primary.get("/readyz").headers


def test_before_the_first_copy_has_arrived_a_replica_is_alive_and_not_ready(tmp_path: Path):
    bucket = tmp_path / "bucket"
    with (
        primary(tmp_path / "primary.db") as first,
        replica(tmp_path / "replica.db", bucket, first, waits=False) as second,
    ):
        assert second.get("/healthz").status_code == 200
        ready = second.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "not ready")
        assert "no copy" in ready.json()["advice"]
        answer = second.post("{ __typename }")
        assert (answer.status_code, answer.headers[LAG]) == (503, "unknown")
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
        assert answer.headers["retry-after"] == "1"
        status = command("status", "--database", second.database)
        assert "no copy" in status.stdout

        with litestream.replicating(first.database, bucket):
            first.register("Ada")
            wait_until(lambda: second.get("/readyz").status_code == 200)
            wait_until(lambda: second.names() == {"Ada"})


def test_a_follower_that_hangs_is_noticed_and_credentials_are_refused(tmp_path: Path):
    with pair(tmp_path, "--max-lag", "2", is_protected=True) as both:
        (following,) = processes_of(both.replica.database, "restore")
        with stopped(following):
            refused = wait_until(lambda: _refused(both.replica))
            ready = both.replica.get("/readyz")

        assert "s old" in refused
        assert (ready.status_code, ready.json()["status"]) == (503, "not ready")
        assert "s old" in ready.json()["advice"]
        wait_until(lambda: both.replica.get("/readyz").status_code == 200)
        assert both.replica.names() == {"Root"}


def _has(server: Server, name: str) -> bool:
    return name in server.names()


def _refused(server: Server) -> str | None:
    answer = server.post("{ __typename }")
    if answer.status_code == 200:
        return None
    assert answer.status_code == 503
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    message: str = error["message"]
    return message


def test_what_follows_is_started_again_when_it_is_killed(tmp_path: Path):
    with pair(tmp_path) as both:
        for word in ("restore", "server.replica.follower"):
            killed = _followers(both.replica.database, word)
            for each in killed:
                os.kill(each, signal.SIGKILL)
            both.primary.register(f"after {word}")

            wait_until(partial(_has, both.replica, f"after {word}"))
            assert not set(killed) & set(_followers(both.replica.database, word))


@pytest.mark.thorough
def test_what_follows_ends_with_the_server_however_it_ends(tmp_path: Path):
    with pair(tmp_path) as both:
        (following,) = processes_of(both.replica.database, "restore")

        both.replica.kill()

        wait_until(lambda: following not in processes_of(both.replica.database, "restore"))


def _followers(database: Path, word: str) -> list[int]:
    if word == "restore":
        return processes_of(database, word)
    return [
        int(Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[1])
        for each in processes_of(database, "restore")
    ]


def test_a_credential_revoked_on_the_primary_is_soon_refused_by_the_replica(tmp_path: Path):
    with pair(tmp_path, is_protected=True) as both:
        made = command(
            "keys", "create", "--new-admin", "Other", "--database", both.primary.database
        )
        key = made.stdout.strip()
        wait_until(lambda: both.replica.post("{ __typename }", key=key).status_code == 200)

        command("keys", "revoke", key.split("_")[1], "--database", both.primary.database)

        wait_until(lambda: both.replica.post("{ __typename }", key=key).status_code == 401)
        assert both.replica.post("{ __typename }").status_code == 200


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--replica-of", "/x"), "CHITTYGRAPH_PRIMARY must be set"),
        (("--primary", "http://127.0.0.1:1"), "CHITTYGRAPH_PRIMARY is for replicas"),
        (
            ("--replica-of", "/x", "--primary", "http://registry.example"),
            "must begin with https://",
        ),
        (
            ("--replica-of", "/x", "--primary", "http://127.0.0.1:1", "--demo"),
            "no replica does",
        ),
        (
            (
                "--replica-of",
                "/x",
                "--primary",
                "http://127.0.0.1:1",
                "--database",
                "rqlite://h:4001",
            ),
            "must be a path",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(flags: tuple[str, ...], says: str):
    done = command("serve", *flags)

    assert done.returncode == 2
    assert says in done.stderr


def test_a_registry_is_not_hidden_by_a_copy_and_a_missing_program_is_named(tmp_path: Path):
    following = ("--replica-of", "/x", "--primary", "http://127.0.0.1:1")
    (tmp_path / "registry.db").touch()

    hidden = command("serve", "--database", tmp_path / "registry.db", *following)
    missing = command(
        *("serve", "--database", tmp_path / "replica.db", *following),
        *("--litestream", tmp_path / "none"),
    )

    assert "is a registry of its own" in complaint(hidden)
    assert "CHITTYGRAPH_LITESTREAM" in complaint(missing)
