"""`chittygraph export`: the same bytes for the same rows."""

import json
import re
import sqlite3
import stat
import subprocess
from contextlib import closing

import pytest

from db.model import column_types
from db.model.tables import TABLES
from db.transfer.layout import BY_TYPE, TRANSFERS
from server.files.json_lines import TYPE
from tests.support.corpus import non_canonical
from tests.support.registries import random_registries
from tests.support.registries.databases import new_registry
from tests.support.registries.transfers import ACTOR, CONNECTION, REGISTRY, content
from tests.support.services.server_process import COMMAND, served

EVERY_TYPE = [pytest.param(each.type, id=each.type) for each in TRANSFERS]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "registry.db"


def fill(path, seed):
    """Store a registry of unusual characters, ties, NULLs and ended rows, past every rule."""
    new_registry(path)
    made = random_registries.made(seed)
    with closing(sqlite3.connect(path)) as connection:
        for table in random_registries.ORDER:
            marks = ", ".join("?" for _ in table.columns)
            connection.executemany(
                f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})",
                [[getattr(row, name) for name in table.columns] for row in made.of(table)],
            )
        connection.execute(
            "INSERT INTO installation_facts VALUES (8, 'uninstalled_at', ?, 4, ?)",
            (random_registries.INSTANTS[0], json.dumps(random_registries.INSTANTS[0])),
        )
        connection.commit()


@pytest.mark.parametrize("seed", range(3))
def test_an_exported_and_imported_registry_exports_the_same_bytes(transfers, path, seed):
    fill(path, seed)

    first = transfers.exported()
    imported = transfers.run(
        "import", transfers.write("all.jsonl", first), "--as-stored", on="new.db"
    )
    again = transfers.exported(on="new.db")

    assert imported[0] == 0, imported[2]
    assert again == first
    assert len(first.splitlines()) > 130


def test_a_registry_that_this_server_made_can_be_imported_again(transfers):
    transfers.run("demo")
    first = transfers.exported()

    code, _, err = transfers.run("import", transfers.write("all.jsonl", first), on="new.db")

    assert (code, err) == (0, "")
    assert transfers.exported(on="new.db") == first
    for table in TABLES:
        rows = content(transfers.folder / "registry.db")[table.name]
        assert sorted(content(transfers.folder / "new.db")[table.name]) == sorted(rows)


def test_each_type_goes_through_csv_to_the_same_bytes(transfers):
    transfers.run("demo")

    for transfer in TRANSFERS:
        file = transfers.write("rows.csv", transfers.exported("--csv", transfer.type))
        code, _, err = transfers.run("import", file, "--type", transfer.type, on="new.db")
        assert (code, err) == (0, "")

    assert transfers.exported(on="new.db") == transfers.exported()


@pytest.mark.parametrize("type_name", EVERY_TYPE)
def test_one_type_is_exported_alone_with_its_columns_in_their_order(transfers, path, type_name):
    fill(path, 1)

    lines = transfers.exported("--jsonl", type_name).splitlines()

    assert lines
    for line in lines:
        assert list(json.loads(line)) == [TYPE, *BY_TYPE[type_name].table.columns]
        assert json.loads(line)[TYPE] == type_name


def test_type_is_not_the_name_of_a_column():
    assert all(TYPE not in transfer.table.columns for transfer in TRANSFERS)


def test_numbers_of_64_bits_and_unusual_characters_are_exported_exactly(transfers):
    name = '\u2028 e\u0301 🦊 \u0001 \\ "'
    row = ACTOR | {"session_count": 2**63 - 1, "display_name": name}
    transfers.take(row, flags=("--as-stored",))

    (line,) = transfers.lines()

    assert (line["session_count"], line["display_name"]) == (2**63 - 1, name)


def test_rows_that_cannot_be_expressed_are_named_and_no_file_is_made(transfers, path):
    non_canonical.fill(path, 1)
    output = transfers.folder / "all.jsonl"

    code, out, err = transfers.run("export", "--jsonl", "--output", str(output))

    *named, last = err.splitlines()
    assert (code, out, output.exists()) == (1, "", False)
    assert re.search(r"rows have values that this format cannot express", last)
    assert all(
        re.match(r"(actors|installations|contexts|connections) .*: ", line) for line in named
    )


def test_stdout_gets_the_other_rows_and_the_exit_code_is_1(transfers, path):
    transfers.take(*REGISTRY)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE contexts SET name = CAST(x'41ff' AS TEXT)")
        connection.commit()

    code, out, err = transfers.run("export", "--jsonl")

    assert code == 1
    assert {json.loads(line)["type"] for line in out.splitlines()} == {
        "actors",
        "installations",
        "connections",
    }
    assert err.startswith("contexts 'CHITTY-CONTEXT-000001-AAAA': name: ")


def test_an_empty_text_is_refused_in_csv_where_it_would_read_as_null(transfers):
    transfers.take(ACTOR | {"display_name": ""}, flags=("--as-stored",))

    code, _, err = transfers.run("export", "--csv", "actors")

    assert code == 1
    assert "cannot tell an empty text from NULL" in err


def test_the_file_is_complete_and_private_and_replaces_an_older_one(transfers):
    transfers.take(*REGISTRY)
    output = transfers.folder / "all.jsonl"
    output.write_text("old")

    transfers.run("export", "--jsonl", "--output", str(output))

    assert output.read_text() == transfers.exported()
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert list(transfers.folder.glob(".*")) == []


def test_an_export_changes_nothing(transfers, path):
    transfers.take(*REGISTRY)
    before = path.read_bytes()

    transfers.exported()

    assert path.read_bytes() == before


def test_sql_of_the_whole_database_makes_the_same_rows_again(transfers, path):
    fill(path, 2)

    sql = transfers.exported("--sql")

    with closing(sqlite3.connect(transfers.folder / "again.db")) as connection:
        connection.executescript(sql)
    again = content(transfers.folder / "again.db")
    for name, rows in content(path).items():
        assert sorted(again[name], key=repr) == sorted(rows, key=repr)


def test_a_registry_that_is_being_served_is_exported(transfers, path):
    with served(path, "--demo"):
        lines = transfers.lines()

    assert len([line for line in lines if line["type"] == "contexts"]) == 120


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--csv"], 2, "CSV holds one type"),
        (["--sql", "actors"], 2, "leave the type out"),
        (["--jsonl", "dogs"], 2, "invalid choice"),
        ([], 2, "is required"),
        (["--jsonl"], 1, "does not exist"),
        (["--jsonl", "--output", "."], 1, "is a folder"),
    ],
)
def test_a_usage_error_of_export_is_reported(transfers, words, code, said):
    found, out, err = transfers.run("export", *words, on="nothing.db")

    assert (found, out) == (code, "")
    assert said in err
    assert not (transfers.folder / "nothing.db").exists()


def test_the_database_itself_is_refused_as_output(transfers, path):
    transfers.take(*REGISTRY)
    before = path.read_bytes()

    code, _, err = transfers.run("export", "--jsonl", "--output", str(path))

    assert code == 2
    assert "itself" in err
    assert path.read_bytes() == before


def test_a_reader_that_closes_the_pipe_ends_the_export_quietly(transfers, path):
    transfers.run("demo")

    with subprocess.Popen(
        [*COMMAND, "export", "--jsonl", "--database", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(10)
        process.stdout.close()
        said = process.stderr.read()

    assert said == b""


def test_a_count_beyond_32_bits_is_exported_as_it_is_stored(transfers, path):
    transfers.take(*REGISTRY)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE connections SET error_count = ?", (column_types.INT32_MAX + 5,))
        connection.commit()

    (line,) = [line for line in transfers.lines() if line["type"] == CONNECTION["type"]]

    assert line["error_count"] == column_types.INT32_MAX + 5
