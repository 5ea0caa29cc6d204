"""`chittygraph explain`: how a query is executed, with its SQL; it changes nothing."""

import io
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from db.migrating import migrator
from db.migrating.ledger import MIGRATIONS
from server.cli import main
from tests.support.registries.databases import demo_registry

QUERY = "query Some($first: Int) { contexts(first: $first) { nodes { name owner { email } } } }"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A registry that no server ever ran on."""
    return demo_registry(tmp_path / "registry.db")


@pytest.fixture
def explain(tmp_path, capsys):
    """Explain a document over a database; returns the exit code, output and complaint."""

    def run(document: str, database: Path, *flags: str) -> tuple[Any, str, str]:
        file = tmp_path / "asked.graphql"
        file.write_text(document, encoding="utf-8")
        code = main(["explain", str(file), "--database", str(database), *flags])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def test_a_compiled_query_is_shown_with_each_statement(explain, path):
    code, out, err = explain(QUERY, path, "--variables", '{"first": 3}')

    assert (code, err) == (0, "")
    assert out.startswith("execution: compiled\nstatements: 2\n\n1. batch: 1, rows: 1\nSELECT ")
    assert 'with {"limit": 3}' in out
    assert "2. batch: 2, rows: 1" in out
    assert "FROM actors AS x" in out


def test_each_statement_is_shown_with_its_query_plan_as_a_tree(explain, path):
    _, out, _ = explain("{ contexts { nodes { name connections { totalCount } } } }", path)
    _, generic, _ = explain("{ contexts { nodes { name } } }", path, "--compiled", "false")

    page, counts = out.split("\n\n")[1:]
    assert page.partition("   plan:\n")[2].splitlines() == [
        "     SCAN CONSTANT ROW",
        "     SCALAR SUBQUERY 2",
        "       CO-ROUTINE row",
        "         SCAN x USING INDEX contexts_by_created_at",
        "       SCAN row",
    ]
    assert " SEARCH x USING COVERING INDEX connections_by_source (source_" in counts
    assert generic.endswith("   plan:\n     SCAN t USING INDEX contexts_by_created_at\n")


def test_generic_execution_is_shown_with_its_reason(explain, path):
    introspection = explain("{ __schema { queryType { name } } }", path)
    switched_off = explain(QUERY, path, "--compiled", "false")

    assert introspection == (0, "execution: generic (introspection)\nstatements: 0\n", "")
    assert switched_off[1].startswith(
        "execution: generic (plans are switched off)\nstatements: 2\n"
    )


def test_a_fault_is_shown_with_the_error_that_clients_get(explain, path):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE actors SET email = x'ff'")

    code, out, _ = explain("{ actors(first: 1) { nodes { email } } }", path)

    assert code == 0
    assert out.startswith("execution: generic (fault: EngineError)\nerror: actors 'CHITTY-")
    assert "email: the stored value is not a text" in out


def test_operation_chooses_one_of_several(explain, path):
    two = QUERY + " query Other { actors { totalCount } }"

    code, out, _ = explain(two, path, "--operation", "Other")
    unclear = explain(two, path)

    assert (code, "count(*)" in out) == (0, True)
    assert unclear[0] == 1
    assert "name one in operationName" in unclear[2]


def test_a_document_may_come_from_stdin(path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"{ actors { totalCount } }")))

    code = main(["explain", "-", "--database", str(path)])

    assert (code, capsys.readouterr().out[:19]) == (0, "execution: compiled")


REFUSED = {
    "a mutation": (
        "mutation { disconnect(input: { connectionId: 1 }) { errors { code } } }",
        "query",
    ),
    "no GraphQL": ("{ actors", "Syntax Error: Expected Name, found <EOF>. (line 1, column 9)"),
    "an unknown field": ("{ actors { nodes { nmae } } }", "nmae"),
    "nothing": ("", "Syntax Error"),
}


@pytest.mark.parametrize(("document", "complaint"), REFUSED.values(), ids=REFUSED)
def test_a_document_that_cannot_be_explained_gets_one_line(
    explain, path, document: str, complaint: str
):
    code, out, err = explain(document, path)

    assert (code, out) == (1, "")
    assert err.startswith("chittygraph: ")
    assert complaint in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "variables", ["[1]", "{", "null", "{'a': 1}", '{"first": NaN}', "[" * 9_999]
)
def test_variables_that_are_not_a_json_object_are_wrong_usage(explain, path, variables: str):
    code, out, err = explain(QUERY, path, "--variables", variables)

    assert (code, out) == (2, "")
    assert err.startswith("chittygraph: --variables must be a JSON object: ")
    assert err.count("\n") == 1


def test_invalid_variables_get_one_line(explain, path):
    code, _, err = explain(QUERY, path, "--variables", '{"first": "many"}')

    assert code == 1
    assert "$first" in err
    assert err.count("\n") == 1


def test_a_missing_or_binary_file_gets_one_line(path, tmp_path, capsys):
    (tmp_path / "binary").write_bytes(b"\xff\xfe{")

    for name, complaint in (("binary", "is not UTF-8"), ("missing", "no such file")):
        code = main(["explain", str(tmp_path / name), "--database", str(path)])

        err = capsys.readouterr().err
        assert (code, err.count("\n")) == (1, 1)
        assert name in err
        assert complaint in err


def test_a_missing_database_is_reported_and_not_created(explain, tmp_path):
    missing = tmp_path / "missing.db"

    code, out, err = explain(QUERY, missing)

    assert (code, out) == (1, "")
    assert err == f"chittygraph: {missing} does not exist: make it with `chittygraph migrate`\n"
    assert not missing.exists()


def test_an_outdated_database_is_reported_and_not_migrated(explain, tmp_path):
    path, folder = tmp_path / "behind.db", tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    last = max(folder.glob("*.sql"))
    last.unlink()
    migrator.migrate(path, folder)

    code, out, err = explain(QUERY, path)

    assert (code, out) == (1, "")
    assert f"still lacks migration {last.stem}: run `chittygraph migrate` first" in err
    assert migrator.pending(path) == [last.stem]


def test_a_file_that_is_not_a_database_gets_one_line(explain, tmp_path):
    file = tmp_path / "notes.db"
    file.write_text("no database, but long enough to look at " * 100)

    code, out, err = explain(QUERY, file)

    assert (code, out) == (1, "")
    assert str(file) in err
    assert err.count("\n") == 1


def test_explain_changes_no_byte_and_leaves_no_file(explain, path, tmp_path):
    (tmp_path / "asked.graphql").touch()
    before, files = path.read_bytes(), sorted(tmp_path.iterdir())

    explain(QUERY, path, "--variables", json.dumps({"first": 5}))
    explain("{ __schema { queryType { name } } actors { edges { cursor } } }", path)

    assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == files
