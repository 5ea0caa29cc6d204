"""Commands on a database that is no file: each works, or says how to do the same with one."""

import asyncio
import json
from pathlib import Path

import pytest

from server.cli import COMMANDS
from server.cli.files_only import ON_RQLITE, WAYS
from tests.support.pages.doc_pages import page
from tests.support.services.commands import command, complaint
from tests.support.services.engines import carry_out, on_each

ADA = "01-C-ACT-4842-AGT-Q5-7-1"
# What each command that is for files only is called with here.
FILES_ONLY = {
    "audit export": ["audit", "export", "--jsonl"],
    "audit verify": ["audit", "verify"],
    "backup": ["backup", "copy.db"],
    "check": ["check"],
    "export": ["export", "--jsonl"],
    "import": ["import", "rows.jsonl"],
    "migrate --changes": ["migrate", "--changes", "changes.jsonl"],
    "migrate --recreate": ["migrate", "--recreate", "contexts"],
    "promote": ["promote"],
    "restore": ["restore", "copy.db"],
    "sql": ["sql", "SELECT 1"],
    "status --schema": ["status", "--schema"],
}
# The others, which are run below or in tests of their own, and those that need no database.
WORKING = {
    "erase",
    "move",
    "serve",
    "migrate",
    "status",
    "doctor",
    "explain",
    "audit",
    "keys",
    "webhooks",
    "demo",
}
WITHOUT = {"schema", "dev", "completion", "help"}
QUERY = "{ actors(first: 1) { nodes { displayName } } }"


@pytest.fixture
def registry(engine_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """An empty database, whose URL is set as a server's is."""
    monkeypatch.setenv("CHITTYGRAPH_DATABASE", engine_url)
    monkeypatch.chdir(tmp_path)
    return engine_url


def done(*words: object) -> str:
    """What a command printed that has done its work."""
    ended = command(*words)
    assert ended.returncode == 0, ended
    return ended.stdout


@pytest.mark.parametrize("name", WAYS)
def test_the_docs_list_the_commands_for_files_only(name: str):
    section = page("docs/deployment.md").text.partition("## On rqlite or Cloudflare D1")[2]
    assert f"`{name}`" in section.partition("\n## ")[0]


def test_every_command_works_on_an_engine_or_is_for_files_only():
    assert set(FILES_ONLY) == set(WAYS)
    words = {name.partition(" ")[0] for name in FILES_ONLY}
    assert WORKING | WITHOUT | words == set(COMMANDS)


@pytest.mark.parametrize(
    ("url", "shown", "name"),
    [
        *(
            ("rqlite://ada:hunter2@127.0.0.1:1", "rqlite://ada:***@127.0.0.1:1", name)
            for name in FILES_ONLY
            if name not in ON_RQLITE
        ),
        *(
            ("d1+https://hunter2@d1.invalid", "d1+https://***@d1.invalid", name)
            for name in FILES_ONLY
        ),
    ],
)
def test_a_command_for_files_says_the_way_round_and_looks_at_nothing(
    name: str, url: str, shown: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("CHITTYGRAPH_DATABASE", url)
    monkeypatch.chdir(tmp_path)

    said = complaint(command(*FILES_ONLY[name]))

    assert said == (
        f"chittygraph: `chittygraph {name}` is for SQLite files, and {shown} is none: {WAYS[name]}\n"
    )
    assert list(tmp_path.iterdir()) == []


@on_each
def test_a_registry_is_made_filled_and_looked_at(registry: str, tmp_path: Path):
    assert "does not exist yet" in done("status")
    assert command("migrate", "--check").returncode == 1
    assert done("migrate").startswith("applied 0001_create_contexts_table\n")
    assert "is up to date" in done("migrate")
    assert "is up to date" in done("migrate", "--check")
    assert "now holds 40 actors, 12 installations, 120 contexts" in done("demo")
    assert "already has data" in done("demo")

    told = json.loads(done("status", "--json"))
    assert told["rows"]["contexts"] == 120
    assert told["history"]["changes"] == 609
    assert (told["pending"], told["to_mend"]) == ([], [])
    assert told["bytes"] > 100_000
    assert told["engine"] in ("rqlite", "Cloudflare D1")

    assert "0 changes before" in done("audit", "prune", "--before", "1d")
    assert done("webhooks", "identify") == ""
    query = tmp_path / "query.graphql"
    query.write_text(QUERY)
    explained = done("explain", query)
    assert "execution: compiled" in explained
    assert "SCAN" in explained


@on_each
def test_keys_are_made_listed_and_revoked(registry: str):
    done("migrate")
    done("keys", "create", "--new-admin", "Ada", "--label", "first")
    (first,) = json.loads(done("keys", "list", "--json"))
    done("keys", "create", "--actor", first["actor_chitty_id"], "--grant-admin")
    revoked = done("keys", "revoke", first["key_id"])
    listed = json.loads(done("keys", "list", "--json"))

    assert f"key {first['key_id']} of" in revoked
    assert [key["revoked_at"] is None for key in listed] == [False, True]
    unknown = command("keys", "create", "--actor", ADA, "--grant-admin")
    assert complaint(unknown) == f"chittygraph: there is no actor {ADA}\n"


def test_saved_payloads_are_applied(registry: str, tmp_path: Path):
    done("migrate")
    payload = {
        "action": "created",
        "installation": {
            "id": 17,
            "app_id": 1,
            "app_slug": "chitty",
            "target_type": "Organization",
            "target_id": 2,
            "account": {"id": 2, "login": "acme", "type": "Organization"},
            "repository_selection": "all",
            "permissions": {},
            "events": [],
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
        },
        "sender": {"login": "ada"},
    }
    file = tmp_path / "installation.json"
    file.write_text(json.dumps(payload))

    assert "1 payload" in done("webhooks", "replay", file)
    assert json.loads(done("status", "--json"))["rows"]["installations"] == 1


def test_doctor_looks_at_the_engine(registry: str):
    empty = examined()
    done("migrate")
    found = examined()

    assert empty["database"] == empty["migrations"] == "warning"
    assert found["database"] == found["migrations"] == found["schema"] == "ok"
    assert found["clock"] == found["credentials"] == "skipped"
    assert not {"wal", "integrity", "disk", "backups"} & set(found)


def examined() -> dict[str, str]:
    """What the doctor finds: the level of each check."""
    findings = json.loads(command("doctor", "--json", "--port", 0).stdout)["findings"]
    return {each["check"]: each["level"] for each in findings}


def test_old_changes_are_pruned(registry: str):
    done("demo")
    for name in ("one", "two", "three"):
        asyncio.run(carry_out(registry, f"UPDATE actors SET display_name = '{name}'"))

    foreseen = done("audit", "prune", "--before", "0h", "--dry-run")
    cut = done("audit", "prune", "--before", "0h")
    history = json.loads(done("status", "--json"))["history"]

    # All but the last are cut off, and the last one of each row is kept as its base.
    assert "728 changes before" in foreseen
    assert "728 changes before" in cut
    assert "609 stay as bases of rows, and 1 change since" in cut
    assert history["removed"] == 119


def test_a_lost_trigger_is_found_and_made_anew(registry: str):
    done("migrate")
    asyncio.run(carry_out(registry, "DROP TRIGGER contexts_history"))

    checked = command("migrate", "--check")
    told = json.loads(done("status", "--json"))["to_mend"]
    done("migrate")
    after = done("migrate", "--check")

    assert (checked.returncode, checked.stdout) == (
        1,
        "found trigger contexts_history is missing\n",
    )
    assert told == ["trigger contexts_history is missing"]
    assert "is up to date" in after
