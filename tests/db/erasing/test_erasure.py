"""Erasing an actor: nothing that the registry keeps tells who it was, and the rest stays as it was."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from db.erasing import erasure
from db.erasing.erasure import Erasure, ErasureRequest
from db.errors import BootRefused, Refused
from db.history import append_only
from db.migrating import ledger, migrator, schema_comparison
from db.model.tables import ACTORS
from tests.support.registries import persons
from tests.support.registries.persons import (
    ANN,
    AT,
    BEN,
    CONTEXT,
    EMAIL,
    KEY,
    NAME,
    PICTURE,
    SECOND,
    TEXTS,
    cells_that_name,
    differences,
    named_in_bytes,
)

ROW = f"SELECT * FROM actors WHERE chitty_id = '{ANN}'"
# Nobody needs to know the person by these any more, but the registry does.
KEPT = {"chitty_id", "actor_type", "capabilities", "status", "created_at", "updated_at"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return persons.made(tmp_path / "registry.db")


@pytest.fixture
def named_elsewhere(tmp_path: Path) -> Path:
    return persons.made(tmp_path / "named.db", elsewhere=True)


def read(file: Path, sql: str, *values: Any) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql, values)]


def write(file: Path, sql: str, *values: Any) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(sql, values)


def erased(file: Path, **options: Any) -> Erasure:
    return erasure.erase(file, ErasureRequest(ANN, **options))


def places(done: Erasure) -> set[str]:
    return {f"{each.table}.{each.column}" for each in done.found}


def test_every_column_of_an_actor_is_either_personal_or_kept():
    assert ACTORS.personal.keys() | KEPT == ACTORS.columns.keys()
    assert not ACTORS.personal.keys() & KEPT


def test_the_row_keeps_what_the_registry_needs(file):
    erased(file)

    (row,) = read(file, ROW)
    assert {name: row[name] for name in ACTORS.personal} == dict(ACTORS.personal)
    assert (row["actor_type"], row["status"], row["created_at"]) == ("human", "deleted", AT)
    assert row["capabilities"] == "[]"
    assert row["updated_at"] > "2026-01-08"


def test_no_cell_and_no_byte_of_the_files_names_the_person(file):
    before = named_in_bytes(file, *TEXTS)

    done = erased(file)

    assert {text for _, text in before} == set(TEXTS)
    assert done.cleaning is not None
    assert done.cleaning.is_complete
    assert cells_that_name(file, *TEXTS, persons.DNA, "2026-02-03T04:05:06.789Z", "77777") == []
    assert named_in_bytes(file, *TEXTS) == []
    assert done.found == []


def test_the_changes_still_follow_from_each_other_and_tell_the_rows(file):
    erased(file)

    assert differences(file) == []


def test_what_is_forged_after_an_erasure_is_still_found(file):
    erased(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for sql in append_only.LIFT:
            connection.execute(sql)
        connection.execute(
            "UPDATE changes SET after = json_set(after, '$.email', 'forged') WHERE sequence = 4"
        )
        for sql in append_only.RESTORE:
            connection.execute(sql)

    assert any("email" in found and "forged" in found for found in differences(file))


def test_the_erasure_is_a_change_that_tells_nothing_of_the_person(file):
    (last,) = read(file, "SELECT max(sequence) AS last FROM changes")

    erased(file)

    made = read(file, "SELECT * FROM changes WHERE sequence > ?", last["last"])
    assert {(each["cause"], each["actor"], each["key"]) for each in made} == {("erase", None, ANN)}
    for change in made:
        for side in (json.loads(change["before"]), json.loads(change["after"])):
            assert {name: side[name] for name in ACTORS.personal if name in side}.items() <= dict(
                ACTORS.personal
            ).items()


def test_sequences_and_times_of_changes_stay(file):
    told = (
        "SELECT sequence, at, actor, cause, kind, key, operation FROM changes WHERE sequence <= ?"
    )
    (last,) = read(file, "SELECT max(sequence) AS last FROM changes")
    before = read(file, told, last["last"])

    erased(file)

    assert read(file, told, last["last"]) == before


def test_other_actors_stay_as_they_are(file):
    others = "SELECT * FROM actors WHERE chitty_id <> ?"
    history = "SELECT * FROM changes WHERE key <> ?"
    before = read(file, others, ANN), read(file, history, ANN)

    erased(file)

    assert (read(file, others, ANN), read(file, history, ANN)) == before


def test_keys_of_the_actor_are_revoked_and_no_longer_tell_what_they_were_for(file):
    erased(file)

    (key,) = read(file, "SELECT * FROM api_keys")
    assert (key["key_id"], key["actor_chitty_id"]) == (KEY, ANN)
    assert (key["label"], key["last_used_on"]) == (None, None)
    assert key["revoked_at"] is not None


def test_a_key_that_was_revoked_before_keeps_that_time(file):
    write(file, "UPDATE api_keys SET revoked_at = ?", AT)

    erased(file)

    assert read(file, "SELECT revoked_at, label FROM api_keys") == [
        {"revoked_at": AT, "label": None}
    ]


def test_values_that_a_repair_replaced_are_erased(file):
    erased(file)

    kept = read(
        file, "SELECT row_key, value_before, value_after FROM replaced_values ORDER BY row_key"
    )
    assert kept == [
        {"row_key": ANN, "value_before": None, "value_after": None},
        {"row_key": CONTEXT, "value_before": "[erased]", "value_after": BEN},
    ]


def test_what_receivers_of_webhooks_answered_is_erased(file):
    write(
        file,
        "INSERT INTO outgoing_webhooks (webhook_id, url, filter, secret, created_at, updated_at, position,"
        " last_error) VALUES ('w', 'https://x.example/', '{}', 'whsec_x', ?, ?, 0, ?)",
        *(AT, AT, f"no mailbox {EMAIL}"),
    )
    write(
        file,
        "INSERT INTO outgoing_deliveries (webhook_id, sequence, status, attempts, first_attempt_at,"
        " last_attempt_at, error, excerpt) VALUES ('w', 1, 'dead', 3, ?, ?, 'status 400', ?)",
        *(AT, AT, json.dumps({"refused": {"email": EMAIL}})),
    )

    erased(file)

    assert read(file, "SELECT last_error, secret FROM outgoing_webhooks") == [
        {"last_error": "no mailbox [erased]", "secret": "whsec_x"}
    ]
    assert read(file, "SELECT status, error, excerpt FROM outgoing_deliveries") == [
        {"status": "dead", "error": "status 400", "excerpt": '{"refused": {"email": "[erased]"}}'}
    ]


def test_the_history_is_protected_again_as_the_migrations_made_it(file):
    triggers = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
    before = read(file, triggers)

    erased(file)

    assert read(file, triggers) == before
    migrations = ledger.load(ledger.MIGRATIONS)
    with closing(sqlite3.connect(file)) as connection:
        ran = ledger.applied(connection, file)
        comparison = schema_comparison.compare(connection, migrations, ran)
        with pytest.raises(sqlite3.IntegrityError, match="never updated"):
            connection.execute("UPDATE changes SET cause = 'x'")
    assert (comparison.broken, comparison.unenforced, comparison.slow) == ([], [], [])
    assert migrator.inspect(file).pending == ()


def test_a_tombstone_tells_whose_data_was_erased_when_and_which(file):
    (last,) = read(file, "SELECT max(sequence) AS last FROM changes")

    done = erased(file)

    (stone,) = read(file, "SELECT * FROM erasures")
    assert (stone["actor"], stone["at"]) == (ANN, done.erased_at)
    assert json.loads(stone["columns"]) == list(ACTORS.personal)
    assert stone["through"] >= last["last"]
    assert json.loads(stone["rows"]) == done.rows


def test_rows_are_counted_by_table(file):
    done = erased(file)

    assert done.rows == {
        "actors": 1,
        "api_keys": 1,
        "replaced_values": 2,  # one of the actor, one that names it
        "changes": len(read(file, "SELECT 1 FROM changes WHERE key = ?", ANN)),
    }


def test_a_second_time_there_is_nothing_to_erase(file):
    first = erased(file)
    content = read(file, "SELECT * FROM changes"), read(file, "SELECT * FROM erasures")

    again = erased(file)

    assert again.rows == {}
    assert again.erased_at == first.erased_at
    assert again.cleaning is not None
    assert again.cleaning.is_complete
    assert (read(file, "SELECT * FROM changes"), read(file, "SELECT * FROM erasures")) == content


def test_a_preview_counts_the_same_and_changes_nothing(named_elsewhere):
    before = named_elsewhere.read_bytes()

    planned = erasure.preview(named_elsewhere, ErasureRequest(ANN))
    unchanged = named_elsewhere.read_bytes() == before
    done = erased(named_elsewhere)

    assert unchanged
    assert planned.cleaning is None
    assert (planned.rows, planned.found) == (done.rows, done.found)


def test_what_was_erased_before_the_file_was_rewritten_is_gone_too(file):
    write(file, "UPDATE actors SET email = NULL, updated_at = '2026-03-01T00:00:00.000Z'")

    erased(file)

    assert named_in_bytes(file, *TEXTS) == []


def test_an_actor_that_was_deleted_before_is_erased_too(file):
    write(file, "UPDATE actors SET status = 'deleted' WHERE chitty_id = ?", ANN)

    done = erased(file)

    assert done.rows["actors"] == 1
    assert cells_that_name(file, *TEXTS) == []


def test_an_unknown_actor_is_refused_and_nothing_changes(file):
    before = file.read_bytes()

    with pytest.raises(Refused, match="there is no actor CHITTY-ACTOR-NOBODY"):
        erasure.erase(file, ErasureRequest("CHITTY-ACTOR-NOBODY"))

    assert file.read_bytes() == before


def test_the_last_active_admin_is_refused_and_nothing_changes(file):
    before = file.read_bytes()

    with pytest.raises(Refused, match="is the last active admin: make another actor one first"):
        erasure.erase(file, ErasureRequest(BEN))

    assert file.read_bytes() == before


def test_an_owner_of_contexts_is_erased_once_another_takes_them_over(named_elsewhere):
    write(named_elsewhere, "UPDATE contexts SET owner_chitty_id = ?", ANN)

    with pytest.raises(Refused, match="still owns contexts"):
        erased(named_elsewhere)
    erased(named_elsewhere, transfer_contexts_to=BEN)

    owners = read(named_elsewhere, "SELECT DISTINCT owner_chitty_id FROM contexts")
    assert owners == [{"owner_chitty_id": BEN}]
    assert differences(named_elsewhere) == []


def test_an_actor_that_only_the_history_knows_is_erased_from_it(file):
    """As after another program gave the row another key."""
    new = "CHITTY-ACTOR-000003-ANNA"
    write(file, "UPDATE actors SET chitty_id = ? WHERE chitty_id = ?", new, ANN)

    erased(file)
    erasure.erase(file, ErasureRequest(new))

    assert cells_that_name(file, *TEXTS) == []
    assert differences(file) == []


def test_other_rows_that_name_the_person_are_listed_and_left_to_the_operator(named_elsewhere):
    before = read(named_elsewhere, "SELECT * FROM contexts")

    done = erased(named_elsewhere)

    assert places(done) == {
        "contexts.name",
        "contexts.data",
        "connections.target_endpoint",
        "connections.last_error",
        "connections.config",
        "changes of contexts.after",
        "changes of connections.after",
    }
    assert {each.by_hand for each in done.found} == {""}
    (names,) = [each for each in done.found if each.column == "name"]
    assert (names.rows, names.keys) == (2, [CONTEXT, SECOND])
    assert read(named_elsewhere, "SELECT * FROM contexts") == before


def test_on_request_they_are_replaced_in_rows_and_history(named_elsewhere):
    done = erased(named_elsewhere, also_texts=True)

    (link,) = read(named_elsewhere, "SELECT * FROM connections")
    assert done.found == []
    assert link["target_endpoint"] == "https://mail.example/[erased]/inbox"
    assert link["last_error"] == "550 <[erased]>: no such mailbox of [erased]"
    assert json.loads(link["config"]) == {
        "to": "[erased]",
        "within": '{"cc": "[erased]"}',
        "n": 1.5,
    }
    assert '"n": 1.50' in link["config"]
    assert read(named_elsewhere, "SELECT data FROM contexts WHERE chitty_id = ?", CONTEXT) == [
        {"data": '["[erased]"]'}
    ]
    assert cells_that_name(named_elsewhere, *TEXTS) == []
    assert named_in_bytes(named_elsewhere, *TEXTS) == []
    assert differences(named_elsewhere) == []


def test_names_that_would_become_the_same_are_numbered(named_elsewhere):
    erased(named_elsewhere, also_texts=True)

    names = read(named_elsewhere, "SELECT name FROM contexts ORDER BY name")
    assert [each["name"] for each in names] == ["Mail of [erased] (2)", "Mail of [erased] (3)"]


def test_a_client_that_read_a_row_before_notices_that_its_text_was_replaced(named_elsewhere):
    erased(named_elsewhere, also_texts=True)

    (link,) = read(named_elsewhere, "SELECT updated_at FROM connections")
    assert link["updated_at"] > AT


def test_further_words_are_looked_for_as_well(named_elsewhere):
    write(named_elsewhere, "UPDATE connections SET last_error = 'ask Annie', config = '{}'")

    erased(named_elsewhere, texts=["Annie"], also_texts=True)

    assert read(named_elsewhere, "SELECT last_error FROM connections") == [
        {"last_error": "ask [erased]"}
    ]


def test_another_actor_with_the_same_name_keeps_it(file):
    write(file, "UPDATE actors SET display_name = ? WHERE chitty_id = ?", NAME, BEN)

    done = erased(file, also_texts=True)

    assert read(file, "SELECT display_name FROM actors WHERE chitty_id = ?", BEN) == [
        {"display_name": NAME}
    ]
    assert places(done) == {"actors.display_name", "changes of actors.after"}
    assert {each.by_hand for each in done.found} == {"another actor's, or what programs know it by"}
    assert differences(file) == []


@pytest.mark.parametrize("name", ["active", "admin", "github", "context", "erased", "actors", "e"])
def test_a_name_that_programs_use_as_a_word_breaks_nothing(named_elsewhere, name):
    write(named_elsewhere, "UPDATE actors SET display_name = ? WHERE chitty_id = ?", name, ANN)
    kept = "SELECT status, source_type, connection_type FROM connections"
    before = read(named_elsewhere, kept)

    erased(named_elsewhere, also_texts=True)

    assert read(named_elsewhere, kept) == before
    assert read(named_elsewhere, "SELECT capabilities FROM actors WHERE chitty_id = ?", BEN) == [
        {"capabilities": '["admin"]'}
    ]
    assert differences(named_elsewhere) == []


def test_tables_of_other_programs_are_listed_and_never_touched(file):
    write(file, "CREATE TABLE users (mail TEXT PRIMARY KEY, note)")
    write(file, "INSERT INTO users VALUES (?, ?)", EMAIL, f"{NAME} again".encode())

    done = erased(file, also_texts=True)

    assert {(each.column, each.by_hand) for each in done.found} == {
        ("mail", "another program's table"),
        ("note", "another program's table"),
    }
    assert read(file, "SELECT mail FROM users") == [{"mail": EMAIL}]


def test_a_table_of_a_thousand_columns_is_searched_too(file):
    columns = [f"c{number}" for number in range(1_000)]
    write(file, f"CREATE TABLE wide ({', '.join(columns)})")
    write(file, "INSERT INTO wide (c1, c999) VALUES ('x', ?)", EMAIL)

    assert places(erased(file)) == {"wide.c999"}


def test_texts_that_are_not_utf_8_and_changes_that_are_no_json_do_not_stop_it(named_elsewhere):
    with closing(sqlite3.connect(named_elsewhere, isolation_level=None)) as connection:
        odd = f"CAST(x'ff' || '{EMAIL}' || x'fe' AS TEXT)"
        connection.execute(f"UPDATE connections SET last_error = {odd}, updated_at = '{AT}'")
        (sql,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'changes_are_not_updated'"
        ).fetchone()
        connection.execute("DROP TRIGGER changes_are_not_updated")
        connection.execute("UPDATE changes SET before = '{' || ? WHERE sequence = 3", (EMAIL,))
        connection.execute(sql)

    erased(named_elsewhere, also_texts=True)

    assert cells_that_name(named_elsewhere, *TEXTS) == []


def test_a_table_that_was_set_aside_is_erased_by_the_actors_id_and_by_what_names_the_person(file):
    write(file, "UPDATE actors SET display_name = ? WHERE chitty_id = ?", NAME, BEN)
    write(file, "CREATE TABLE actors_before_recreation AS SELECT * FROM actors")
    write(file, "UPDATE actors SET display_name = 'Ben' WHERE chitty_id = ?", BEN)
    write(
        file,
        "CREATE TABLE contexts_before_adoption (chittyid TEXT, name TEXT UNIQUE, metadata TEXT)",
    )
    write(
        file,
        "INSERT INTO contexts_before_adoption VALUES ('c', ?, ?)",
        NAME,
        f'{{"owner":"{EMAIL}"}}',
    )

    done = erased(file)

    kept = read(file, "SELECT * FROM actors_before_recreation WHERE chitty_id = ?", ANN)
    assert {name: kept[0][name] for name in ACTORS.personal} == dict(ACTORS.personal)
    assert read(file, "SELECT * FROM contexts_before_adoption") == [
        {"chittyid": "c", "name": "[erased]", "metadata": '{"owner":"[erased]"}'}
    ]
    assert done.rows["actors_before_recreation"] == 1
    namesake = read(file, "SELECT * FROM actors_before_recreation WHERE chitty_id = ?", BEN)
    assert namesake[0]["display_name"] == NAME
    assert cells_that_name(file, EMAIL, PICTURE) == []


def test_without_rewriting_unused_parts_may_hold_old_copies_which_it_says(file):
    done = erased(file, rewrites=False)

    assert done.cleaning is not None
    assert not done.cleaning.is_complete
    assert "was not rewritten" in done.cleaning.left
    assert cells_that_name(file, *TEXTS) == []


def test_a_database_that_is_not_up_to_date_is_refused(tmp_path):
    with pytest.raises(BootRefused, match="does not exist"):
        erasure.erase(tmp_path / "none.db", ErasureRequest(ANN))


def test_copies_that_were_made_before_are_listed_until_they_are_deleted(file, tmp_path):
    beside = file.with_name("registry.db.before-repair-20260101T000000.000Z")
    backup = tmp_path / "backups" / "registry-20260101T000000.000Z.db"
    elsewhere = tmp_path / "far" / "away" / "registry-20260102T000000.000Z.db"
    for path in (beside, backup, elsewhere):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.read_bytes())
    (backup.parent / "other-20260101T000000.000Z.db").write_bytes(b"another's")

    first = erased(file, backups=[elsewhere.parent])
    later = backup.with_name("registry-20270101T000000.000Z.db")
    later.write_bytes(file.read_bytes())
    beside.unlink()
    again = erased(file)

    assert {each.file for each in first.copies} == {str(beside), str(backup), str(elsewhere)}
    assert {each.bytes for each in first.copies} == {backup.stat().st_size}
    assert [each.file for each in again.copies] == [str(backup)]


def test_databases_of_any_name_that_have_the_actor_are_listed_until_it_is_erased_there(
    file, tmp_path
):
    backup = tmp_path / "monday" / "before leaving.sqlite"
    backup.parent.mkdir()
    backup.write_bytes(file.read_bytes())
    (tmp_path / "damaged.db").write_bytes(file.read_bytes()[:5000])
    (tmp_path / "notes.txt").write_text(NAME)
    entries = sorted(tmp_path.rglob("*"))

    first = erased(file)
    left = sorted(tmp_path.rglob("*"))
    erased(backup)
    again = erased(file)

    assert [each.file for each in first.copies] == [str(backup)]
    assert left == entries
    assert again.copies == []


def test_no_word_of_the_person_is_left_in_the_indexes_of_searches(file):
    # REPLACE leaves words of the row that it replaces, since its deletion has no trigger.
    write(file, "INSERT OR REPLACE INTO actors SELECT * FROM actors WHERE chitty_id = ?", ANN)
    before = words_of_actors(file)

    erased(file)

    after = words_of_actors(file)
    assert {word for word in before if word.endswith(("ann", "ohara"))}
    assert not {word for word in after if word.endswith(("ann", "ohara"))}


def words_of_actors(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(
            "CREATE VIRTUAL TABLE temp.found USING fts5vocab(main, actors_search, row)"
        )
        return [str(term) for (term,) in connection.execute("SELECT term FROM temp.found")]
