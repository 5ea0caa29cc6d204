"""Checks of the files: permissions, room, file system, what was left behind, and backups."""

import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from db import temporary_folders
from db.backup import rotation
from db.sqlite.file_checks import JOURNAL
from server.doctor import mounts
from server.doctor.findings import (
    Check,
    Deployment,
    Finding,
    Findings,
    ok,
    problem,
    skipped,
    warning,
)

BESIDE = ("", "-wal", "-shm", JOURNAL)
MEGABYTE = 2**20
ABANDONED_SECONDS = 3_600
SHOWN = 5


def permissions(deployment: Deployment) -> Findings:
    files = _private_files(deployment)
    found = [finding for path in files for finding in _readers(path)]
    found += [*_writers(deployment.database.parent), *_owners(deployment)]
    count = f"{len(files)} file{'s' * (len(files) != 1)}"
    yield from found or [ok(f"nobody else may read or write {count}")]


def _writers(folder: Path) -> Findings:
    if _is_open_to_others(folder, stat.S_IWOTH) and not folder.stat().st_mode & stat.S_ISVTX:
        yield problem(
            f"everybody may write to {folder}, and so put another database there",
            f"run `chmod o-w {folder}`",
        )


def _private_files(deployment: Deployment) -> list[Path]:
    copies = _copies(deployment.database)
    found = [*(deployment.beside(suffix) for suffix in BESIDE), *copies, *_backups(deployment)]
    return [path for path in found if path.is_file()]


def _readers(path: Path) -> Findings:
    advice = f"run `chmod go= {path}`: it holds personal data, and the key that signs cursors"
    if _is_open_to_others(path, stat.S_IROTH | stat.S_IWOTH):
        yield problem(f"everybody on this machine may read or write {path}", advice)
    elif path.stat().st_mode & (stat.S_IRGRP | stat.S_IWGRP):
        yield warning(f"the group {path.stat().st_gid} may read or write {path}", advice)


def _is_open_to_others(path: Path, bits: int) -> bool:
    """Whether everybody may do this, which a folder above it may prevent."""
    above = all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)
    return bool(path.stat().st_mode & bits) and above


def _owners(deployment: Deployment) -> Findings:
    path = deployment.database
    if not path.exists():
        return
    owner = path.stat().st_uid
    for beside in map(deployment.beside, BESIDE[1:]):
        if beside.exists() and beside.stat().st_uid != owner:
            yield problem(
                f"{beside} belongs to user {beside.stat().st_uid}, and the database to {owner}",
                f"run `chown {owner} {beside}`, and commands as the server's user",
            )
    if os.geteuid() not in (0, owner):
        yield warning(
            f"the database belongs to user {owner}, and this is user {os.geteuid()}",
            "run the commands as the server's user, or files beside it get another owner",
        )


def disk(deployment: Deployment) -> Findings:
    path = deployment.database
    room = os.statvfs(path.parent)
    free, least = room.f_bavail * room.f_frsize, deployment.settings.min_free_mb * MEGABYTE
    size = sum(each.stat().st_size for each in map(deployment.beside, BESIDE) if each.exists())
    found = (
        f"{free // MEGABYTE:,} MiB free where the database is, which has {size // MEGABYTE:,} MiB"
    )
    if free < least:
        yield problem(
            f"{found}: below min_free_mb ({deployment.settings.min_free_mb}), so nothing is written",
            "make room on that disk",
        )
    elif free < size + least:
        yield warning(
            f"{found}: a repair, a backup or a restore there would not fit",
            "make room on that disk, or back up to another one",
        )
    else:
        yield ok(found)
    if room.f_files and room.f_favail == 0:
        yield problem("the disk has no inode left for another file", "remove files on that disk")


def file_system(deployment: Deployment) -> Findings:
    try:
        mount = mounts.of(deployment.database.parent, mounts.LIST.read_text())
    except OSError:
        mount = None
    if mount is None:
        yield skipped("this system does not tell the type of the file system")
        return
    yield of_mount(mount)


def of_mount(mount: mounts.Mount) -> Finding:
    found = f"{mount.type}, mounted at {mount.point}"
    if "ro" in mount.options:
        return problem(f"{found}, is read-only", "mount it for writing, or move the database")
    if mount.type in mounts.NETWORK:
        return problem(
            f"{found}, is shared over a network or with a host, where SQLite's log can be damaged",
            "move the database to a local disk",
        )
    if mount.type in mounts.IN_MEMORY:
        return warning(f"{found}, is lost when the machine stops", "move the database to a disk")
    if mount.type == "overlay":
        return warning(
            f"{found}, is the container's own and goes with it",
            "put the database into a volume",
        )
    return ok(found)


def leftovers(deployment: Deployment) -> Findings:
    left = [
        *(
            (path, "run `rm -r {}`, or leave it to the next command")
            for path in _abandoned(deployment)
        ),
        *(
            (path, "run `rm -r {}` unless a command is at work there")
            for path in _without_lock(deployment)
        ),
    ]
    for path, advice in left[:SHOWN]:
        yield warning(f"{path} is left of a command that was killed", advice.format(path))
    if len(left) > SHOWN:
        yield warning(f"{len(left) - SHOWN} more temporary folders", "remove them too")
    if copies := _copies(deployment.database):
        total = sum(path.stat().st_size for path in copies) // MEGABYTE
        yield ok(
            f"{len(copies)} copies made before an adoption, repair or restore, {total:,} MiB:"
            " remove those that nobody needs"
        )
    elif not left:
        yield ok("no temporary folder is left")


def _abandoned(deployment: Deployment) -> Iterator[Path]:
    """What the next command that works in the same folder removes."""
    for folder in (deployment.database.parent, Path(tempfile.gettempdir()), deployment.backups):
        yield from temporary_folders.abandoned(folder) if folder is not None else ()


def _without_lock(deployment: Deployment) -> Iterator[Path]:
    """What former versions made beside the database and in the system's folder."""
    names = {
        deployment.database.parent: rf"\.{re.escape(deployment.database.name)}-[0-9a-f]{{8}}",
        Path(tempfile.gettempdir()): r"chittygraph-[0-9a-f]{8}",
    }
    for folder, name in names.items():
        for path in _entries(folder):
            if re.fullmatch(name, path.name) and _age(path) > ABANDONED_SECONDS:
                yield path


def _copies(database: Path) -> list[Path]:
    name = re.compile(rf"{re.escape(database.name)}\.before-(adoption|repair|restore)-.*")
    return [path for path in _entries(database.parent) if name.fullmatch(path.name)]


def backups(deployment: Deployment) -> Findings:
    if deployment.backups is None:
        yield skipped("no folder of backups is named", "name it with --backups FOLDER")
        return
    made = _backups(deployment)
    if not made:
        yield problem(
            f"{deployment.backups} holds no backup of this database",
            f"run `chittygraph backup {deployment.backups} --every 1h` as a service",
        )
        return
    newest = max(made)
    age = _age(newest)
    found = f"{len(made)} in {deployment.backups}, the newest {age / 3600:,.1f} hours old"
    if newest.stat().st_size == 0:
        yield problem(f"{newest} is empty", "make another, and see that the disk is sound")
    elif age > deployment.max_age:
        yield problem(f"{found}: too old", "see why `chittygraph backup` no longer runs")
    else:
        yield ok(found)
    if deployment.backups.stat().st_dev == deployment.database.parent.stat().st_dev:
        yield warning(
            "the backups lie on the same disk as the database",
            "copy them to another disk or machine too",
        )


def _backups(deployment: Deployment) -> list[Path]:
    if deployment.backups is None:
        return []
    name = re.compile(rf"{re.escape(deployment.database.stem)}-{rotation.TIME}\.db")
    return [path for path in _entries(deployment.backups) if name.fullmatch(path.name)]


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() and os.access(folder, os.R_OK) else []


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def room_for_temporary_files(deployment: Deployment) -> Findings:
    folder = Path(tempfile.gettempdir())
    free = shutil.disk_usage(folder).free
    if free < deployment.settings.min_free_mb * MEGABYTE:
        yield warning(
            f"{free // MEGABYTE:,} MiB free in {folder}, where imports keep their rows",
            "make room there, or set TMPDIR to another folder",
        )
    else:
        yield ok(f"{free // MEGABYTE:,} MiB free in {folder}")


CHECKS = (
    Check("permissions", permissions, needs="folder"),
    Check("disk", disk, needs="folder"),
    Check("temporary", room_for_temporary_files),
    Check("file system", file_system),
    Check("leftovers", leftovers),
    Check("backups", backups),
)
