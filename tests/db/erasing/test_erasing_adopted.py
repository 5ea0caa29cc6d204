"""A person is erased from adopted registries too: from what others stored, and what was kept of that."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db.erasing import erasure
from db.erasing.erasure import ErasureRequest
from db.migrating import migrator
from tests.support.registries import legacy_registries, persons, relatives
from tests.support.registries.persons import AT, EMAIL, NAME, TEXTS, cells_that_name, named_in_bytes
from tests.support.registries.relatives import EVERYTHING, INTAKE, LEDGER, PERSON

ADOPTED = [
    "CREATE TABLE actors_of_others (note TEXT)",
    f"UPDATE actors SET display_name = '{NAME.replace(chr(39), chr(39) * 2)}', updated_at = '{AT}'"
    f" WHERE chitty_id = '{PERSON}'",
    f"UPDATE actors SET email = '{EMAIL}', updated_at = '{AT}' WHERE chitty_id = '{PERSON}'",
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


def execute(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for sql in statements:
            connection.execute(sql)


def with_person_in_metadata(file: Path) -> None:
    """Name the person as owner where a lineage has metadata, in words of its own."""
    told = json.dumps({"owner": f"did:chitty:{PERSON}", "contact": f"{NAME} <{EMAIL.upper()}>"})
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        names = {
            name for (name,) in connection.execute("SELECT name FROM pragma_table_info('contexts')")
        }
        if "metadata" in names:
            connection.execute("UPDATE contexts SET metadata = ?", (told,))
        if "owner_id" in names:
            connection.execute(
                "UPDATE contexts SET owner_id = ? WHERE owner_id LIKE '%@%'", (EMAIL,)
            )


@pytest.mark.parametrize("kind", ["main", "earlier", "earlier in full", "main with its catalogue"])
def test_of_a_registry_of_another_lineage_nothing_names_the_person_but_the_copy(
    file: Path, kind: str
):
    relatives.made(file, EVERYTHING[kind])
    with_person_in_metadata(file)
    adopted = migrator.bring_up_to_date(file)
    execute(file, *ADOPTED)
    heir = "CHITTY-ACTOR-000009-HEIR"
    execute(
        file,
        "INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)"
        f" VALUES ('{heir}', 'human', '{AT}', '{AT}')",
    )

    done = erasure.erase(file, ErasureRequest(PERSON, transfer_contexts_to=heir))

    assert done.cleaning is not None
    assert done.cleaning.is_complete
    assert done.found == []
    assert cells_that_name(file, NAME, EMAIL) == []
    assert named_in_bytes(file, NAME, EMAIL) == []
    assert adopted.copy is not None
    assert [Path(each.file).name for each in done.copies] == [adopted.copy]
    assert persons.differences(file) == []
    assert migrator.inspect(file).pending == ()


def test_the_kept_tables_still_tell_everything_else(file: Path):
    relatives.made(file, EVERYTHING["main"])
    with_person_in_metadata(file)
    migrator.bring_up_to_date(file)
    execute(file, *ADOPTED)

    erasure.erase(file, ErasureRequest(PERSON, transfer_contexts_to=other_owner(file)))

    with closing(sqlite3.connect(file)) as connection:
        kept = connection.execute(
            "SELECT chittyid, metadata FROM contexts_before_adoption"
        ).fetchall()
    assert {key for key, _ in kept} == {LEDGER, INTAKE, "CTX-3"}
    assert [json.loads(metadata) for _, metadata in kept] == [
        {"owner": f"did:chitty:{PERSON}", "contact": "[erased] <[erased]>"}
    ] * 3


def other_owner(file: Path) -> str:
    key = "CHITTY-ACTOR-000009-HEIR"
    execute(
        file,
        "INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)"
        f" VALUES ('{key}', 'human', '{AT}', '{AT}')",
    )
    return key


def test_of_an_original_registry_odd_forms_of_the_persons_columns_are_erased(file: Path):
    legacy_registries.by_hand(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO actors (chitty_id, actor_type, display_name, email, last_seen_at)"
            " VALUES (?, 'human', ?, ?, 'never, says ' || ?)",
            (f"did:chitty:{PERSON}", NAME.encode(), f" {EMAIL} ", NAME),
        )
    migrator.bring_up_to_date(file)

    done = erasure.erase(file, ErasureRequest(PERSON))

    assert done.rows["actors"] == 1
    assert cells_that_name(file, NAME, EMAIL) == []
    assert named_in_bytes(file, NAME, EMAIL, NAME.encode().hex()) == []
    assert persons.differences(file) == []


def test_what_another_program_stores_later_in_odd_forms_is_erased(file: Path):
    persons.made(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(
            "UPDATE actors SET email = CAST(email AS BLOB), last_seen_at = 1700000000.5"
            " WHERE chitty_id = ?",
            (persons.ANN,),
        )

    erasure.erase(file, ErasureRequest(persons.ANN))

    assert cells_that_name(file, *TEXTS, EMAIL.encode().hex()) == []
    assert named_in_bytes(file, *TEXTS, EMAIL.encode().hex()) == []
    assert persons.differences(file) == []
