"""`chittygraph export`: the same bytes for the same rows."""

import csv
import io
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
from tests.support.registries.databases import demo_registry, made_once, new_registry
from tests.support.registries.transfers import ACTOR, CONNECTION, REGISTRY, content
from tests.support.services.forked import start_command
from tests.support.services.server_process import served

EVERY_TYPE = [pytest.param(each.type, id=each.type) for each in TRANSFERS]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "registry.db"


@made_once
def fill(path, seed):
    """Make a registry of unusual characters, ties, NULLs and ended rows, past every rule."""
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
            "INSERT INTO installation_facts VALUES (8, 'uninstalled_at', ?, 4, ?, 3)",
            (random_registries.INSTANTS[0], json.dumps(random_registries.INSTANTS[0])),
        )
        connection.commit()


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in (1, 2))]
)
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


def test_a_registry_that_this_server_made_can_be_imported_again(transfers, path):
    demo_registry(path)
    first = transfers.exported()

    code, _, err = transfers.run("import", transfers.write("all.jsonl", first), on="new.db")

    assert (code, err) == (0, "")
    assert transfers.exported(on="new.db") == first
    for table in TABLES:
        rows = content(transfers.folder / "registry.db")[table.name]
        assert sorted(content(transfers.folder / "new.db")[table.name]) == sorted(rows)


def test_each_type_goes_through_csv_to_the_same_bytes(transfers, path):
    demo_registry(path)

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


@pytest.mark.parametrize("words", [("--jsonl",), ("--csv", "connections")])
def test_a_configuration_with_numbers_of_any_size_goes_through_a_file_to_the_same_bytes(
    transfers, path, words
):
    transfers.given(*REGISTRY)
    transfers.run("import", transfers.write("a.jsonl", transfers.exported()), on="new.db")
    long = '{"a":[123456789012345678901234567890,-1],"b":0.1}'
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE connections SET config = ?", (long,))
        connection.commit()
    file = transfers.write(f"rows.{words[0][2:]}", transfers.exported(*words))
    flags = ("--update", *(("--type", words[1]) if words[1:] else ()))

    refused = transfers.run("import", file, *flags, on="new.db")
    taken = transfers.run("import", file, *flags, "--as-stored", on="new.db")

    assert "config: integers must fit into 64 bits" in refused[2]
    assert (taken[0], taken[2]) == (0, "")
    (config,) = [line["config"] for line in transfers.lines(on="new.db") if "config" in line]
    assert json.dumps(config, separators=(",", ":")) == long


def test_a_configuration_that_no_reader_of_json_takes_is_named_with_its_cause(transfers, path):
    transfers.given(*REGISTRY)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE connections SET config = '{\"a\":1e400}'")
        connection.commit()

    code, _, err = transfers.run("export", "--jsonl")

    assert code == 1
    assert "config: the stored value has the number 1e400, which is too large" in err


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


def test_a_value_that_the_api_shows_as_a_repair_would_store_it_is_exported_so(transfers, path):
    transfers.given(*REGISTRY)
    before = transfers.exported()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE contexts SET status = ' Active', deleted_at = ''")
        connection.execute("UPDATE installations SET account_type = 'USER', account_id = 70.0")
        connection.commit()

    assert transfers.exported() == before


def test_stdout_gets_the_other_rows_and_the_exit_code_is_1(transfers, path):
    transfers.given(*REGISTRY)
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


def test_csv_writes_an_empty_text_as_two_quotes_and_null_as_nothing_as_sql_does(transfers):
    transfers.take(ACTOR | {"display_name": "", "email": None}, flags=("--as-stored",))

    exported = transfers.exported("--csv", "actors")
    printed = transfers.run("sql", "SELECT display_name, email FROM actors")

    assert exported.splitlines()[1].split(",")[2:4] == ['""', ""]
    assert printed == (0, 'display_name,email\n"",\n', "")


UNUSUAL = ["", '"', '""', ",", "\r", "\n", "a\r\nb", " a ", "\u2028", 'a"b', "-", "NULL", "x'00'"]


def test_unusual_texts_go_through_csv_to_the_same_bytes(transfers):
    rows = [
        ACTOR
        | {"chitty_id": f"CHITTY-ACTOR-{number:06}-AAAA", "display_name": text, "email": email}
        for number, text in enumerate(UNUSUAL)
        for email in ["" if number % 2 else None]
    ]
    transfers.take(*rows, flags=("--as-stored",))
    exported = transfers.exported("--csv", "actors")
    file = transfers.write("actors.csv", exported)

    taken = transfers.run("import", file, "--type", "actors", "--as-stored", on="new.db")

    assert (taken[0], taken[2]) == (0, "")
    assert transfers.exported("--csv", "actors", on="new.db") == exported
    assert [line["display_name"] for line in transfers.lines(on="new.db")] == UNUSUAL
    read = csv.DictReader(io.StringIO(exported, newline=""), strict=True)
    assert [record["display_name"] for record in read] == UNUSUAL


def test_csv_refuses_a_nul_by_name_where_json_lines_and_sql_keep_it(transfers, path):
    transfers.take(ACTOR | {"display_name": "a\0b"}, flags=("--as-stored",))

    code, _, err = transfers.run("export", "--csv", "actors")
    lines = transfers.write("all.jsonl", transfers.exported())
    taken = transfers.run("import", lines, "--as-stored", on="new.db")
    restored = transfers.run(
        "restore", transfers.write("all.sql", transfers.exported("--sql")), on="restored.db"
    )

    assert code == 1
    assert err.startswith("actors 'CHITTY-ACTOR-000001-AAAA': display_name: the text has a NUL")
    assert (taken[0], restored[0]) == (0, 0)
    assert content(transfers.folder / "new.db")["actors"] == content(path)["actors"]
    assert content(transfers.folder / "restored.db")["actors"] == content(path)["actors"]


@pytest.mark.parametrize("words", [("--jsonl",), ("--csv", "actors")])
def test_the_export_of_an_empty_registry_is_imported(transfers, path, words):
    new_registry(path)
    file = transfers.write(f"empty.{words[0][2:]}", transfers.exported(*words))

    code, out, err = transfers.run("import", file, *(("--type", words[1]) if words[1:] else ()))

    assert (code, err) == (0, "")
    assert "holds no rows" in out


def test_the_file_is_complete_and_private_and_replaces_an_older_one(transfers):
    transfers.given(*REGISTRY)
    output = transfers.folder / "all.jsonl"
    output.write_text("old")

    transfers.run("export", "--jsonl", "--output", str(output))

    assert output.read_text() == transfers.exported()
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert list(transfers.folder.glob(".*")) == []


def test_an_export_changes_nothing(transfers, path):
    transfers.given(*REGISTRY)
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
        (["--jsonl", "dogs"], 2, "there is no type 'dogs'"),
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
    transfers.given(*REGISTRY)
    before = path.read_bytes()

    code, _, err = transfers.run("export", "--jsonl", "--output", str(path))

    assert code == 2
    assert "itself" in err
    assert path.read_bytes() == before


def test_a_reader_that_closes_the_pipe_ends_the_export_quietly(path):
    demo_registry(path)

    with start_command(
        *("export", "--jsonl", "--database", path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(10)
        process.stdout.close()
        said = process.stderr.read()

    assert said == ""


def test_a_count_beyond_32_bits_is_exported_as_it_is_stored(transfers, path):
    transfers.given(*REGISTRY)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE connections SET error_count = ?", (column_types.INT32_MAX + 5,))
        connection.commit()

    (line,) = [line for line in transfers.lines() if line["type"] == CONNECTION["type"]]

    assert line["error_count"] == column_types.INT32_MAX + 5
