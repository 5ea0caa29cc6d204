"""Of random registries nothing names the erased person, the changes tell every row, and others stay."""

import random
import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from db.erasing import erasure
from db.erasing.erasure import ErasureRequest
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, Table
from tests.support.registries import persons, random_registries
from tests.support.registries.databases import new_registry
from tests.support.registries.persons import EMAIL, NAME, cells_that_name, named_in_bytes
from tests.support.registries.random_registries import ORDER

SEEDS = [pytest.param(seed, marks=[pytest.mark.thorough] * (seed > 3)) for seed in range(1, 41)]
WRITES = 60
ADMIN = "CHITTY-ACTOR-999999-AAAA"
# Where a program or a person may write words, and in which form.
WORDS: dict[Table[Any], dict[str, str]] = {
    ACTORS: {"display_name": "{}", "avatar_url": "https://x/{}", "capabilities": '["{}"]'},
    CONTEXTS: {"name": "work of {} {number}", "data": '["{}"]', "tools": '["by {}"]'},
    INSTALLATIONS: {"account_login": "{}", "selected_repositories": '["{}/x"]'},
    CONNECTIONS: {
        "target_endpoint": "/u/{}",
        "last_error": "no {}",
        "config": '{{"a": {{"b": "{}"}}}}',
    },
}


def fill(file: Path, seed: int) -> str:
    """Write a random registry and random changes of it, many of which name the person; the actor's id."""
    choose = random.Random(seed)
    registry = random_registries.made(seed)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for table in ORDER:
            names = ", ".join(table.columns)
            values = ", ".join(f":{name}" for name in table.columns)
            for row in registry.of(table):
                insert = f"INSERT INTO {table.name} ({names}) VALUES ({values})"
                connection.execute(insert, asdict(row))
        person = str(choose.choice(registry.of(ACTORS)).chitty_id)
        admin = registry.of(ACTORS)[0]
        connection.execute(
            "INSERT INTO actors (chitty_id, actor_type, capabilities, created_at, updated_at)"
            " VALUES (?, 'human', '[\"admin\"]', ?, ?)",
            (ADMIN, admin.created_at, admin.updated_at),
        )
        for number in range(WRITES):
            write(connection, choose, registry, person, number)
    return person


def write(
    connection: sqlite3.Connection, choose: random.Random, registry: Any, person: str, number: int
) -> None:
    if number % 5 == 0:
        column, value = choose.choice([("email", EMAIL), ("display_name", NAME), ("email", None)])
        sql = f"UPDATE actors SET {column} = ?, updated_at = ? WHERE chitty_id = ?"
        connection.execute(sql, (value, f"2026-08-01T00:00:00.{number:03}Z", person))
        return
    table = choose.choice(ORDER)
    column, form = choose.choice(list(WORDS[table].items()))
    text = choose.choice([EMAIL, EMAIL.upper(), NAME.replace("'", ""), "nobody"])
    value = form.format(text, number=number)
    key = getattr(choose.choice(registry.of(table)), table.key)
    if table is ACTORS and key != person:
        value = form.format("nobody", number=number)  # other actors are other persons
    connection.execute(
        f"UPDATE {table.name} SET {column} = ?, updated_at = ? WHERE {table.key} = ?",
        (value, f"2026-08-01T00:00:00.{number:03}Z", key),
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_names_the_person_and_the_changes_tell_every_row(tmp_path: Path, seed: int):
    file = new_registry(tmp_path / "registry.db")
    person = fill(file, seed)
    texts = (EMAIL, NAME, NAME.replace("'", ""))
    request = ErasureRequest(person, transfer_contexts_to=ADMIN, texts=[*texts], also_texts=True)

    done = erasure.erase(file, request)

    assert done.cleaning is not None
    assert done.cleaning.is_complete
    # What the registry was made with has words that the actor's former name may be.
    assert [each for each in done.found if not each.by_hand] == []
    assert cells_that_name(file, *texts) == []
    assert named_in_bytes(file, *texts) == []
    assert persons.differences(file) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_preview_tells_what_is_done(tmp_path: Path, seed: int):
    file = new_registry(tmp_path / "registry.db")
    request = ErasureRequest(fill(file, seed), transfer_contexts_to=ADMIN)

    planned = erasure.preview(file, request)
    done = erasure.erase(file, request)
    again = erasure.erase(file, request)

    assert (planned.rows, planned.found) == (done.rows, done.found)
    assert again.rows == {}
    assert persons.differences(file) == []
