"""wrangler and chittygraph run the same migrations, in either order, and agree on what ran."""

import contextlib
import json
import sqlite3
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from db.migrating import ledger, migrator
from db.model import searched
from tests.support.other_programs.wrangler import D1, FILES, older_migrations
from tests.support.services.commands import command_process
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

NAMES = [name.removesuffix(".sql") for name in FILES]
ROWS = [
    "INSERT INTO actors (chitty_id, actor_type, display_name, created_at, updated_at) VALUES"
    " ('CHITTY-ACTOR-ADA', 'human', 'Ada', '2025-10-21 18:52:06', '2025-10-21 18:52:06')",
    "INSERT INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at) VALUES"
    " ('CHITTY-CTX-HARBOUR', 'harbour', 'CHITTY-ACTOR-ADA',"
    " '2025-10-21 18:52:06', '2025-10-21 18:52:06')",
    "INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service,"
    " created_at, updated_at) VALUES ('1', 'CHITTY-CTX-HARBOUR', 'context', 'it''s\nnotion',"
    " '2025-10-21 18:52:06', '2025-10-21 18:52:06')",
]
QUERY = """
    { contexts { nodes { name owner { displayName } connections { nodes { targetService } } } } }
"""
SEEN = [
    {
        "name": "harbour",
        "owner": {"displayName": "Ada"},
        "connections": {"nodes": [{"targetService": "it's\nnotion"}]},
    }
]


@pytest.fixture
def d1(tmp_path: Path) -> D1:
    return D1(tmp_path / "wrangler")


def fill(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        for sql in ROWS:
            connection.execute(sql)


def chittygraph(*words: str) -> None:
    ran = command_process(*words)
    assert ran.returncode == 0, ran.stderr


def contexts_served(file: Path) -> object:
    with served(file) as (_, said):
        body = json.dumps({"query": QUERY}).encode()
        request = Request(url_of(said, "/graphql"), body, {"content-type": "application/json"})
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.load(answer)["data"]["contexts"]["nodes"]


def test_what_wrangler_migrated_has_nothing_pending_here_and_is_served(d1: D1):
    d1.apply()
    d1.run("execute", "chittygraph", "--command", "; ".join(ROWS))

    seen = contexts_served(d1.file)

    assert seen == SEEN
    assert d1.rows("SELECT created_at FROM contexts") == [
        {"created_at": "2025-10-21T18:52:06.000Z"}
    ]
    assert migrator.inspect(d1.file) == migrator.Status(True, tuple(NAMES), ())
    assert d1.pending() == []


def test_what_wrangler_executed_file_by_file_has_nothing_pending_in_either(d1: D1):
    for name in FILES:
        d1.execute(Path("migrations") / name)

    applied = migrator.migrate(d1.file)

    assert applied == []
    assert d1.pending() == []


def test_what_wrangler_began_is_finished_here_and_then_done_for_both(tmp_path: Path):
    d1 = D1(tmp_path / "wrangler", FILES[:4])
    d1.apply()
    fill(d1.file)

    applied = migrator.migrate(d1.file)

    d1.has(FILES)
    assert applied == NAMES[4:]
    assert contexts_served(d1.file) == SEEN
    assert d1.pending() == []


def test_what_we_migrated_has_nothing_pending_under_wrangler(d1: D1, tmp_path: Path):
    ours = tmp_path / "registry.db"
    migrator.migrate(ours)
    fill(ours)
    d1.put(ours)

    d1.apply()

    assert d1.pending() == []
    assert d1.rows("SELECT name FROM contexts") == [{"name": "harbour"}]
    assert migrator.migrate(d1.file) == []


def test_what_we_began_wrangler_finishes_and_we_agree(d1: D1, tmp_path: Path):
    ours = tmp_path / "registry.db"
    migrator.migrate(ours, older_migrations(tmp_path))
    d1.put(ours)
    assert d1.pending() == FILES[-2:]

    d1.apply()

    assert migrator.migrate(d1.file) == []
    assert migrator.inspect(d1.file) == migrator.Status(True, tuple(NAMES), ())


def test_a_database_that_wrangler_only_listed_counts_as_new(d1: D1):
    assert d1.pending() == FILES

    applied = migrator.migrate(d1.file)

    assert applied == NAMES
    assert d1.pending() == []


def export(d1: D1) -> Path:
    """What wrangler exports of all tables but the indexes of searches, which it refuses."""
    names = [name for name in tables(d1.file) if name not in searched.ALL_TABLES]
    d1.run("export", "chittygraph", "--output", "dump.sql", "--table", *names)
    return d1.folder / "dump.sql"


def tables(file: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return [name for (name,) in connection.execute(ledger.TABLES)] + ["d1_migrations"]


def test_what_wrangler_exported_is_restored_and_served_here(d1: D1, tmp_path: Path):
    d1.apply()
    fill(d1.file)
    dump, ours = export(d1), tmp_path / "registry.db"

    chittygraph("restore", str(dump), "--database", str(ours))

    assert contexts_served(ours) == SEEN
    assert migrator.inspect(ours).applied == tuple(NAMES)


def test_what_wrangler_exported_goes_back_into_d1_by_way_of_here(d1: D1, tmp_path: Path):
    d1.apply()
    fill(d1.file)
    ours, dump = tmp_path / "registry.db", tmp_path / "registry.sql"
    chittygraph("restore", str(export(d1)), "--database", str(ours))
    chittygraph("migrate", "--database", str(ours))
    chittygraph("export", "--sql", "--output", str(dump), "--database", str(ours))
    other = D1(tmp_path / "other")

    other.execute(dump)

    assert other.pending() == []
    assert migrator.pending(other.file) == []
    assert contexts_served(other.file) == SEEN


def test_what_we_exported_wrangler_executes(d1: D1, tmp_path: Path):
    ours, dump = tmp_path / "registry.db", tmp_path / "dump.sql"
    migrator.migrate(ours)
    fill(ours)
    chittygraph("export", "--sql", "--output", str(dump), "--database", str(ours))

    d1.execute(dump)

    assert d1.pending() == []
    assert d1.rows("SELECT target_service FROM connections") == [{"target_service": "it's\nnotion"}]
    assert migrator.inspect(d1.file).applied == tuple(NAMES)
