"""`chittygraph restore`: an intact registry replaces the database, or nothing changes."""

import contextlib
import gzip
import shutil
import signal
import sqlite3
import stat
from pathlib import Path
from urllib.request import urlopen

import pytest

from db.backup import backups, dump_statements, dumps, restores
from db.errors import BootRefused
from db.migrating import migrator
from tests.support.registries import relatives
from tests.support.registries.backups import contents, names_in, registry
from tests.support.registries.databases import ADD
from tests.support.registries.dump_texts import OF_SQLITE3, OF_WRANGLER
from tests.support.services.commands import command, command_process, complaint
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of


@pytest.fixture
def database(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return registry(tmp_path / "data" / "registry.db", "CHITTY-OLD")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A backup of another registry than the one that is to be replaced."""
    backups.backup(registry(tmp_path / "another.db", "CHITTY-ADA"), tmp_path / "copy.db")
    return tmp_path / "copy.db"


def dumped(file: Path, dump: Path) -> Path:
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        dump.write_text("".join(dumps.statements(connection)), encoding="utf-8", newline="")
    return dump


def refusal(file: Path, database: Path) -> str:
    """What a restore complains of, having changed nothing."""
    before = contents(database.parent)
    with pytest.raises(BootRefused) as refused:
        restores.restore(file, database)
    assert contents(database.parent) == before
    return str(refused.value)


def test_a_backup_replaces_the_database_which_is_kept(database: Path, copy: Path):
    database.chmod(0o640)

    done = command("restore", copy, "--database", database)

    (kept,) = database.parent.glob("registry.db.before-restore-*")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{database} now holds 1 actors, 0 contexts, 0 installations, 0 connections",
        f"the old database is kept as {kept}",
    ]
    assert names_in(database) == ["CHITTY-ADA"]
    assert names_in(kept) == ["CHITTY-OLD"]
    assert stat.S_IMODE(database.stat().st_mode) == 0o640
    assert len(list(database.parent.iterdir())) == 2


def test_a_backup_is_restored_where_there_was_no_database(tmp_path: Path, copy: Path):
    restored = restores.restore(copy, tmp_path / "new.db")

    assert restored.kept is None
    assert names_in(tmp_path / "new.db") == ["CHITTY-ADA"]
    assert stat.S_IMODE((tmp_path / "new.db").stat().st_mode) == 0o600


def test_keys_of_the_server_are_restored_but_that_of_the_cursors(database: Path, copy: Path):
    restores.restore(copy, database)

    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT value FROM server_keys").fetchall() == [("secret",)]


def test_a_link_to_the_database_stays_a_link(database: Path, copy: Path, tmp_path: Path):
    (tmp_path / "link.db").symlink_to(database)

    restores.restore(copy, tmp_path / "link.db")

    assert (tmp_path / "link.db").is_symlink()
    assert names_in(database) == ["CHITTY-ADA"]


def test_a_database_that_a_server_has_open_is_refused_until_it_stops(database: Path, copy: Path):
    with served(database) as (process, said):
        with urlopen(
            url_of(said, "/readyz"), timeout=TIMEOUT_SECONDS
        ):  # only now are its connections open
            pass
        refused = command("restore", copy, "--database", database)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=TIMEOUT_SECONDS)
    held = names_in(database)
    done = command("restore", copy, "--database", database)

    assert "is open in another program, such as a server: stop it" in complaint(refused)
    assert held == ["CHITTY-OLD"]
    assert done.returncode == 0
    assert names_in(database) == ["CHITTY-ADA"]


def killed(database: Path, folder: Path) -> Path:
    """The files of a database whose server was killed with a row in the journal only."""
    folder.mkdir()
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute(ADD, {"name": "CHITTY-LATE"})
        for path in database.parent.glob("registry.db*"):
            shutil.copy(path, folder / path.name)
    assert (folder / "registry.db-wal").stat().st_size > 0
    return folder / "registry.db"


def test_the_journal_of_a_killed_server_is_kept_with_the_database(
    database: Path, copy: Path, tmp_path: Path
):
    crashed = killed(database, tmp_path / "crashed")

    restored = restores.restore(copy, crashed)

    assert restored.kept
    assert names_in(restored.kept) == ["CHITTY-LATE", "CHITTY-OLD"]
    assert names_in(crashed) == ["CHITTY-ADA"]


def test_a_backup_replaces_a_damaged_database_and_its_journal(
    database: Path, copy: Path, tmp_path: Path
):
    crashed = killed(database, tmp_path / "crashed")
    crashed.write_bytes(b"garbage" * 1_000)
    journal = crashed.with_name("registry.db-wal").read_bytes()

    kept = restores.restore(copy, crashed).kept

    assert kept
    assert kept.read_bytes() == b"garbage" * 1_000
    assert kept.with_name(f"{kept.name}-wal").read_bytes() == journal
    assert names_in(crashed) == ["CHITTY-ADA"]


def test_a_backup_whose_journal_lies_beside_it_is_restored_with_it(database: Path, tmp_path: Path):
    crashed = killed(database, tmp_path / "crashed")
    before = crashed.read_bytes()

    restores.restore(crashed, tmp_path / "new.db")

    assert names_in(tmp_path / "new.db") == ["CHITTY-LATE", "CHITTY-OLD"]
    assert crashed.read_bytes() == before


def test_a_dump_of_our_own_is_restored(database: Path, copy: Path, tmp_path: Path):
    dump = dumped(copy, tmp_path / "dump.sql")

    restores.restore(dump, database)

    assert names_in(database) == ["CHITTY-ADA"]
    assert migrator.pending(database) == []
    assert dumped(database, tmp_path / "again.sql").read_bytes() == dump.read_bytes()


@pytest.mark.parametrize("text", [OF_WRANGLER, OF_SQLITE3], ids=["wrangler", "sqlite3"])
def test_a_dump_that_another_program_wrote_is_restored_and_served_after_the_next_boot(
    database: Path, tmp_path: Path, text: str
):
    (tmp_path / "dump.sql").write_text(text)

    restores.restore(tmp_path / "dump.sql", database)
    migrator.migrate(database)

    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT chitty_id, display_name FROM actors").fetchall() == [
            ("CHITTY-ADA", "Ada;\nL's")
        ]
        assert connection.execute("SELECT seq FROM sqlite_sequence").fetchone()[0] >= 4


SMALL = 400
BAD = {
    "nothing": (b"", "is empty (0 bytes)"),
    "half a header": (b"SQLite fo", "is damaged or not a SQLite database"),
    "gzip": (gzip.compress(b"CREATE TABLE a (b);"), "unpack it first, for example with `gunzip`"),
    "bytes": (b"\x80\x81\x82", "is neither a SQLite file nor SQL text in UTF-8"),
    "UTF-16": (OF_SQLITE3.encode("utf-16"), "begins with a byte order mark"),
    "UTF-16 unmarked": (OF_SQLITE3.encode("utf-16-le"), "has NUL bytes"),
    "marked": (OF_SQLITE3.encode("utf-8-sig"), "begins with a byte order mark"),
    "half a character": (OF_SQLITE3.encode() + "é".encode()[:1], "ends within a character"),
    "a table of rows": (b"chitty_id,name\nCHITTY-ADA,Ada\n", "begins no statement of a dump"),
    "something else": (b"CREATE TABLE cats (name);\n", "lacks the tables actors, contexts"),
    "half a dump": (OF_SQLITE3.encode()[:SMALL], "ends within a statement"),
    "no end": (OF_SQLITE3.encode().replace(b"COMMIT;", b""), "ends before its last statement"),
    "a failed dump": (
        OF_SQLITE3.replace("COMMIT;", "ROLLBACK; -- due to errors").encode(),
        "ends with ROLLBACK",
    ),
    "a wrong column": (
        OF_SQLITE3.replace("INTO actors VALUES(", "INTO actors VALUES(1,").encode(),
        "line 17: table actors has 13 columns but 14 values were supplied",
    ),
    "another shape": (
        OF_SQLITE3.replace("owner_chitty_id", "owner").encode(),
        "owner_chitty_id",
    ),
}


@pytest.mark.parametrize(("content", "why"), BAD.values(), ids=BAD.keys())
def test_a_file_that_is_not_a_complete_registry_is_refused_and_changes_nothing(
    database: Path, tmp_path: Path, content: bytes, why: str
):
    (tmp_path / "bad").write_bytes(content)

    message = refusal(tmp_path / "bad", database)

    assert why in message
    assert str(tmp_path / "bad") in message


@pytest.mark.parametrize("left", [99, 4096, 40_960, -4096, -1])
def test_half_a_backup_is_refused(database: Path, copy: Path, left: int):
    copy.write_bytes(copy.read_bytes()[:left])

    assert "is damaged or not a SQLite database" in refusal(copy, database)


def test_half_a_dump_of_our_own_is_refused_even_between_statements(
    database: Path, copy: Path, tmp_path: Path
):
    dump = dumped(copy, tmp_path / "dump.sql")
    dump.write_text(dump.read_text().removesuffix(dumps.LAST))

    assert "ends before its last statement" in refusal(dump, database)


def test_a_dump_of_our_own_whose_line_ends_were_changed_is_refused(
    database: Path, copy: Path, tmp_path: Path
):
    dump = dumped(copy, tmp_path / "dump.sql")
    dump.write_bytes(dump.read_bytes().replace(b"\n", b"\r\n"))

    assert "its line ends were changed" in refusal(dump, database)


def test_a_dump_that_ends_within_a_long_text_is_refused_without_repeating_it(
    database: Path, tmp_path: Path
):
    begun = "CREATE TABLE a (b);\nINSERT INTO a VALUES ('"
    (tmp_path / "dump.sql").write_text(begun + "secret; " * 1000 + "secret;")

    message = refusal(tmp_path / "dump.sql", database)

    assert "it ends within a statement" in message
    assert "secret" not in message


def test_an_error_of_sqlite_about_a_long_statement_is_truncated(database: Path, tmp_path: Path):
    (tmp_path / "dump.sql").write_text(f"INSERT INTO {'a' * 10_000} VALUES (1);")

    message = refusal(tmp_path / "dump.sql", database)

    assert "no such table: aaa" in message
    assert len(message) < 500


def test_a_backup_of_a_newer_version_is_refused_by_its_own_name(database: Path, copy: Path):
    with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO chittygraph_migrations VALUES ('9999_of_tomorrow', 'x', 'then')"
        )

    assert f"{copy} is newer than this chittygraph" in refusal(copy, database)


@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH 'other.db' AS other;",
        "PRAGMA writable_schema=ON;",
        "PRAGMA wal_autocheckpoint=1;",
        "PRAGMA main.journal_mode=WAL;",
        "VACUUM INTO 'other.db';",
        "SELECT 1;",
        "UPDATE actors SET email = 'x';",
        "DELETE FROM actors;",
        "DROP TABLE actors;",
        "CREATE VIRTUAL TABLE words USING fts5 (word);",
        "CREATE TEMP TABLE own (name);",
        "INSERT INTO sqlite_master VALUES ('table', 'x', 'x', 0, 'CREATE TABLE x (a)');",
        "INSERT INTO actors (email) SELECT load_extension('other');",
        "INSERT INTO actors (email) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i FROM n)"
        " SELECT i FROM n;",
        ".shell true",
    ],
)
def test_a_statement_that_no_dump_needs_is_refused(database: Path, tmp_path: Path, statement: str):
    (tmp_path / "bad.sql").write_text(OF_WRANGLER + statement)

    message = refusal(tmp_path / "bad.sql", database)

    assert f"line {OF_WRANGLER.count(chr(10)) + 1}: " in message
    assert not (tmp_path / "other.db").exists()


def test_the_database_itself_a_link_a_folder_and_a_missing_file_are_refused(
    database: Path, copy: Path, tmp_path: Path
):
    (tmp_path / "link.db").symlink_to(copy)

    assert "is the database itself" in refusal(database, database)
    assert "is a symbolic link" in refusal(tmp_path / "link.db", database)
    assert "is not an ordinary file" in refusal(tmp_path, database)
    assert "does not exist" in refusal(tmp_path / "missing", database)
    assert "is not an ordinary file" in refusal(copy, database.parent)
    assert "there is no folder" in refusal(copy, tmp_path / "missing" / "registry.db")


@pytest.mark.parametrize("as_text", [False, True], ids=["backup", "dump"])
def test_a_disk_that_fills_is_one_message_and_changes_nothing(
    database: Path, copy: Path, tmp_path: Path, as_text: bool
):
    file = dumped(copy, tmp_path / "dump.sql") if as_text else copy
    before = contents(database.parent)

    done = command_process("restore", file, "--database", database, limit=100_000)

    assert "cannot be finished" in complaint(done)
    assert "nothing was changed" in done.stderr
    assert contents(database.parent) == before


def test_an_interrupted_restore_changes_nothing(database: Path, copy: Path):
    before = contents(database.parent)

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restores.restore(copy, database, advance=stop)

    assert contents(database.parent) == before


def test_a_failure_in_the_last_step_undoes_everything(database: Path, tmp_path: Path):
    crashed = killed(database, tmp_path / "crashed")
    before = contents(crashed.parent)
    cannot_be_renamed = tmp_path / "folder"
    cannot_be_renamed.mkdir()

    with pytest.raises(NotADirectoryError):
        restores._exchange(cannot_be_renamed, crashed)

    assert contents(crashed.parent) == before


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000_000])
def test_a_semicolon_in_a_string_name_or_comment_ends_no_statement(size: int):
    statements = [
        "INSERT INTO a VALUES ('it''s; -- no', \"x;\", `y;`, [z;], 1 - 2 / 3);",
        "\n-- a comment; with 'one quote\nCREATE TABLE b (c);",
        "/* another; */ INSERT INTO b VALUES ('/*');",
        "\nCREATE TRIGGER t AFTER INSERT ON b BEGIN SELECT 1; SELECT ';'; END;",
        "\n-- the end;",
    ]
    text = "".join(statements)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]

    found = list(dump_statements.split(pieces))

    assert [statement for _, statement in found] == statements
    assert [line for line, _ in found] == [1, 1, 3, 3, 4]


def test_a_statement_without_an_end_is_refused_before_it_fills_the_memory():
    endless = ("'" + "x" * 2**20 for _ in range(1_000))

    with pytest.raises(OverflowError):
        list(dump_statements.split(endless))


@pytest.mark.parametrize("kind", ["main", "earlier", "main with its catalogue"])
def test_a_registry_of_another_lineage_is_restored_and_adopted_at_the_next_boot(
    tmp_path: Path, kind: str
):
    source = relatives.made(tmp_path / "theirs.db", relatives.EVERYTHING[kind])
    dump, new = dumped(source, tmp_path / "dump.sql"), tmp_path / "new.db"

    done = command("restore", dump, "--database", new)
    applied = migrator.migrate(new)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{new} now holds 3 contexts, ")
    assert applied
    after = relatives.tables(new)
    for table, rows in relatives.tables(source).items():
        assert sorted(after[table], key=repr) == sorted(rows, key=repr)


def test_a_catalogue_and_a_lineage_that_is_cut_off_are_not_restored(tmp_path: Path, database: Path):
    catalogue = relatives.made(tmp_path / "catalogue.db", relatives.CATALOGUE)
    cut = relatives.made(tmp_path / "cut.db", relatives.EARLIER + "DROP TABLE installations;")

    assert "holds ChittyConnect's catalogue of services" in refusal(catalogue, database)
    assert "lacks the tables installations" in refusal(cut, database)
