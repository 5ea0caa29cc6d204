"""`chittygraph dev`: the beginning of a migration, and a column that is added with it."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from db.migrating import ledger, migrator
from db.model.tables import CONNECTIONS, CONTEXTS, TABLES
from db.queries import json_text
from server.cli import main
from tests.support.paths import ROOT

INDEXES = "SELECT name, sql FROM sqlite_master WHERE name LIKE '%\\_odd' ESCAPE '\\'"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations."""
    copy = tmp_path / "migrations"
    shutil.copytree(ledger.MIGRATIONS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def indexes(file: Path) -> dict[str, str]:
    """The SQL of every index of non-canonical rows, without spaces."""
    with closing(sqlite3.connect(file)) as connection:
        return {name: "".join(sql.split()) for name, sql in connection.execute(INDEXES)}


def test_a_migration_has_the_next_number_and_asks_for_what_it_means(folder: Path, capsys):
    number = len(list(folder.glob("*.sql"))) + 1

    code = main(["dev", "migration", "archive_old_contexts", "--folder", str(folder)])

    path = folder / f"{number:04}_archive_old_contexts.sql"
    assert (code, capsys.readouterr().out) == (0, f"{path}\n")
    first, *todo = path.read_text().splitlines()
    assert first == f"-- {path.name}"
    assert [line.startswith("-- TODO: ") for line in todo] == [True, True]


def test_the_index_that_it_replaces_is_the_declared_one(folder: Path, tmp_path: Path):
    tables = [word for table in TABLES for word in ("--table", table.name)]
    main(["dev", "migration", "replace_indexes", *tables, "--folder", str(folder)])
    migrator.migrate(tmp_path / "registry.db", folder)

    assert indexes(tmp_path / "registry.db") == {
        f"{table.name}_odd": "".join(
            f"CREATE INDEX {table.name}_odd ON {table.name} ({table.key})"
            f" WHERE {json_text.non_canonical(table)}".split()
        )
        for table in TABLES
    }


def test_only_the_named_tables_are_in_it(folder: Path, capsys):
    main(["dev", "migration", "both", "--table", "contexts", "--folder", str(folder)])

    text = Path(capsys.readouterr().out.strip()).read_text()
    assert f"CREATE INDEX {CONTEXTS.name}_odd" in text
    assert f"CREATE INDEX {CONNECTIONS.name}_odd" not in text


@pytest.mark.parametrize("name", ["Add Topic", "add-topic", "../topic", "", "topic_"])
def test_a_name_in_another_form_is_refused_and_nothing_is_written(folder: Path, capsys, name: str):
    before = sorted(folder.iterdir())

    code = main(["dev", "migration", name, "--folder", str(folder)])

    assert (code, sorted(folder.iterdir())) == (1, before)
    assert "add_topic_to_contexts" in capsys.readouterr().err


def edit(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text()
    for after, line in changes:
        assert text.count(after) == 1, (path, after)
        text = text.replace(after, after + line)
    path.write_text(text)


COPIED = ("db", "migrations", "resolvers", "schema", "server")
TIMELINE = "id of its timeline in ChittyChronicle"
TRY = """
import asyncio, json, sys
from pathlib import Path
from db.migrating import migrator
from tests.support.services.api import running

async def work():
    async with running(Path(sys.argv[1])) as api:
        owner = (await api.ask('mutation { registerActor(input: {chittyId: "CHITTY-ADA",'
            ' actorType: HUMAN, displayName: "Ada"}) { actor { chittyId } } }'))
        made = await api.ask('mutation { createContext(input: {name: "a", owner: "CHITTY-ADA",'
            ' topic: "ships"}) { context { name topic } errors { message } } }')
        return made, await api.ask('{ contexts(first: 9) { nodes { name topic } } }')

print(json.dumps(asyncio.run(work())))
"""


def test_a_column_is_added_by_editing_six_files(tmp_path: Path):
    for package in COPIED:
        ignored = shutil.ignore_patterns("static")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    (tmp_path / "tests").symlink_to(ROOT / "tests")

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    command = "import sys; from server.cli import main; sys.exit(main())"
    edit(
        tmp_path / "db/model/tables.py",
        ("    chitty_chronicle_timeline_id: ChittyId | None\n", "    topic: Text | None\n"),
    )
    run("-c", command, "dev", "migration", "add_topic_to_contexts", "--table", "contexts")
    edit(
        tmp_path / "schema/types.py",
        (
            f'    chitty_chronicle_timeline_id = column("The {TIMELINE}")\n',
            '    topic = column("What it is about")\n',
        ),
    )
    edit(
        tmp_path / "schema/inputs.py",
        (
            f'        "The {TIMELINE}"\n    )\n',
            '    topic: str | None = optional("What it is about")\n',
        ),
        (
            f'        "The {TIMELINE}; null clears it"\n    )\n',
            '    topic: str | None = optional("What it is about; null clears it")\n',
        ),
    )
    edit(
        tmp_path / "resolvers/contexts.py",
        (
            '    "chitty_chronicle_timeline_id": validators.chitty_id,\n',
            '    "topic": validators.text(100),\n',
        ),
    )

    sdl = run("-c", command, "schema")
    made, found = json.loads(run("-c", TRY, str(tmp_path / "registry.db")))

    # Besides these files, tests/schema/contract.graphql promises the new inputs to clients.
    assert sdl.count('"""What it is about"""\n  topic: String\n') == 2
    assert made == {"createContext": {"context": {"name": "a", "topic": "ships"}, "errors": []}}
    assert found["contexts"]["nodes"] == [{"name": "a", "topic": "ships"}]
    assert "topic" in indexes(tmp_path / "registry.db")["contexts_odd"]
    run("-c", command, "demo", "--database", str(tmp_path / "demo.db"))
