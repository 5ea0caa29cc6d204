"""`doctor` looks at permissions, room, file systems, what was left behind, and backups."""

import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from db import temporary_folders
from server.doctor import files, mounts
from tests.support.registries.databases import demo_registry
from tests.support.services.commands import command
from tests.support.services.doctor import Examination

DAY = 86_400


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other programs may leave things in the system's folder, so that these tests have one of their own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def file(temporary: Path) -> Iterator[Path]:
    """A registry in a folder that everybody may enter, if the folders above it allow that."""
    with TemporaryDirectory(dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")) as folder:
        path = Path(folder).resolve()
        path.chmod(0o755)
        yield demo_registry(path / "registry.db")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's temporary folder, in which nobody else leaves anything."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def aged(path: Path, seconds: float) -> Path:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))
    return path


@pytest.mark.parametrize(
    ("mode", "level", "says"),
    [
        (0o600, "ok", "nobody else may read or write 1 file"),
        (0o604, "problem", "everybody on this machine may read or write"),
        (0o602, "problem", "everybody on this machine may read or write"),
        (0o640, "warning", "may read or write"),
    ],
)
def test_who_may_read_the_database_is_found(file: Path, mode: int, level: str, says: str):
    file.chmod(mode)

    found = Examination(file)

    assert found.levels("permissions") == [level]
    assert says in found.found("permissions")
    if level != "ok":
        assert f"chmod go= {file}" in found.found("permissions")


def test_a_folder_that_others_may_not_enter_protects_what_is_in_it(file: Path):
    file.chmod(0o604)
    file.parent.chmod(0o700)

    assert Examination(file).levels("permissions") == ["ok"]


def test_a_folder_that_everybody_may_write_is_a_problem(file: Path):
    file.parent.chmod(0o777)

    assert f"chmod o-w {file.parent}" in Examination(file).found("permissions")


def test_files_beside_the_database_are_looked_at_too(file: Path):
    copy = file.with_name("registry.db.before-repair-20260101T000000.000Z")
    copy.touch(mode=0o644)
    copy.chmod(0o644)

    found = Examination(file)

    assert str(copy) in found.found("permissions")
    assert "1 copies made before an adoption, repair or restore" in found.found("leftovers")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_log_of_another_user_is_a_problem(file: Path):
    log = file.with_name("registry.db-wal")
    log.touch(mode=0o600)
    os.chown(log, 65534, 65534)

    found = Examination(file)

    assert f"{log} belongs to user 65534" in found.found("permissions")
    assert f"chown 0 {log}" in found.found("permissions")


def test_less_room_than_writes_need_is_a_problem(file: Path):
    found = Examination(file, "--min-free-mb", str(2**40))

    assert found.levels("disk") == ["problem"]
    assert "so nothing is written -> make room on that disk" in found.found("disk")


def test_room_for_less_than_a_copy_is_a_warning(file: Path):
    os.truncate(file, 2**42)  # which takes no room: it has holes

    found = Examination(file)

    assert found.levels("disk") == ["warning"]
    assert "would not fit" in found.found("disk")


LISTED = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - overlay overlay rw
31 27 0:40 / /srv rw,relatime shared:1 - ext4 /dev/sda1 rw
32 31 0:41 / /srv/my\040share rw,relatime - nfs4 server:/share rw
33 31 0:42 / /srv/frozen ro,relatime - xfs /dev/sdb1 ro
34 31 0:43 / /srv/shm rw - tmpfs tmpfs rw
35 31 0:44 / /srv/frozen rw,relatime - ext4 /dev/sdc1 rw
"""


@pytest.mark.parametrize(
    ("path", "point", "kind"),
    [
        ("/var/lib", "/", "overlay"),
        ("/srv/data", "/srv", "ext4"),
        ("/srv/my share/registry", "/srv/my share", "nfs4"),
        ("/srv/shmother", "/srv", "ext4"),
        ("/srv/frozen/data", "/srv/frozen", "ext4"),
    ],
)
def test_the_last_mount_that_holds_a_path_is_its_file_system(path: str, point: str, kind: str):
    mount = mounts.of(Path(path), LISTED)

    assert mount is not None
    assert (mount.point, mount.type) == (point, kind)


@pytest.mark.parametrize(
    ("kind", "options", "level", "advice"),
    [
        *(("nfs4", "rw", "problem", "local disk"), ("cifs", "rw", "problem", "local disk")),
        *(("9p", "rw", "problem", "local disk"), ("fuse.sshfs", "rw", "problem", "local disk")),
        ("ext4", "ro,relatime", "problem", "mount it for writing"),
        ("tmpfs", "rw", "warning", "move the database to a disk"),
        *(("overlay", "rw", "warning", "volume"), ("ext4", "rw", "ok", "")),
    ],
)
def test_a_file_system_that_does_not_keep_a_log_is_found(
    kind: str, options: str, level: str, advice: str
):
    mount = mounts.of(Path("/srv"), f"1 1 0:1 / / {options} - {kind} source rw")

    assert mount is not None
    finding = files.of_mount(mount)
    assert finding.level.value == level
    assert advice in finding.advice


def test_folders_of_killed_commands_are_found_once_they_are_old(file: Path, temporary: Path):
    scratch = aged(_made(temporary / "chittygraph-0123abcd"), DAY)
    assert str(scratch) in Examination(file).found("leftovers")
    scratch.rmdir()
    old = file.parent / ".registry.db-0123abcd"
    young = file.parent / ".registry.db-0123abce"
    other = file.parent / ".other.db-0123abcd"
    for folder in (old, young, other):
        folder.mkdir()
    aged(old, DAY)
    aged(other, DAY)

    found = Examination(file).found("leftovers")

    assert f"warning: {old} is left" in found
    assert f"rm -r {old}" in found
    for folder in (young, other):
        assert str(folder) not in found


def test_a_folder_that_a_running_command_holds_is_none_that_was_left(file: Path, temporary: Path):
    left = file.parent / ".chittygraph-0123456789ab"

    with temporary_folders.create(file.parent) as held, temporary_folders.create() as scratch:
        left.mkdir()  # after those were made, which removes what killed commands left
        found = Examination(file).found("leftovers")

    assert f"rm -r {left}" in found
    assert str(held) not in found
    assert str(scratch) not in found
    assert left.exists()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_backups_are_looked_at_if_their_folder_is_named(file: Path):
    folder = file.parent / "backups"
    unnamed = Examination(file)
    none = Examination(file, "--backups", folder)
    command("backup", folder, "--once", "--database", file)
    fresh = Examination(file, "--backups", folder)
    (made,) = folder.iterdir()
    aged(made, 3 * 3_600)
    old = Examination(file, "--backups", folder, "--max-age", "2h")
    young = Examination(file, "--backups", folder, "--max-age", "4h")

    assert unnamed.levels("backups") == ["skipped"]
    assert "holds no backup of this database -> run `chittygraph backup" in none.found("backups")
    assert none.code == 1
    assert fresh.levels("backups") == ["ok", "warning"]
    assert "on the same disk" in fresh.found("backups")
    assert re.search(r"newest 3\.0 hours old: too old", old.found("backups"))
    assert young.levels("backups")[0] == "ok"


def test_an_empty_or_readable_backup_is_a_problem(file: Path):
    folder = file.parent / "backups"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    (folder / "registry-20260101T000000.000Z.db").touch(mode=0o644)
    (folder / "registry-20260101T000000.000Z.db").chmod(0o644)

    found = Examination(file, "--backups", folder)

    assert "is empty" in found.found("backups")
    assert "registry-20260101T000000.000Z.db" in found.found("permissions")
