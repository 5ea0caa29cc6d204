"""A database that cannot be served is refused with a message, and left byte for byte as it was."""

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db.errors import BootRefused
from db.migrating import migrator
from tests.support.registries.databases import new_registry
from tests.support.running.ordinary_user import ordinary_user

Look = Callable[[Path], object]
BOTH = pytest.mark.parametrize("look", [migrator.migrate, migrator.pending])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "registry.db"
    new_registry(path)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def refusal(look: Look, path: Path) -> str:
    before = contents(path.parent)
    with pytest.raises(BootRefused) as refused:
        look(path)
    assert contents(path.parent) == before
    assert str(path) in str(refused.value)
    return str(refused.value)


def write_garbage(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek(4096 * page)
        file.write(b"\xa5" * 4096)


@BOTH
@pytest.mark.parametrize(
    "content",
    [b"not a database\n", b"\0" * 8192, bytes(range(256)) * 64, b"SQLite format 3\0", b"x"],
    ids=["text", "zeros", "bytes", "only the magic", "one byte"],
)
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes, look: Look):
    path = tmp_path / "registry.db"
    path.write_bytes(content)

    message = refusal(look, path)

    assert "damaged or not a SQLite database" in message
    assert "restore it from a backup" in message


@BOTH
@pytest.mark.parametrize("left", [40, 99, 100, 511, 512, 4095, 4096, 20_000, -4096, -1])
def test_a_truncated_database_is_refused(file: Path, left: int, look: Look):
    file.write_bytes(file.read_bytes()[:left])

    assert "damaged or not a SQLite database" in refusal(look, file)


@BOTH
def test_a_database_that_is_cut_within_a_definition_is_refused_as_damaged(file: Path, look: Look):
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute(f"CREATE VIEW theirs AS SELECT '{'x' * 9000}'")
    file.write_bytes(file.read_bytes()[:-1])

    assert "damaged or not a SQLite database (cut off within a page)" in refusal(look, file)


@BOTH
@pytest.mark.parametrize("page", [1, 5, 20, 30])
def test_a_database_with_a_page_of_garbage_is_refused(file: Path, page: int, look: Look):
    write_garbage(file, page)

    assert "damaged or not a SQLite database" in refusal(look, file)


@BOTH
def test_an_empty_file_is_refused(tmp_path: Path, look: Look):
    path = tmp_path / "registry.db"
    path.touch()

    message = refusal(look, path)

    assert "is empty (0 bytes)" in message
    assert "delete it to begin" in message


@BOTH
def test_a_folder_is_refused(tmp_path: Path, look: Look):
    (tmp_path / "registry.db").mkdir()

    assert "is a folder" in refusal(look, tmp_path / "registry.db")


@BOTH
def test_a_missing_folder_is_refused(tmp_path: Path, look: Look):
    with pytest.raises(BootRefused, match=r"there is no folder .*missing; create it"):
        look(tmp_path / "missing" / "registry.db")

    assert list(tmp_path.iterdir()) == []


@BOTH
def test_a_journal_whose_database_is_gone_is_refused(tmp_path: Path, look: Look):
    (tmp_path / "registry.db-wal").write_bytes(b"frames")

    assert "put the database back beside it" in refusal(look, tmp_path / "registry.db")


@BOTH
def test_a_database_of_another_program_is_refused(tmp_path: Path, look: Look):
    path = tmp_path / "registry.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE actors (chitty_id TEXT PRIMARY KEY)")

    message = refusal(look, path)

    assert "was not made by chittygraph" in message
    assert "actors" in message


@BOTH
def test_what_a_killed_server_left_behind_is_read_and_kept(file: Path, tmp_path: Path, look: Look):
    crashed = tmp_path / "crashed" / "registry.db"
    crashed.parent.mkdir()
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE chittygraph_migrations SET checksum = 'another'")
        connection.commit()
        for name in ("registry.db", "registry.db-wal"):
            (crashed.parent / name).write_bytes((tmp_path / name).read_bytes())
    before = contents(crashed.parent)

    with pytest.raises(BootRefused, match="was edited after it ran"):
        look(crashed)

    after = contents(crashed.parent)
    assert {name: after[name] for name in before} == before


def test_a_value_that_breaks_a_check_does_not_stop_the_boot(file: Path):
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(
            "INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)"
            " VALUES ('CHITTY-OLD', 'robot', '2025-10-21 18:52:06', '2025-10-21 18:52:06')"
        )
        connection.commit()

    assert migrator.migrate(file) == []


@pytest.fixture
def shared() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder).resolve() / "registry.db"
        path.parent.chmod(0o777)
        migrator.migrate(path)
        yield path
        path.parent.chmod(0o777)


@BOTH
def test_an_unreadable_file_is_refused(shared: Path, look: Look):
    shared.chmod(0o000)

    with ordinary_user(), pytest.raises(BootRefused, match="cannot be read by this user"):
        look(shared)


def test_an_unwritable_file_is_refused_but_can_be_inspected(shared: Path):
    shared.chmod(0o444)
    before = contents(shared.parent)

    with ordinary_user():
        with pytest.raises(BootRefused, match="cannot be written"):
            migrator.migrate(shared)
        pending = migrator.pending(shared)

    assert pending == []
    assert contents(shared.parent) == before


def test_an_unwritable_folder_is_refused_but_can_be_inspected(shared: Path):
    shared.chmod(0o666)
    shared.parent.chmod(0o555)

    with ordinary_user():
        with pytest.raises(BootRefused, match="needs files beside it"):
            migrator.migrate(shared)
        with pytest.raises(BootRefused, match="needs files beside it"):
            migrator.migrate(shared.with_name("new.db"))
        pending = migrator.pending(shared)

    assert pending == []
    assert list(shared.parent.iterdir()) == [shared]


@BOTH
def test_a_folder_that_may_not_be_entered_is_refused(shared: Path, look: Look):
    shared.parent.chmod(0o700 if os.geteuid() == 0 else 0o000)

    with ordinary_user(), pytest.raises(BootRefused, match="cannot be opened"):
        look(shared)


@BOTH
@pytest.mark.parametrize("place", [7, 15], ids=["a keyword", "a name"])
def test_a_definition_that_is_no_text_is_damage(file: Path, look: Look, place: int):
    content = bytearray(file.read_bytes())
    # SQLite quotes it in a message that Python cannot read.
    content[content.index(b"CREATE INDEX contexts_by_name") + place] = 0xEE
    file.write_bytes(content)

    assert "is damaged or not a SQLite database" in refusal(look, file)


@BOTH
def test_a_constraint_that_names_no_column_is_found_though_only_writing_needs_it(
    file: Path, look: Look
):
    whole = file.read_bytes()
    named = b"CHECK (repository_selection IN"
    assert named in whole
    file.write_bytes(whole.replace(named, b"CHECK (repository_selectiom IN"))

    message = refusal(look, file)

    assert "damaged or not a SQLite database" in message
    assert "no such column: repository_selectiom" in message
