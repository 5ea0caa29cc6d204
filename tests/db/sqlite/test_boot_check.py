"""A boot reads a small file whole, and of a large one a part, unless its last user was killed."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import get_args, get_type_hints
from urllib.request import urlopen

import pytest

from db.errors import BootRefused
from db.migrating import migrator
from db.sqlite import damage
from db.sqlite.damage import Extent
from server.settings import Settings
from tests.support.registries.databases import demo_registry, elsewhere
from tests.support.services.api import running
from tests.support.services.commands import command, complaint
from tests.support.services.server_process import QUIET, TIMEOUT_SECONDS, served, url_of

PAGE = 4096
GARBAGE = b"\xa5" * PAGE
FILL = f"""
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {damage.PAGES_OF_A_PART})
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, data, created_at, updated_at)
    SELECT 'CHITTY-CONTEXT-LARGE-' || i, 'large' || i, (SELECT min(chitty_id) FROM actors),
        json_array('mark ' || i || ',' || hex(zeroblob(1800))), '2026-01-01T00:00:00.000Z',
        '2026-01-01T00:00:00.000Z'
    FROM n
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A large file in order, with rows in every table, which nobody has open."""
    path = demo_registry(tmp_path_factory.mktemp("whole") / "registry.db")
    with elsewhere(path) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(FILL)
    assert path.stat().st_size > damage.PAGES_OF_A_PART * PAGE
    return path


@pytest.fixture
def file(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(whole, tmp_path / "registry.db"))


def spoil(file: Path, page: int) -> bytes:
    """Write garbage over a page; returns what was there."""
    with file.open("r+b") as opened:
        opened.seek(PAGE * (page - 1))
        before = opened.read(PAGE)
        opened.seek(PAGE * (page - 1))
        opened.write(GARBAGE)
    return before


def mend(file: Path, page: int, before: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(PAGE * (page - 1))
        opened.write(before)


def roots(file: Path) -> Iterator[tuple[str, int]]:
    """The first page of each table and index."""
    with closing(sqlite3.connect(file)) as connection:
        yield from connection.execute("SELECT name, rootpage FROM sqlite_master WHERE rootpage > 0")


def spoil_deeply(file: Path) -> str:
    """Damage the page in the middle of the large table on which one row is, whose key is returned."""
    number = damage.PAGES_OF_A_PART // 2
    spoil(file, file.read_bytes().index(f"mark {number},".encode()) // PAGE + 1)
    return f"CHITTY-CONTEXT-LARGE-{number}"


def leave_log(file: Path) -> None:
    """What a server that is killed leaves beside its file."""
    aside = file.with_name("aside")
    aside.mkdir()
    with elsewhere(file) as connection:
        connection.execute("UPDATE actors SET display_name = display_name")
        for path in (file, file.with_name("registry.db-wal")):
            shutil.copy(path, aside / path.name)
    for path in aside.iterdir():
        path.replace(file.with_name(path.name))
    aside.rmdir()


@pytest.mark.parametrize(
    "every", [7, pytest.param(1, marks=pytest.mark.thorough)], ids=["some", "all"]
)
def test_damage_at_the_root_of_any_table_or_index_is_found_in_a_large_file(file: Path, every: int):
    missed = []
    for name, page in list(roots(file))[::every]:
        before = spoil(file, page)
        with suppress(BootRefused):
            migrator.inspect(file)
            missed.append(name)
        mend(file, page, before)

    assert missed == []
    assert migrator.migrate(file) == []


def test_a_large_file_that_was_cut_off_is_refused(file: Path):
    size = file.stat().st_size
    for left in (size - 1, size - PAGE, size // 2):
        with file.open("r+b") as opened:
            opened.truncate(left)

        with pytest.raises(BootRefused, match="is damaged"):
            migrator.migrate(file)


def test_damage_deep_in_a_large_file_is_found_by_whoever_reads_all_of_it(file: Path):
    spoil_deeply(file)

    accepted = migrator.migrate(file)

    assert accepted == []
    for look in (
        lambda: migrator.migrate(file, extent=Extent.WHOLE),
        lambda: migrator.check(file),
        lambda: migrator.foresee(file),
    ):
        with pytest.raises(BootRefused, match="is damaged"):
            look()


def test_after_an_unclean_end_all_of_a_large_file_is_read(file: Path):
    spoil_deeply(file)
    leave_log(file)

    with pytest.raises(BootRefused, match="is damaged"):
        migrator.migrate(file)
    assert migrator.migrate(file, extent=Extent.PART) == []


def test_an_empty_log_that_nobody_has_open_is_an_unclean_end_too(file: Path):
    clean = damage.has_ended_uncleanly(file)
    file.with_name("registry.db-wal").touch()

    assert (clean, damage.has_ended_uncleanly(file)) == (False, True)


def test_files_beside_it_that_somebody_has_open_are_no_unclean_end(file: Path):
    with elsewhere(file) as connection:
        connection.execute("SELECT count(*) FROM actors")
        beside = {path.name for path in file.parent.iterdir()}

        assert beside == {"registry.db", "registry.db-wal", "registry.db-shm"}
        assert not damage.has_ended_uncleanly(file)
    assert not damage.has_ended_uncleanly(file)


READ = "{{ context(chittyId: {id}) {{ data }} }}"


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "generic"])
async def test_damage_that_a_query_meets_is_named_and_the_server_is_not_ready(
    file: Path, caplog: pytest.LogCaptureFixture, compiled: bool
):
    row = spoil_deeply(file)

    async with running(file, compiled=compiled) as api:
        before = await api.client.get("/readyz")
        answers = [await api.post(READ.format(id=json.dumps(row))) for _ in range(3)]
        sound = await api.ask(READ.format(id='"CHITTY-CONTEXT-LARGE-1"'))
        after = await api.client.get("/readyz")

    for answer in answers:
        [error] = answer["errors"]
        assert error["extensions"]["code"] == "UNAVAILABLE"
        assert error["message"] == "a part of the database is damaged: restore a backup"
    assert sound["context"]["data"]
    assert (before.status_code, after.status_code) == (200, 503)
    [logged] = [record for record in caplog.records if record.message == "database damaged"]
    assert logged.levelname == "ERROR"


async def test_readiness_reads_the_definitions_only_after_a_change_and_no_pages(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    opened: list[object] = []
    connect = sqlite3.connect

    def counted(name: object, *args: object, **options: object) -> sqlite3.Connection:
        opened.append(name)
        return connect(name, *args, **options)  # type: ignore[call-overload, no-any-return]

    async with running(file) as api:
        monkeypatch.setattr(sqlite3, "connect", counted)
        states = [(await api.client.get("/readyz")).status_code for _ in range(5)]
        first = len(opened)
        await api.put("CREATE TABLE theirs (a)")
        changed = [(await api.client.get("/readyz")).status_code for _ in range(5)]
        second = len(opened) - first
        await api.put("DROP TABLE server_keys")
        broken = [(await api.client.get("/readyz")).status_code for _ in range(2)]

    assert (states, changed, broken) == ([200] * 5, [200] * 5, [503] * 2)
    assert (first, second) == (1, 1)


def test_each_value_of_the_setting_names_an_extent():
    values = get_args(get_type_hints(Settings)["boot_check"])

    assert {Extent(value) for value in values} == {*Extent} - {Extent.NOTHING}


@pytest.mark.thorough
def test_a_setting_reads_all_of_it_or_a_part_at_each_boot(file: Path):
    spoil_deeply(file)

    refused = complaint(command("serve", "--port", "0", "--boot-check", "full", "--database", file))
    leave_log(file)

    assert "is damaged" in refused
    with (
        served(file, *QUIET, "--boot-check", "quick") as (_, said),
        urlopen(url_of(said, "/readyz"), timeout=TIMEOUT_SECONDS) as ready,
    ):
        assert ready.status == 200
