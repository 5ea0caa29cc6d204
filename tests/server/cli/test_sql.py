"""`chittygraph sql`: one statement's rows as text; it changes nothing and shows no secret."""

import csv
import io
import json
import os
import pty
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from server.cli import main
from server.cli.output import row_output
from tests.support.registries.databases import demo_registry
from tests.support.running import terminals
from tests.support.services.forked import start_command
from tests.support.services.server_process import served

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT {} FROM n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A registry with the sample data and a cursor key."""
    found = demo_registry(tmp_path / "registry.db")
    with closing(sqlite3.connect(found, isolation_level=None)) as connection:
        connection.execute("INSERT INTO server_keys VALUES ('cursors', 'secret-value', 'now')")
    return found


@pytest.fixture
def sql(path, capsys):
    """Ask the registry; returns the exit code, output and complaint."""

    def run(statement: str, *flags: str) -> tuple[Any, str, str]:
        code = main(["sql", statement, "--database", str(path), *flags])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def start_sql(path: Path, statement: str, *flags: str) -> "subprocess.Popen[str]":
    """A process that asks; its output can be read as it comes."""
    return start_command(
        *("sql", statement, "--database", path, *flags),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )


def test_output_without_a_terminal_is_csv(sql):
    code, out, err = sql("SELECT status, count(*) AS n FROM actors GROUP BY status ORDER BY status")

    assert (code, err) == (0, "")
    assert out.startswith("status,n\nactive,")


def test_output_on_a_terminal_is_a_table(path):
    ours, theirs = pty.openpty()
    statement = "SELECT 'a' AS one, 2 AS two"
    with os.fdopen(ours, "rb") as terminal:
        start_command("sql", statement, "--database", path, stdout=theirs).wait()
        os.close(theirs)
        shown = terminals.shown_on(terminal.fileno())

    assert shown.splitlines() == ["one  two", "---  ---", "a      2", "(1 row)"]


ALL_KINDS = """
    SELECT NULL AS none, '' AS empty, 'NULL' AS word, x'00ff' AS blob, 'x''00''' AS looks, -1.5 AS
        half, 9223372036854775807 AS big, 9e999 AS infinite, 'q"' || char(10, 27, 0) || 'z' AS odd, 'é日' AS é
"""


def test_a_table_distinguishes_all_types_of_values_and_escapes_control_characters(sql):
    _, out, _ = sql(ALL_KINDS, "--format", "table")

    names, _, row, end = out.splitlines()
    assert names.split()[-2:] == ["odd", "é"]
    assert row.split() == [
        *("NULL", "'NULL'", "x'00ff'", "'x'00''", "-1.5", "9223372036854775807", "inf"),
        *(r'q"\n\x1b\x00z', "é日"),
    ]
    assert end == "(1 row)"


def test_json_preserves_every_value(sql):
    _, out, _ = sql(ALL_KINDS, "--format", "json")

    assert json.loads(out) == [
        {
            "none": None,
            "empty": "",
            "word": "NULL",
            "blob": {"blob": "00ff"},
            "looks": "x'00'",
            "half": -1.5,
            "big": 2**63 - 1,
            "infinite": float("inf"),
            "odd": 'q"\n\x1b\0z',
            "é": "é日",
        }
    ]
    assert "Infinity" not in out


def test_csv_distinguishes_null_from_an_empty_text_and_parses_back(sql):
    _, out, _ = sql("SELECT NULL, '' AS b, 'a,\"b\"' || char(13, 10) || ' ' AS c, x'0a' AS d")

    assert out.splitlines()[1].startswith(',"",')
    (_, row) = csv.reader(io.StringIO(out, newline=""), strict=True)
    assert row == ["", "", 'a,"b"\r\n ', "x'0a'"]


def test_json_numbers_repeated_columns_and_shows_no_rows_as_an_empty_array(sql):
    same = sql("SELECT 1 AS a, 2 AS a, 3 AS a_2", "--format", "json")
    none = sql("SELECT 1 AS a WHERE FALSE", "--format", "json")

    assert json.loads(same[1]) == [{"a": 1, "a_2": 2, "a_2_2": 3}]
    assert json.loads(none[1]) == []


def test_a_wide_cell_is_shortened_in_a_table_only_with_a_note(sql):
    wide = "SELECT printf('%.*c', 500, 'w') AS w, printf('%.*c', 500, '日') AS j"

    _, table, _ = sql(wide, "--format", "table")
    _, whole, _ = sql(wide)

    assert max(map(len, table.splitlines())) < 130
    assert "2 cells cut short: --format json or csv shows all of them" in table
    assert "w" * 500 in whole


def test_a_table_without_rows_still_has_its_columns(sql):
    _, out, _ = sql("SELECT name FROM contexts WHERE FALSE", "--format", "table")

    assert out == "name\n----\n(0 rows)\n"


def test_a_table_of_many_rows_is_printed_as_it_is_read():
    def endless():
        while True:
            yield ("x",)

    lines = row_output.as_table(["a"], endless())

    assert [next(lines) for _ in range(5)] == ["a", "-", "x", "x", "x"]


def test_a_stored_text_that_is_not_utf_8_is_shown(sql):
    assert sql("SELECT CAST(x'ff41' AS TEXT) AS a")[1] == "a\n\\xffA\n"


ALLOWED = [
    "WITH a (b) AS (SELECT 1) SELECT b FROM a",
    "EXPLAIN QUERY PLAN SELECT * FROM actors",
    "EXPLAIN SELECT * FROM actors",
    "PRAGMA table_info(server_keys)",
    "PRAGMA index_list('contexts')",
    "PRAGMA journal_mode",
    "SELECT name FROM pragma_table_info('actors')",
    "SELECT value FROM json_each('[1]')",
    "SELECT name, created_at FROM server_keys",
    "SELECT name FROM server_keys NATURAL JOIN (SELECT 'cursors' AS name)",
    "PRAGMA integrity_check",
    "/* */ EXPLAIN SELECT value FROM json_each('[1]')",
    "VALUES (1)",
    "SELECT 1; -- and a remark",
]


@pytest.mark.parametrize("statement", ALLOWED)
def test_statements_that_only_read_are_run(sql, statement: str):
    code, out, err = sql(statement)

    assert (code, err) == (0, "")
    assert len(out.splitlines()) > 1


WRITES = "the statement does not only read"
REFUSED = {
    "DELETE FROM actors": WRITES,
    "UPDATE actors SET status = 'deleted' RETURNING 1": WRITES,
    "INSERT OR REPLACE INTO actors (chitty_id) VALUES (1)": WRITES,
    "WITH a AS (SELECT 1) DELETE FROM actors": WRITES,
    "EXPLAIN DELETE FROM actors": WRITES,
    "DROP TABLE actors": WRITES,
    "CREATE TEMP TABLE a (b)": WRITES,
    "ATTACH '{other}' AS other": WRITES,
    "VACUUM INTO '{other}'": WRITES,
    "BEGIN IMMEDIATE": WRITES,
    "SAVEPOINT a": WRITES,
    "ANALYZE": WRITES,
    "PRAGMA journal_mode = DELETE": "PRAGMA journal_mode may change something",
    "PRAGMA query_only = OFF": "PRAGMA query_only may change something",
    "PRAGMA wal_checkpoint(TRUNCATE)": "PRAGMA wal_checkpoint may change something",
    "PRAGMA writable_schema(1)": "PRAGMA writable_schema may change something",
    "SELECT load_extension('x')": "extensions are not loaded here",
    "SELECT 1; DELETE FROM actors": "one statement at a time",
    "SELEC 1": 'near "SELEC": syntax error',
    "SELECT * FROM nowhere": "no such table: nowhere",
    "SELECT :a": "Incorrect number of bindings",
    "": "there is no statement",
    "-- only a remark": "there is no statement",
    "SELECT '\0'": "no text of SQL",
    "SELECT '\udcff'": "no text of SQL",
}


@pytest.mark.parametrize(("statement", "complaint"), REFUSED.items())
def test_a_writing_or_invalid_statement_gets_one_line_and_changes_nothing(
    sql, path, tmp_path, statement: str, complaint: str
):
    before, files = path.read_bytes(), sorted(tmp_path.iterdir())

    code, out, err = sql(statement.replace("{other}", str(tmp_path / "other.db")))

    assert (code, out) == (1, "")
    assert err.startswith("chittygraph: ")
    assert complaint in err
    assert err.count("\n") == 1
    assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == files


SECRETS = [
    "SELECT value FROM server_keys",
    "SELECT * FROM SERVER_KEYS",
    'SELECT "k"."VALUE" FROM server_keys AS k',
    "SELECT max(k.value) OVER () FROM (SELECT * FROM server_keys) AS k",
    "SELECT name FROM server_keys ORDER BY value",
    "SELECT count(*) FROM server_keys WHERE value LIKE 's%'",
    "SELECT (SELECT group_concat(value) FROM server_keys)",
    "SELECT 1 FROM actors JOIN server_keys USING (created_at) WHERE server_keys.value > ''",
    "SELECT * FROM theirs",
    "SELECT * FROM (SELECT 'a' AS value) AS a FULL JOIN server_keys USING (value)",
    "SELECT value FROM (SELECT 'a' AS value) AS a NATURAL FULL JOIN server_keys",
    "/* */ WITH a (value) AS (VALUES (1)) SELECT max(value) FROM a FULL JOIN server_keys USING (value)",
    "SELECT count(*) FROM pragma_table_list AS p, (SELECT 's' AS value) NATURAL JOIN server_keys",
]


@pytest.mark.parametrize("statement", SECRETS)
def test_stored_secrets_cannot_be_read_in_any_way(sql, path, statement: str):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE VIEW theirs AS SELECT value AS harmless FROM server_keys")

    code, out, err = sql(statement)

    assert (code, out) == (1, "")
    assert "server_keys.value holds secrets" in err


def test_the_digests_of_api_keys_cannot_be_read_and_their_other_columns_can(sql):
    code, out, err = sql("SELECT secret_sha256 FROM api_keys")
    told, listed, _ = sql("SELECT key_id, label FROM api_keys")

    assert (code, out) == (1, "")
    assert "api_keys.secret_sha256 holds secrets" in err
    assert told == 0
    assert "key_id" in listed


def test_kept_answers_cannot_be_read_and_how_many_there_are_can(sql):
    code, out, err = sql("SELECT answer FROM idempotent_answers")
    told, counted, _ = sql("SELECT viewer, count(*) FROM idempotent_answers GROUP BY viewer")

    assert (code, out) == (1, "")
    assert "idempotent_answers.answer holds secrets" in err
    assert (told, counted) == (0, "viewer,count(*)\n")


def test_a_long_statement_is_stopped_at_its_time_limit(sql):
    counted = sql(ENDLESS.format("count(*)"), "--read-seconds", "0.05")
    listed = sql(ENDLESS.format("i"), "--read-seconds", "0.05")

    for code, _, err in (counted, listed):
        assert code == 1
        assert err == (
            "chittygraph: reading took longer than 0.05 s:"
            " ask for less or allow more time with --read-seconds\n"
        )
    assert counted[1] == ""
    assert listed[1].startswith("i\n1\n2\n")


@pytest.mark.parametrize("condition", ["i = 1", "TRUE"])
def test_an_interrupt_stops_a_long_statement_quietly(path, condition: str):
    statement = f"{ENDLESS.format('i')} WHERE {condition}"
    process = start_sql(path, statement, "--read-seconds", "3600")

    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()

    assert first == "i\n"
    assert (process.returncode, err) == (130, "")


def test_a_closed_pipe_stops_the_output_quietly(path):
    process = start_sql(path, ENDLESS.format("i"), "--read-seconds", "3600")

    lines = [process.stdout.readline() for _ in range(3)]
    process.stdout.close()
    process.wait()

    assert lines == ["i\n", "1\n", "2\n"]
    assert process.stderr.read() == ""
    process.stderr.close()


def test_the_statement_may_come_from_stdin(sql, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("SELECT 'é' AS a\n".encode())))
    good = sql("-")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"SELECT '\xff'")))
    bad = sql("-")

    assert good == (0, "a\né\n", "")
    assert bad == (1, "", "chittygraph: the statement is not UTF-8\n")


def test_the_statement_may_come_from_a_file(sql, tmp_path, capsys):
    file = tmp_path / "query.sql"
    file.write_bytes("\ufeff-- a remark\nSELECT 'é' AS a;\n".encode())

    assert run_main(capsys, tmp_path, "sql", "--file", str(file)) == (0, "a\né\n", "")
    assert run_main(capsys, tmp_path, "sql", "--file", str(file), "SELECT 1")[0] == 2
    assert "no such file" in run_main(capsys, tmp_path, "sql", "--file", f"{file}.txt")[2]


def run_main(capsys, folder, *words):
    code = main([*words, "--database", str(folder / "registry.db")])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


MISTAKEN = {
    ("query.sql",): "to run what is in that file, use --file query.sql",
    ("./query.sql",): "use --file ./query.sql",
    ("notes",): "use --file notes",
    ("actors",): '"SELECT * FROM actors"; .tables lists the tables',
    ("a-b",): "or --file FILE",
    ("select", "1"): "put the whole statement in quotes",
    (): "give a statement",
    (".foo",): ".foo is not known here: there are .tables, .schema",
    (".",): ". is not known here",
    (".dump",): "use `chittygraph export --sql`",
    (".read query.sql",): "use `chittygraph sql --file FILE`",
    (".mode", "csv"): "choose the output with --format",
    (".q",): "each call runs one statement",
    (".schema", "a", "b"): ".schema takes one name or pattern, not 2",
}


@pytest.mark.parametrize(("words", "advice"), MISTAKEN.items(), ids=map(" ".join, MISTAKEN))
def test_what_is_no_statement_is_answered_with_what_to_do(
    path, tmp_path, capsys, monkeypatch, words, advice
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes").touch()

    code, out, err = run_main(capsys, tmp_path, "sql", *words)

    assert (code, out) in [(1, ""), (2, "")]
    assert err.startswith("chittygraph: ")
    assert advice in err
    assert err.count("\n") == 1


def test_commands_of_the_sqlite3_shell_list_tables_and_indexes(sql):
    _, tables, _ = sql(".tables")
    _, some, _ = sql(".tables con*")
    _, indexes, _ = sql(".indexes connections")
    _, databases, _ = sql(".databases")

    assert {"actors", "contexts", "server_keys"} <= set(tables.splitlines())
    assert some.splitlines() == ["connections", "contexts"]
    assert "connections_odd" in indexes.splitlines()
    assert "contexts_odd" not in indexes.splitlines()
    assert databases.startswith("main: /")


def test_schema_prints_the_whole_sql_of_a_table_or_of_all_which_makes_them_again(sql):
    _, one, _ = sql(".schema contexts")
    _, all_of_them, _ = sql(".schema")
    _, as_json, _ = sql(".schema contexts", "--format", "json")

    assert one.startswith("CREATE TABLE")
    assert "CREATE INDEX" in one
    assert one in all_of_them
    assert "".join(row["sql"] + "\n" for row in json.loads(as_json)) == one
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(all_of_them)


def test_a_server_may_run_at_the_same_time(path, sql):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE server_keys SET value = hex(randomblob(32))")

    with served(path):
        running = sql("SELECT count(*) AS n FROM contexts")
        key = sql("SELECT value FROM server_keys")

    assert running == (0, "n\n120\n", "")
    assert (key[0], key[1]) == (1, "")


def test_a_read_only_file_can_be_read(path, sql):
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        found = sql("SELECT count(*) AS n FROM contexts")
    finally:
        path.parent.chmod(0o755)

    assert found == (0, "n\n120\n", "")


def test_sql_changes_no_byte_and_leaves_no_file(path, sql, tmp_path):
    before = path.read_bytes()

    sql("SELECT * FROM connections", "--format", "table")

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_database_is_reported_and_not_created(tmp_path, capsys):
    missing = tmp_path / "missing.db"

    code = main(["sql", "SELECT 1", "--database", str(missing)])

    assert code == 1
    assert "does not exist: make it with `chittygraph migrate`" in capsys.readouterr().err
    assert not missing.exists()


def test_a_file_that_is_not_a_database_gets_one_line(tmp_path, capsys):
    file = tmp_path / "notes.db"
    file.write_text("no database, but long enough to look at " * 100)

    code = main(["sql", "SELECT 1", "--database", str(file)])

    err = capsys.readouterr().err
    assert code == 1
    assert err == (
        f"chittygraph: {file} is damaged or not a SQLite database (file is not a database):"
        " restore it from a backup, or name another file\n"
    )


def test_sql_has_help(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["sql", "--help"])

    assert caught.value.code == 0
    assert "usage: chittygraph sql" in capsys.readouterr().out
