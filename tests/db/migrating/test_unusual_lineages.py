"""What ChittyConnect's other tables may hold besides, and what stands in the way of adopting them."""

from pathlib import Path

import pytest

from db.errors import BootRefused
from db.migrating import migrator
from tests.support.registries import relatives
from tests.support.registries.legacy_registries import opened, rows
from tests.support.registries.relatives import (
    EARLIER,
    EVERYTHING,
    INTAKE,
    LEDGER,
    MAIN,
    OWN,
    made,
    system_actor,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def adopted(file: Path, sql: str, change: str) -> Path:
    with opened(made(file, sql)) as connection:
        connection.executescript(change)
    migrator.migrate(file)
    assert migrator.check(file).repairs == []
    return file


def test_of_contexts_with_the_same_name_the_first_keeps_it(file: Path):
    insert = "INSERT INTO contexts (id, name) VALUES "
    adopted(file, EARLIER, insert + "('a', 'odd'), ('b', 'odd'), ('c', 'odd (2)'), ('d', 'odd')")

    assert dict(rows(file, "SELECT chitty_id, name FROM contexts WHERE name LIKE 'odd%'")) == {
        "CTX-3": "odd",
        "a": "odd (2)",
        "b": "odd (3)",
        "c": "odd (2) (2)",
        "d": "odd (4)",
    }
    kept = rows(
        file, "SELECT row_key, value_before FROM replaced_values WHERE column_name = 'name'"
    )
    assert sorted(kept) == [("a", "odd"), ("b", "odd"), ("c", "odd (2)"), ("d", "odd")]


def test_a_context_that_is_named_as_owner_owns_nothing(file: Path):
    named = "UPDATE contexts SET metadata = json_object('owner', '%s') WHERE name = '%s';"
    adopted(file, MAIN, named % (LEDGER, "ledger") + named % (f"did:chitty:{LEDGER}", "intake"))

    owners = rows(file, "SELECT DISTINCT owner_chitty_id FROM contexts")
    assert owners == [(system_actor(file),)]
    assert rows(file, "SELECT count(*) FROM actors") == [(1,)]


# What an installation is called by, and the ChittyID that it keeps, if it does.
NAMED = {
    101: (f"did:chitty:{OWN}", OWN),
    102: ("inst-7", "inst-7"),
    103: ("CHITTY-INSTALL-000007-AAAA", "CHITTY-INSTALL-000007-AAAA"),
    104: (OWN, None),  # which an earlier one has already
    105: ("CHITTY-CONTEXT-000007-AAAA", None),
    106: ("03-1-USA-0042-P-2511-0-17", None),
    107: ("", None),
}


def test_an_installation_keeps_a_chittyid_that_is_its_own_and_no_missing_contexts(file: Path):
    values = ", ".join(f"({key}, '{named}')" for key, (named, _) in NAMED.items())
    adopted(file, MAIN, f"INSERT INTO installations (installation_id, chittyid) VALUES {values}")

    stored = dict(rows(file, "SELECT installation_id, chitty_id FROM installations"))
    replaced = dict(
        rows(
            file,
            "SELECT row_key, value_before FROM replaced_values"
            " WHERE table_name = 'installations' AND column_name = 'chitty_id'",
        )
    )
    assert len(set(stored.values())) == len(stored)
    for key, (named, own) in NAMED.items():
        assert stored[key] == own if own else stored[key].startswith("CHITTY-INSTALLATION-")
        assert replaced.get(str(key)) == (None if own or not named else named)
    assert rows(file, "SELECT 1 FROM connections WHERE installation_id BETWEEN 101 AND 107") == []


def test_contexts_without_a_chittyid_are_given_one_each(file: Path):
    values = "(NULL, 'a', '{\"owner\": \"nobody\"}'), ('', 'b', NULL), (NULL, 'c', '{}')"
    adopted(file, MAIN, f"INSERT INTO contexts (chittyid, name, metadata) VALUES {values}")

    minted = rows(file, "SELECT chitty_id FROM contexts WHERE name IN ('a', 'b', 'c')")
    kept = "SELECT row_key FROM replaced_values WHERE column_name = 'owner_chitty_id'"
    assert len(set(minted)) == 3
    assert all(each.startswith("CHITTY-CONTEXT-") for (each,) in minted)
    assert rows(file, kept) == [minted[0]]


TIMES = {
    "1761072726": "2025-10-21T18:52:06.000Z",
    "1761072726250": "2025-10-21T18:52:06.250Z",
    "2025-10-21 18:52:06": "2025-10-21T18:52:06.000Z",
    "2025-10-21T20:52:06+02:00": "2025-10-21T18:52:06.000Z",
}


@pytest.mark.parametrize("sql", [MAIN, EARLIER], ids=["numbers", "texts"])
def test_times_of_every_form_are_read_in_columns_of_numbers_and_of_texts(file: Path, sql: str):
    insert = "INSERT INTO contexts ({key}, name, created_at) VALUES ('{time}', '{time}', '{time}');"
    key = "chittyid" if sql == MAIN else "id"
    adopted(file, sql, "".join(insert.format(key=key, time=time) for time in TIMES))

    found = rows(file, "SELECT name, created_at, updated_at FROM contexts WHERE name GLOB '[12]*'")
    assert {name: created for name, created, _ in found} == TIMES
    assert all(created == updated for _, created, updated in found)


def test_two_rows_with_the_same_key_are_refused_by_name_and_nothing_is_changed(file: Path):
    with opened(made(file, MAIN)) as connection:
        connection.execute(
            f"INSERT INTO contexts (chittyid, name) VALUES ('did:chitty:{LEDGER}', 'twin')"
        )
    before = contents(file.parent)

    for look in (migrator.migrate, migrator.inspect, migrator.check):
        with pytest.raises(BootRefused) as refused:
            look(file)

        assert f"the rows of contexts cannot be adopted: two of them are {LEDGER}" in str(
            refused.value
        )
        assert contents(file.parent) == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "CREATE TABLE contexts_before_adoption (id)",
            "its table contexts is to be kept as contexts_before_adoption",
        ),
        (
            "CREATE VIEW broken AS SELECT * FROM missing; CREATE VIEW names AS SELECT name FROM contexts;",
            "its table contexts cannot be renamed to contexts_before_adoption: error in view broken",
        ),
        (
            "CREATE INDEX contexts_by_name ON contexts (dna_id)",
            "index contexts_by_name is another than the index that is made here",
        ),
        ("CREATE TABLE actors (name TEXT)", "table actors lacks the columns chitty_id"),
    ],
    ids=["the name is taken", "a view that cannot be read", "an index of ours", "another actors"],
)
def test_what_stands_in_the_way_is_named_and_nothing_is_changed(file: Path, change: str, told: str):
    with opened(made(file, MAIN)) as connection:
        connection.executescript(change)
    before = contents(file.parent)

    for look in (migrator.migrate, migrator.inspect, migrator.check):
        with pytest.raises(BootRefused) as refused:
            look(file)

        assert told in str(refused.value)
        assert contents(file.parent) == before


def test_objects_of_others_follow_the_tables_that_they_are_about(file: Path):
    adopted(
        file,
        MAIN,
        "CREATE TABLE files (chittyid TEXT REFERENCES contexts (chittyid));"
        f"INSERT INTO files VALUES ('{LEDGER}');"
        "CREATE VIEW names AS SELECT name FROM contexts;"
        "CREATE TRIGGER touch AFTER UPDATE OF name ON contexts BEGIN"
        " UPDATE contexts SET updated_at = 0 WHERE chittyid = new.chittyid; END;",
    )

    with opened(file) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("UPDATE contexts_before_adoption SET name = 'l' WHERE name = 'ledger'")
        connection.execute(f"INSERT INTO files VALUES ('{INTAKE}')")

    assert rows(file, "SELECT count(*) FROM names WHERE name = 'l'") == [(1,)]
    assert rows(file, "SELECT updated_at FROM contexts_before_adoption WHERE name = 'l'") == [(0,)]
    assert rows(file, "SELECT count(*) FROM files") == [(2,)]
    assert rows(file, "SELECT count(*) FROM contexts WHERE name = 'ledger'") == [(1,)]


VALUES = (
    "x'ff41'",
    "CAST(x'ff41' AS TEXT)",  # not UTF-8
    "7.5",
    '\'{"account": {"id": 99999999999999999999}, "owner": 7}\'',
    "'a' || char(0) || 'b'",
    "'[1, {\"owner\": []}]'",
    "'{\"owner\":' || replace(printf('%.*c', 400, 'x'), 'x', '[') || '}'",
    "'{\"owner\":' || replace(printf('%.*c', 400, 'x'), 'x', '{\"a\":') || '1}'",
    "''",
)


@pytest.mark.parametrize("kind", ["main", "earlier"])
def test_no_value_of_another_kind_stops_the_adoption(file: Path, kind: str):
    with opened(made(file, EVERYTHING[kind])) as connection:
        for table, first in (("contexts", "'k'"), ("installations", "100")):
            names = rows(file, f"SELECT name FROM pragma_table_info('{table}')")
            for number, value in enumerate(VALUES):
                cells = [f"{first} || {number}", *[value] * (len(names) - 1)]
                if table == "contexts":
                    cells[1] = f"'name {number}'"
                connection.execute(f"INSERT INTO {table} VALUES ({', '.join(cells)})")
    before = relatives.tables(file)

    migrator.migrate(file)

    after = relatives.tables(file)
    assert {name: after[name] for name in before} == before
    assert rows(file, "SELECT count(*) FROM contexts") == [(len(before["contexts"]),)]
    assert rows(file, "SELECT count(*) FROM installations") == [(len(before["installations"]),)]
    assert migrator.check(file).repairs == []


def test_tables_without_a_row_are_kept_and_reported_too(file: Path):
    adopted(file, MAIN, "DELETE FROM installations; DELETE FROM contexts;")

    reported = [problem for (problem,) in rows(file, "SELECT problem FROM repairs ORDER BY 1")]
    assert reported == [
        "a table of ChittyConnect's main line, kept whole as contexts_before_adoption",
        "a table of ChittyConnect's main line, kept whole as installations_before_adoption",
    ]
    assert rows(file, "SELECT count(*) FROM actors") == [(0,)]
