"""`chittygraph status --schema`: the tables of the database, as SQLite describes them."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from db.model.tables import TABLES, Table
from server.cli import main
from tests.support.registries.databases import new_registry

COLUMNS = 'SELECT name, upper(type), "notnull", dflt_value, pk FROM pragma_table_info(:table)'
INDEXES = """
    SELECT list.name, list."unique", list.partial,
        (SELECT json_group_array(info.name) FROM pragma_index_info(list.name) AS info)
    FROM pragma_index_list(:table) AS list
    ORDER BY list.name
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A new registry."""
    found = tmp_path / "registry.db"
    new_registry(found)
    return found


@pytest.fixture
def status(path, capsys):
    """Ask for the status; returns the exit code, output and complaint."""

    def run(*flags: str) -> tuple[Any, str, str]:
        code = main(["status", "--database", str(path), *flags])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_columns_and_indexes_agree_with_sqlites_pragmas(status, path, table: Table):
    code, out, _ = status("--schema", "--json")

    told = json.loads(out)["schema"][table.name]
    with closing(sqlite3.connect(path)) as connection:
        columns = connection.execute(COLUMNS, {"table": table.name}).fetchall()
        indexes = connection.execute(INDEXES, {"table": table.name}).fetchall()
    assert code == 0
    assert columns == [
        (each["name"], each["type"], each["required"], each["default"], each["place"])
        for each in told["columns"]
    ]
    assert [(name, unique, partial) for name, unique, partial, _ in indexes] == [
        (each["name"], each["unique"], each["partial"]) for each in told["indexes"]
    ]
    for each, (*_, names) in zip(told["indexes"], indexes, strict=True):
        assert [name or "an expression" for name in json.loads(names)] == each["columns"]


def test_the_text_shows_tables_columns_indexes_and_foreign_keys(status):
    code, out, err = status("--schema")

    assert (code, err) == (0, "")
    assert "\n\ncontexts\n  chitty_id                     TEXT not null key\n" in out
    assert "\n  status                        TEXT not null default 'active'\n" in out
    assert "\n  index contexts_by_owner (owner_chitty_id, created_at, chitty_id)\n" in out
    assert "\n  unique index sqlite_autoindex_contexts_2 (name)\n" in out
    assert "\n  unique partial index one_active_connection_per_endpoint (" in out
    assert "target_service, an expression)\n" in out
    assert "\n  foreign key (owner_chitty_id) to actors (chitty_id)\n" in out


def test_tables_of_other_programs_are_shown_whatever_their_names(status, path):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute('CREATE TABLE "their ""own" (a REFERENCES actors, "b c" INT, d)')
        connection.execute('CREATE INDEX odd ON "their ""own" (d DESC, "b c")')

    _, out, _ = status("--schema")

    assert out.endswith(
        '\n\ntheir "own\n  a\n  b c  INT\n  d\n'
        "  index odd (d DESC, b c)\n  foreign key (a) to actors\n"
    )


def test_the_schema_is_omitted_without_the_flag_or_the_database(status, path):
    _, plain, _ = status("--json")
    path.unlink()
    code, none, _ = status("--schema", "--json")

    assert "schema" not in json.loads(plain)
    assert code == 0
    assert "schema" not in json.loads(none)


def test_status_changes_no_byte_and_leaves_no_file(status, path, tmp_path):
    before = path.read_bytes()

    status("--schema")

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
