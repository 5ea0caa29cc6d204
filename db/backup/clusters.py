"""Backups of a cluster of rqlite, which are SQLite files, and restoring one into a cluster.

A node writes its whole database as one file, and takes one, both with what rqlite has for that.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import httpx2

from db.backup import backups, restores
from db.backup.backups import Advance, CopySummary
from db.backup.restores import RestoreResult
from db.database_url import Address
from db.errors import BootRefused
from db.migrating import ledger, migrator
from db.remote.rqlite.answers import NO_RIGHTS
from db.sqlite import file_checks, new_files

T = TypeVar("T")

CHUNK = 2**20
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 3_600.0  # a node answers when it has loaded the whole file


def backup(
    address: Address, target: Path, *, overwrite: bool = False, advance: Advance = lambda _: None
) -> CopySummary:
    """Write a cluster's database, as its leader has it now, to a new, verified and durable file.

    Raises BootRefused if the cluster cannot be reached or holds no registry, or like `backups.backup`.
    """
    backups.require_new(target, overwrite=overwrite)
    with new_files.aside(target) as new:
        _download(address, new, advance)
        with _named(new, address):
            copied = backups.verify(new, new, lambda: None)
        backups.require_new(target, overwrite=overwrite)
        new_files.publish(new, target)
    return copied


def restore(
    file: Path, address: Address, *, folder: Path, advance: Advance = lambda _: None
) -> RestoreResult:
    """Replace a cluster's database with a backup or an SQL dump; what it held is kept as a file in `folder`.

    Raises BootRefused, with nothing changed, if the file is no intact registry that was migrated, or the
    cluster cannot be reached.
    """
    restores.require_source(file)
    kept = folder / f"rqlite.before-restore-{new_files.stamp()}.db"
    with new_files.aside(kept) as new:
        copied = restores.prepare(file, new, advance)
        with _named(new, file):
            if not migrator.inspect(new).applied:
                raise BootRefused(
                    f"{file} holds the registry of another program, and only a file can be adopted: restore"
                    " it into one, run `chittygraph migrate` there, and copy that with `chittygraph move`"
                )
        has_been_kept = _keep(address, kept, advance)
        _load(address, new, advance)
        _require_same(address, new)
    return RestoreResult(copied, kept if has_been_kept else None)


@contextmanager
def _named(new: Path, source: object) -> Iterator[None]:
    """Name what a temporary file was made of in messages about that file."""
    try:
        yield
    except BootRefused as refused:
        raise BootRefused(str(refused).replace(str(new.resolve()), str(source))) from refused


def _keep(address: Address, kept: Path, advance: Advance) -> bool:
    """Keep what the cluster holds; False if that is nothing."""
    with new_files.aside(kept) as old:
        _download(address, old, advance)
        with closing(file_checks.connect(old, "ro&immutable=1")) as connection:
            if not connection.execute(ledger.TABLES).fetchall():
                return False
        new_files.publish(old, kept)
    return True


def _download(address: Address, new: Path, advance: Advance) -> None:
    def download(client: httpx2.Client, leader: str) -> None:
        with client.stream("GET", f"{leader}/db/backup") as answer, new.open("wb") as file:
            _require_success(answer, address)
            for chunk in answer.iter_bytes(CHUNK):
                file.write(chunk)
                advance(len(chunk))

    _at_leader(address, download)


def _load(address: Address, file: Path, advance: Advance) -> None:
    def chunks() -> Iterator[bytes]:
        with file.open("rb") as source:
            while chunk := source.read(CHUNK):
                yield chunk
                advance(len(chunk))

    def load(client: httpx2.Client, leader: str) -> None:
        headers = {"Content-Type": "application/octet-stream"}
        answer = client.post(f"{leader}/db/load", content=chunks(), headers=headers)
        _require_success(answer, address)
        _require_no_error(answer, address)

    _at_leader(address, load)


COUNT = 'SELECT count(*) FROM "{table}"'


def _require_same(address: Address, file: Path) -> None:
    """Raise BootRefused unless the cluster holds as many rows in each table as the file."""

    def compare(client: httpx2.Client, leader: str) -> None:
        with closing(file_checks.connect(file, "ro&immutable=1")) as connection:
            counts = backups.rows(connection)
        for table, count in counts.items():
            sql = COUNT.format(table=table.replace('"', '""'))
            answer = client.post(f"{leader}/db/query?level=strong&noparse", json=[sql])
            _require_success(answer, address)
            _require_no_error(answer, address)
            if answer.json()["results"][0]["values"] != [[count]]:
                raise BootRefused(
                    f"{address} does not hold the {count:,} rows of {table} that it was given: restore again,"
                    " and see that nothing writes to it meanwhile"
                )

    _at_leader(address, compare)


def _at_leader(address: Address, work: Callable[[httpx2.Client, str], T]) -> T:
    """Do something at the node that leads; errors name neither a user nor a password."""
    auth = (address.user, address.secret) if address.user else None
    timeout = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    try:
        with httpx2.Client(auth=auth, timeout=timeout, trust_env=False) as client:
            return work(client, _leader(client, address))
    except httpx2.HTTPError as error:
        raise BootRefused(f"{address} cannot be reached: {type(error).__name__}") from None
    except sqlite3.DatabaseError as error:
        raise BootRefused(f"{address} has sent no SQLite file: {error}") from error


def _leader(client: httpx2.Client, address: Address) -> str:
    lost: httpx2.HTTPError | None = None
    for base in address.bases:
        try:
            answer = client.post(
                f"{base}/db/query?redirect&level=weak", json=["SELECT 1"], timeout=CONNECT_SECONDS
            )
        except httpx2.HTTPError as error:
            lost = error
            continue
        if answer.is_redirect:
            location = httpx2.URL(answer.headers["Location"])
            return f"{httpx2.URL(base).scheme}://{location.netloc.decode().rpartition('@')[2]}"
        if answer.status_code in {401, 403}:
            raise BootRefused(f"{address} cannot be used: {NO_RIGHTS}")
        if answer.is_success and "error" not in answer.text:
            return base
    if lost is not None:
        raise lost
    raise BootRefused(f"{address} has no leader: see that most of its nodes run, and try again")


def _require_success(answer: httpx2.Response, address: Address) -> None:
    if answer.status_code in {401, 403}:
        raise BootRefused(f"{address} cannot be used: {NO_RIGHTS}")
    if not answer.is_success:
        raise BootRefused(f"{address} answers with HTTP {answer.status_code}: try again")


def _require_no_error(answer: httpx2.Response, address: Address) -> None:
    """Errors come with status 200, too."""
    told = answer.json()
    for result in [told, *told.get("results", [])]:
        if "error" in result:
            raise BootRefused(f"{address} has failed: {str(result['error'])[:200]}")
