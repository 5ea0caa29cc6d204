"""`chittygraph keys`, as an operator runs it."""

import contextlib
import json
import re
import sqlite3
import subprocess
from pathlib import Path

import httpx2
import pytest

from server.auth.api_keys import parse
from tests.support.registries.backups import registry
from tests.support.services.commands import command, command_process, complaint
from tests.support.services.protected_service import WHO, bearer
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

ADA = "CHITTY-ADA"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return registry(tmp_path / "registry.db", ADA, "CHITTY-BOB")


def keys(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return command("keys", *words, "--database", path)


def create(path: Path, *words: str) -> str:
    done = keys(path, "create", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def list_keys(path: Path, *words: str) -> list[dict[str, str | None]]:
    found: list[dict[str, str | None]] = json.loads(keys(path, "list", "--json", *words).stdout)
    return found


def authenticate(output: str, key: str) -> tuple[int, dict]:
    headers = {"authorization": bearer(key)}
    answer = httpx2.post(
        url_of(output, "/graphql"), json={"query": WHO}, headers=headers, timeout=TIMEOUT_SECONDS
    )
    return answer.status_code, answer.json().get("data")


def test_create_prints_only_the_key_to_stdout_and_explains_it_on_stderr(path: Path):
    done = command_process("keys", "create", "--actor", ADA, "--database", path)

    assert re.fullmatch(r"cg_[0-9a-f]{12}_[\w-]{43}\n", done.stdout)
    key = parse(done.stdout.strip())
    assert done.stderr == (
        f"chittygraph: key {key.key_id} of {ADA} is valid until it is revoked; it is not shown again:\n"
    )


def test_only_the_digest_of_a_keys_secret_is_stored(path: Path):
    key = create(path, "--actor", ADA)

    stored = b"".join(file.read_bytes() for file in path.parent.glob("registry.db*"))

    assert parse(key).key_id.encode() in stored
    assert parse(key).secret.encode() not in stored


def test_keys_are_listed_with_labels_and_without_secrets(path: Path):
    first = create(path, "--actor", ADA, "--label", "the build server", "--expires", "2999-01-31")
    second = create(path, "--actor", "CHITTY-BOB")

    everything, of_ada = keys(path, "list"), list_keys(path, "--actor", ADA)

    assert [each.split()[:2] for each in everything.stdout.splitlines()] == [
        [parse(first).key_id, ADA],
        [parse(second).key_id, "CHITTY-BOB"],
    ]
    assert "never used  expires 2999-02-01T00:00:00.000Z  the build server" in everything.stdout
    assert [each["label"] for each in of_ada] == ["the build server"]
    for key in (first, second):
        assert parse(key).secret not in everything.stdout + everything.stderr


def test_list_says_that_there_are_no_keys(path: Path):
    done = keys(path, "list", "--actor", ADA)

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"chittygraph: there is no key of {ADA}\n"


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("2999-01-31", "2999-02-01T00:00:00.000Z"),
        ("2999-01-31T18:00:00Z", "2999-01-31T18:00:00.000Z"),
        ("2999-01-31T18:00:00+02:00", "2999-01-31T16:00:00.000Z"),
    ],
)
def test_an_expiry_may_be_a_day_or_an_instant(path: Path, given: str, stored: str):
    create(path, "--actor", ADA, "--expires", given)

    assert [key["expires_at"] for key in list_keys(path)] == [stored]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("2020-01-31", "'2020-01-31' is in the past: give a time in the future"),
        ("2020-01-31T18:00:00Z", "is in the past: give a time in the future"),
        ("0d", "'0d' is in the past: give a time in the future"),
        ("2999-01-31T00:00:00.0005Z", "to the millisecond such as 2027-01-31T18:00:00Z"),
        ("soon", "'soon' must be a duration such as 12h, 90d or 8w, a day such as 2027-01-31"),
        ("90", "'90' must be a duration"),
        ("-5d", "argument --expires: expected one argument"),
        ("2027-02-31", "'2027-02-31' must be"),
        ("999999999w", "'999999999w' must be"),
        ("9999-12-31", "'9999-12-31' must be"),
        ("", "'' must be"),
    ],
)
def test_any_other_expiry_is_refused_and_no_key_created(path: Path, given: str, message: str):
    done = keys(path, "create", "--actor", ADA, "--expires", given)

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert list_keys(path) == []


def test_the_first_admin_is_created_with_its_key_while_a_server_runs(path: Path):
    with served(path, "--auth", "protected") as (_, output):
        key = create(path, "--new-admin", "Grace Hopper")
        status, data = authenticate(output, key)
        (stored,) = list_keys(path)
        revoked = keys(path, "revoke", parse(key).key_id)
        after, _ = authenticate(output, key)

    actor = stored["actor_chitty_id"]
    assert actor.startswith("CHITTY-ACTOR-")
    assert (status, data) == (
        200,
        {"viewer": {"actor": {"chittyId": actor}, "capabilities": ["admin"]}},
    )
    assert revoked.stdout.startswith(f"key {parse(key).key_id} of {actor} was revoked at ")
    assert after == 401


def test_granting_admin_keeps_the_actors_capabilities(path: Path):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE actors SET capabilities = '[\"audit:read\"]'")
    with served(path, "--auth", "protected") as (_, output):
        plain = create(path, "--actor", ADA)
        before = authenticate(output, plain)
        for _ in range(2):  # what it holds already is not given again
            create(path, "--actor", ADA, "--grant-admin")
        after = authenticate(output, plain)

    held = [data["viewer"]["capabilities"] for _, data in (before, after)]
    assert held == [["audit:read"], ["audit:read", "admin"]]


def test_capabilities_that_cannot_be_read_are_named_and_not_replaced(path: Path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE actors SET capabilities = '[1]'")
        connection.commit()

    done = keys(path, "create", "--actor", ADA, "--grant-admin")

    assert (done.returncode, done.stdout) == (1, "")
    assert f"actors '{ADA}': capabilities: the stored value is not a list of strings" in done.stderr
    assert list_keys(path) == []


def test_revoking_again_keeps_the_first_time(path: Path):
    key_id = parse(create(path, "--actor", ADA)).key_id

    first, again = keys(path, "revoke", key_id), keys(path, "revoke", key_id)

    assert first.returncode == again.returncode == 0
    assert first.stdout == again.stdout
    assert f"revoked {list_keys(path)[0]['revoked_at']}" in keys(path, "list").stdout


def test_an_unknown_or_inactive_actor_gets_neither_key_nor_capability(path: Path):
    unknown = keys(path, "create", "--actor", "CHITTY-NOBODY", "--grant-admin")
    with served(path) as (_, output):
        mutation = (
            'mutation { suspendActor(input: { chittyId: "CHITTY-ADA" }) { errors { code } } }'
        )
        httpx2.post(url_of(output, "/graphql"), json={"query": mutation}, timeout=TIMEOUT_SECONDS)
    suspended = keys(path, "create", "--actor", ADA, "--grant-admin")

    assert complaint(unknown) == "chittygraph: there is no actor CHITTY-NOBODY\n"
    assert complaint(suspended) == f"chittygraph: {ADA} is suspended: reinstate it first\n"
    assert list_keys(path) == []
    assert '"admin"' not in command("export", "--jsonl", "actors", "--database", path).stdout


def test_revoking_an_unknown_key_fails(path: Path):
    done = keys(path, "revoke", "0123456789ab")

    assert complaint(done) == (
        "chittygraph: there is no key 0123456789ab: `chittygraph keys list` shows them\n"
    )


def test_revoke_refuses_a_whole_key_without_repeating_it(path: Path):
    key = create(path, "--actor", ADA)

    revoked = keys(path, "revoke", key)
    labelled = keys(path, "create", "--actor", ADA, "--label", key)
    owned = keys(path, "create", "--actor", key)

    for done in (revoked, labelled, owned):
        assert done.returncode == 2
        assert parse(key).secret not in done.stdout + done.stderr
    assert "give only the id, the 12 characters after cg_" in revoked.stderr
    assert [each["label"] for each in list_keys(path)] == [None]


@pytest.mark.parametrize(
    "words", [["create", "--actor", ADA], ["list"], ["revoke", "0123456789ab"]]
)
def test_a_missing_or_outdated_database_is_neither_created_nor_changed(
    tmp_path: Path, words: list[str]
):
    missing, damaged = tmp_path / "missing.db", tmp_path / "damaged.db"
    damaged.write_text("not a database, but long enough to look at " * 100)

    assert "does not exist: make it with `chittygraph migrate`" in complaint(keys(missing, *words))
    assert str(damaged) in complaint(keys(damaged, *words))
    assert not missing.exists()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["create"],
        ["create", "--actor", ADA, "--new-admin", "Ada"],
        ["create", "--actor", "no\nid"],
        ["create", "--new-admin", ""],
        ["revoke"],
    ],
)
def test_wrong_usage_of_an_action_exits_with_2(path: Path, words: list[str]):
    done = command("keys", *words)

    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: chittygraph keys" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_adopted_actor_of_an_odd_id_gets_a_key_that_is_listed_and_revoked(tmp_path: Path):
    odd = "CHITTY-ACTOR-abc"
    path = registry(tmp_path / "adopted.db", odd)

    key = create(path, "--actor", f"did:chitty:{odd}")
    (listed,) = list_keys(path, "--actor", odd)
    revoked = keys(path, "revoke", str(listed["key_id"]))

    assert key.startswith(f"cg_{listed['key_id']}_")
    assert listed["actor_chitty_id"] == odd
    assert revoked.returncode == 0
