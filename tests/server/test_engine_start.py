"""A server starts on an engine over HTTP once that is there, migrates it once, and shows no password."""

import base64
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from db.migrating import ledger
from tests.support.other_programs import rqlite
from tests.support.other_programs.rqlite import Account
from tests.support.services.commands import command, command_process, complaint
from tests.support.services.engines import carry_out, on_each
from tests.support.services.forked import start_command
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

NAMES = [migration.name for migration in ledger.load(ledger.MIGRATIONS)]
QUERY = {"query": "{ contexts(first: 3) { totalCount nodes { name owner { displayName } } } }"}
CREATE = {
    "query": """mutation ($name: String!) {
        registerActor(input: {actorType: HUMAN, displayName: $name}) {
            actor { displayName } errors { message }
        }
    }"""
}
SECRET = "s3cret:hunter2/@"


def post(said: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    """What the server that said this answers to an operation."""
    url = url_of(said, "/graphql")
    answer = httpx2.post(url, json=body, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False)
    found: dict[str, Any] = answer.json()
    return found


@on_each
def test_a_server_with_two_workers_fills_and_serves_a_registry(engine_url: str):
    environment = {"CHITTYGRAPH_DATABASE": engine_url}
    with served(engine_url, "--demo", "--workers", "2", environment=environment) as (_, said):
        announced = json.loads(said)
        read = post(said, QUERY)
        written = post(said, CREATE | {"variables": {"name": "Grace"}})
        ready = httpx2.get(url_of(said, "/readyz"), timeout=TIMEOUT_SECONDS, trust_env=False)

    assert announced["migrations_applied"] == len(NAMES)
    assert announced["demonstration"]["contexts"] == 120
    assert announced["workers"] == 2
    assert len(read["data"]["contexts"]["nodes"]) == 3
    assert written["data"]["registerActor"] == {"actor": {"displayName": "Grace"}, "errors": []}
    assert ready.json() == {"status": "ready"}


@pytest.mark.thorough
def test_three_servers_that_start_at_once_migrate_once(tmp_path: Path):
    with rqlite.cluster(tmp_path, 3) as cluster, ExitStack() as stack:
        with ThreadPoolExecutor(3) as pool:
            starts = [pool.submit(stack.enter_context, served(cluster.url)) for _ in range(3)]
            announced = [json.loads(start.result()[1]) for start in starts]
        cluster.wait_until_equal()
        recorded = [node.query(ledger.APPLIED) for node in cluster.nodes]

    # One whose answer was lost is told by nobody.
    assert 0 < sum(each["migrations_applied"] for each in announced) <= len(NAMES)
    assert recorded[0] == recorded[1] == recorded[2]
    assert [name for name, _ in recorded[0]] == NAMES


async def test_a_server_is_not_ready_without_a_trigger_and_a_restart_mends_it(engine_url: str):
    with served(engine_url) as (_, said):
        await carry_out(engine_url, "DROP TRIGGER contexts_history")
        lost = httpx2.get(url_of(said, "/readyz"), timeout=TIMEOUT_SECONDS, trust_env=False)
    with served(engine_url) as (_, said):
        back = httpx2.get(url_of(said, "/readyz"), timeout=TIMEOUT_SECONDS, trust_env=False)

    assert lost.status_code == 503
    assert lost.json() == {"status": "not ready", "advice": "restart the server"}
    assert back.json() == {"status": "ready"}


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Servers that were started and may still wait; they do not outlive the test."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_server_waits_for_an_engine_that_starts_later(
    tmp_path: Path, starting: list[subprocess.Popen[str]]
):
    with rqlite.cluster(tmp_path) as cluster:
        (node,) = cluster.nodes
        node.kill()
        process = start_command(
            *("serve", "--database", cluster.url, "--port", "0", "--log-level", "warning"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        starting.append(process)
        assert process.stderr
        assert process.stdout
        waiting = json.loads(process.stderr.readline())
        node.start()
        announced = json.loads(process.stdout.readline())

    assert waiting["event"] == "start waits for the database"
    assert waiting["database"] == cluster.url
    assert announced["event"] == "serving"


def test_rqlite_without_foreign_keys_is_refused_with_the_flag_that_it_needs(tmp_path: Path):
    with rqlite.cluster(tmp_path, flags=["-fk=false"]) as cluster:
        refused = complaint(command("migrate", "--database", cluster.url))
        examined = command("doctor", "--json", "--port", 0, "--database", cluster.url)

    assert "cannot be served: " in refused
    assert "-fk" in refused
    (problem,) = [
        each for each in json.loads(examined.stdout)["findings"] if each["level"] == "problem"
    ]
    assert problem["check"] == "engine"
    assert "-fk" in problem["advice"]


def test_a_start_warns_of_a_version_of_rqlite_that_is_not_known(tmp_path: Path):
    with rqlite.cluster(tmp_path) as cluster:
        migrated = command_process("migrate", "--database", cluster.url)
        told = command("status", "--database", cluster.url)

    assert "engine is not to be relied on" in migrated.stderr
    assert "10.7" in migrated.stderr
    assert "10.7" in told.stdout


@pytest.fixture(params=["rqlite", pytest.param("d1", marks=pytest.mark.thorough)])
def secret_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database whose URL holds SECRET."""
    if request.param == "rqlite":
        with rqlite.cluster(tmp_path / "nodes", account=Account("ada", SECRET)) as cluster:
            yield cluster.url
    else:
        yield request.getfixturevalue("d1_worker").new_database()


def test_nothing_that_a_server_or_command_shows_holds_the_password(
    secret_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    secret = SECRET if secret_url.startswith("rqlite") else secret_of(secret_url)
    query = tmp_path / "query.graphql"
    query.write_text("{ contexts(first: 1) { nodes { name } } }")
    monkeypatch.chdir(tmp_path)
    shown = []
    debug = ("--log-level", "debug")
    with served(secret_url, "--demo", *debug, "--auth", "protected") as (process, said):
        key = command("keys", "create", "--new-admin", "Ada", "--database", secret_url).stdout
        shown += [said, json.dumps(post(said, QUERY, authorization=f"Bearer {key.strip()}"))]
        for path in ("/readyz", "/healthz", "/metrics", "/health"):
            url = url_of(said, path)
            answer = httpx2.get(url, timeout=TIMEOUT_SECONDS, trust_env=False)
            shown += [answer.text, str(answer.headers)]
        process.terminate()
        shown += process.communicate(timeout=TIMEOUT_SECONDS)
    monkeypatch.setenv("CHITTYGRAPH_DATABASE", secret_url)
    for words in (
        *(["status"], ["status", "--json"], ["doctor", "--port", "0"], ["migrate"], ["demo"]),
        *(["keys", "list"], ["explain", str(query)], ["sql", "SELECT 1"], ["backup", "x.db"]),
        *(["audit", "prune", "--before", "1d"], ["webhooks", "identify"], ["help", "serve"]),
    ):
        ended = command(*words)
        shown += [ended.stdout, ended.stderr]
    broken = secret_url.replace("@127.", "@128.0.0.1:port,127.")
    ended = command("status", "--database", broken)
    assert ended.returncode == 2
    shown += [ended.stdout, ended.stderr]

    assert len("".join(shown)) > 10_000
    for form in {secret, quote(secret, safe=""), *basic(secret)}:
        assert [text for text in shown if form in text] == []


def secret_of(url: str) -> str:
    """The token in the URL of a Worker."""
    return url.partition("://")[2].partition("@")[0]


def basic(secret: str) -> list[str]:
    """How HTTP's basic authentication sends it."""
    return [base64.b64encode(f"ada:{secret}".encode()).decode()]


def test_a_first_key_is_made_without_the_password_on_the_command_line(
    tmp_path: Path, starting: list[subprocess.Popen[str]]
):
    with rqlite.cluster(tmp_path, account=Account("ada", SECRET)) as cluster:
        flags = ("--port", "0", "--log-format", "text", "--auth", "protected")
        process = start_command(
            *("serve", "--database", cluster.url, *flags),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        starting.append(process)
        assert process.stdout
        lines = iter(process.stdout.readline, "")
        first = next(line for line in lines if "admin.key)" in line)

    assert 'keys create --database "$CHITTYGRAPH_DATABASE" --new-admin' in first
