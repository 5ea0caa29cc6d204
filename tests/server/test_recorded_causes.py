"""Each change is recorded with who asked for it, why and in which request, whatever wrote it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.other_programs.github_payloads import example, github_at
from tests.support.registries import legacy_registries
from tests.support.registries.databases import new_registry
from tests.support.registries.permissions import LINK, ME, MINE, codes_of, registry
from tests.support.services.api import running
from tests.support.services.commands import command

CHANGES = """
    SELECT kind, key, operation, cause, actor, request_id FROM changes
    WHERE sequence > {since} ORDER BY sequence
"""
VERSION = "PRAGMA data_version"
LAST = "SELECT max(sequence) FROM changes"


async def since(api: Any) -> int:
    return int((await api.rows(LAST))[0][0])


def told(path: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(CHANGES.format(since=0)).fetchall()


@pytest.mark.parametrize(
    "selected",
    ["context { name } errors { code }", "__typename errors { code }"],
    ids=["compiled", "generic"],
)
async def test_a_mutation_is_recorded_by_its_field_with_the_viewer_and_the_request(
    tmp_path: Path, selected: str
):
    given = {"chittyId": MINE, "name": "renamed"}
    async with registry(tmp_path) as (me, _):
        before = await since(me)
        await me.ask(
            f"mutation ($input: UpdateContextInput!)"
            f" {{ first: updateContext(input: $input) {{ {selected} }} }}",
            input=given,
        )
        ((kind, key, operation, cause, actor, request),) = await me.rows(
            CHANGES.format(since=before)
        )

    assert (kind, key, operation) == ("contexts", MINE, "updated")
    assert (cause, actor) == ("updateContext", ME)
    assert len(str(request)) == 32


async def test_a_cascade_is_recorded_row_by_row_under_one_request(tmp_path: Path):
    async with registry(tmp_path) as (me, _):
        before = await since(me)
        await codes_of(me, "deleteContext", {"chittyId": MINE})
        changes = await me.rows(CHANGES.format(since=before))

    assert [row[:3] for row in changes] == [
        ("connections", LINK, "deleted"),
        ("contexts", MINE, "deleted"),
    ]
    assert len({row[3:] for row in changes}) == 1


async def test_a_mutation_that_changes_nothing_or_is_refused_records_and_commits_nothing(
    tmp_path: Path,
):
    path = tmp_path / "registry.db"
    async with running(path) as api:  # in open mode, where no key's use is noted
        await codes_of(api, "registerActor", {"chittyId": ME, "actorType": "HUMAN"})
        await codes_of(api, "createContext", {"chittyId": MINE, "name": "mine", "owner": ME})
        with closing(sqlite3.connect(path)) as watching:
            before, version = await since(api), watching.execute(VERSION).fetchone()
            await codes_of(api, "updateContext", {"chittyId": MINE, "name": "mine"})
            refused = await codes_of(api, "deleteContext", {"chittyId": "CHITTY-CONTEXT-NONE"})
            assert watching.execute(VERSION).fetchone() == version
        changes = await api.rows(CHANGES.format(since=before))

    assert refused == ["NOT_FOUND"]
    assert changes == []


async def test_what_a_write_leaves_behind_is_not_taken_for_the_next_ones(tmp_path: Path):
    async with registry(tmp_path) as (me, _):
        await codes_of(me, "updateContext", {"chittyId": MINE, "name": "renamed"})
        before = await since(me)
        await me.put("UPDATE contexts SET name = 'again' WHERE chitty_id = :key", key=MINE)
        changes = await me.rows(CHANGES.format(since=before))
        writing = await me.rows("SELECT * FROM writing")

    assert changes == [("contexts", MINE, "updated", "external", None, None)]
    assert writing == []


async def test_a_delivery_of_github_is_recorded_by_its_event_and_action(tmp_path: Path):
    async with github_at(tmp_path) as github:
        for action in ("created", "suspend"):
            await github.send("installation", example("installation", action))
        changes = await github.table("changes", "kind, cause, actor, request_id")

    assert [row[:3] for row in changes] == [
        ("installations", "github.installation.created", None),
        ("installations", "github.installation.suspend", None),
    ]
    assert all(len(row[3]) == 32 for row in changes)


def test_commands_are_recorded_by_their_names(tmp_path: Path):
    path, file = tmp_path / "registry.db", tmp_path / "actors.jsonl"
    new_registry(path)
    file.write_text(json.dumps({"type": "actors", "chitty_id": "CHITTY-A", "actor_type": "human"}))

    assert command("import", file, "--database", path).returncode == 0
    assert command("keys", "create", "--new-admin", "Ada", "--database", path).returncode == 0

    assert [row[3] for row in told(path)] == ["import", "keys.create"]


def test_the_demonstration_begins_a_history(tmp_path: Path):
    path = tmp_path / "demo.db"

    assert command("demo", "--database", path).returncode == 0

    causes = {(row[2], row[3]) for row in told(path)}
    assert causes == {("created", "demo")}


def test_adoption_begins_a_history_after_its_repairs(tmp_path: Path):
    path = legacy_registries.by_hand(tmp_path / "registry.db")

    assert command("migrate", "--database", path).returncode == 0

    with closing(sqlite3.connect(path)) as connection:
        counted = sum(
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("actors", "contexts", "installations", "connections")
        )
    changes = told(path)
    assert len(changes) == counted > 0
    assert {(row[2], row[3]) for row in changes} == {("created", "migrate")}


def test_a_repair_is_recorded(tmp_path: Path):
    path = tmp_path / "registry.db"
    assert command("demo", "--database", path).returncode == 0
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE actors SET session_count = 'many' WHERE rowid = 1")
    number = len(told(path))

    assert command("check", "--fix", "--database", path).returncode == 0

    assert {row[2:4] for row in told(path)[number:]} == {("updated", "repair")}
