"""Secrets of webhooks are in the file and nowhere else: in no log line, listing, export or metric."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from tests.support.other_programs.webhook_receiver import Reply, receiving
from tests.support.registries.databases import new_registry
from tests.support.services.commands import command
from tests.support.services.outgoing import CREATE, REGISTER, WEBHOOKS
from tests.support.services.server_process import UNHURRIED, served, url_of

MOVE = """
    mutation($id: ID!, $url: String!) {
        updateWebhook(input: { id: $id, url: $url }) { errors { code } }
    }
"""
RESUME = "mutation($id: ID!) { resumeWebhook(input: { id: $id }) { errors { code } } }"
ROTATE = "mutation($id: ID!) { rotateWebhookSecret(input: { id: $id }) { secret } }"


def post(address: str, query: str, /, **variables: object) -> str:
    """What a server answers."""
    sent = {"query": query, "variables": variables}
    return httpx2.post(address, json=sent, timeout=60).text


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A registry with a webhook that failed: its file, the secret, and all that its server said since.

    Tests only read it.
    """
    file = tmp_path_factory.mktemp("used") / "registry.db"
    new_registry(file)
    with receiving(
        lambda got: Reply(500, {}, got.headers["webhook-signature"].encode())
    ) as receiver:
        flags = (*UNHURRIED, "--log-level", "debug", "--private-webhook-targets")
        with served(file, *flags) as (process, said):
            url = url_of(said, "/graphql")
            created = json.loads(post(url, CREATE, url=f"{receiver.url}?token=abc"))
            secret = created["data"]["createWebhook"]["secret"]
            post(url, REGISTER, name="Ada")
            receiver.wait_for(1)
            while '"failedAttempts":1' not in (listed := post(url, WEBHOOKS)):
                pass
            metrics = httpx2.get(url_of(said, "/metrics"), timeout=60).text
            process.terminate()
            out, err = process.communicate()
    return file, secret, f"{listed}{metrics}{out}{err}"


def test_the_server_says_it_once_and_nowhere_else(used: tuple[Path, str, str]):
    _, secret, said = used

    assert secret.removeprefix("whsec_") not in said
    assert '"failedAttempts":1' in said
    assert "outgoing webhook fails" in said
    assert "chittygraph_outgoing_attempts_total" in said


def test_no_log_line_has_the_url(used: tuple[Path, str, str]):
    _, _, said = used

    lines = [line for line in said.splitlines() if line.startswith('{"at"')]
    assert lines
    assert [line for line in lines if "token=abc" in line] == []


@pytest.mark.parametrize(
    "words",
    [
        ("sql", "SELECT secret FROM outgoing_webhooks"),
        ("sql", "SELECT * FROM outgoing_webhooks"),
        ("sql", "SELECT max(secret) FROM outgoing_webhooks"),
        ("sql", "SELECT url FROM outgoing_webhooks NATURAL JOIN (SELECT 'x' AS secret)"),
        ("sql", "SELECT url, last_error FROM outgoing_webhooks"),
        ("status",),
        ("status", "--json"),
        ("doctor",),
        ("doctor", "--json"),
        ("check",),
        ("export", "--jsonl"),
        ("export", "--csv", "actors"),
        ("export", "--sql"),
        ("audit", "export"),
    ],
    ids=" ".join,
)
def test_no_command_shows_it(used: tuple[Path, str, str], words: tuple[str, ...]):
    file, secret, _ = used
    ran = command(*words, "--database", file)

    assert secret.removeprefix("whsec_") not in ran.stdout + ran.stderr
    assert ran.stdout + ran.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("sql", "SELECT * FROM outgoing_webhooks_before_recreation"),
        (
            "sql",
            "SELECT url FROM outgoing_webhooks_before_recreation NATURAL JOIN (SELECT '' AS secret)",
        ),
        ("export", "--sql"),
    ],
    ids=" ".join,
)
def test_no_command_shows_it_of_a_table_that_was_set_aside(
    used: tuple[Path, str, str], tmp_path: Path, words: tuple[str, ...]
):
    original, secret, _ = used
    file = Path(shutil.copy(original, tmp_path))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(
            "CREATE TABLE outgoing_webhooks_before_recreation AS SELECT * FROM outgoing_webhooks"
        )
    ran = command(*words, "--database", file)

    assert secret.removeprefix("whsec_") not in ran.stdout + ran.stderr
    assert "outgoing_webhooks_before_recreation" in ran.stdout + ran.stderr


def test_a_webhook_that_was_restored_from_a_dump_waits_for_a_secret_and_misses_nothing(
    used: tuple[Path, str, str], tmp_path: Path
):
    file, _, _ = used
    again = tmp_path / "again.db"
    assert command("export", "--sql", "--output", tmp_path / "dump.sql", "--database", file)
    command("restore", tmp_path / "dump.sql", "--database", again)
    warned = command("doctor", "--database", again).stdout
    told = command("status", "--database", again).stdout
    with (
        receiving() as receiver,
        served(again, *UNHURRIED, "--private-webhook-targets") as (_, said),
    ):
        url = url_of(said, "/graphql")
        (paused,) = json.loads(post(url, WEBHOOKS))["data"]["webhooks"]["nodes"]
        post(url, MOVE, id=paused["id"], url=receiver.url)
        post(url, RESUME, id=paused["id"])
        post(url, REGISTER, name="Grace")
        (still,) = json.loads(post(url, WEBHOOKS))["data"]["webhooks"]["nodes"]
        came_before = list(receiver.received)
        secret = json.loads(post(url, ROTATE, id=paused["id"]))["data"]["rotateWebhookSecret"][
            "secret"
        ]
        receiver.wait_until(lambda: len(receiver.taken) == 2)

    assert "rotateWebhookSecret" in warned
    assert f"{paused['id']} is paused (cannot_sign)" in told
    for each in (paused, still):
        assert (each["status"], each["pausedBecause"]) == ("PAUSED", "CANNOT_SIGN")
    assert came_before == []
    names = [each["data"]["after"]["displayName"] for each in receiver.messages(secret)]
    assert names == ["Ada", "Grace"]


def test_it_is_in_the_file_and_in_nothing_of_the_history(used: tuple[Path, str, str]):
    file, secret, _ = used

    with closing(sqlite3.connect(file)) as connection:
        stored = connection.execute("SELECT secret FROM outgoing_webhooks").fetchall()
        changes = str(connection.execute("SELECT * FROM changes").fetchall())
        excerpts = str(connection.execute("SELECT excerpt FROM outgoing_deliveries").fetchall())

    assert stored == [(secret,)]
    assert secret.removeprefix("whsec_") not in changes + excerpts
