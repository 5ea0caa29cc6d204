"""A file of rows into the registry: read, checked, and written as a whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from db import temporary_folders
from db.errors import BootRefused
from db.migrating import migrator
from db.model import instants
from db.transfer import imports, staging
from db.transfer.imports import Counted
from db.transfer.layout import BY_TYPE
from db.transfer.staging import Staging
from resolvers.import_rules import CheckedRow, RowChecker, SourceRow
from server.files import csv_rows, json_lines, text_files
from server.files.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be imported, and how; `type` is needed for CSV."""

    file: Path
    format: str
    type: str | None
    update: bool = False
    as_stored: bool = False
    dry_run: bool = False


@contextmanager
def imported(
    database: Path, wanted: Wanted, *, min_free_bytes: int, progress: Progress
) -> Iterator[tuple[Staging, list[Counted]]]:
    """Import a file; gives what its rows were, and the staging, which knows those rejected.

    Nothing is written when any is, or for a dry run. Raises FileRefused, BootRefused or Unavailable,
    with nothing written, where there is no reading the file or no writing the database.
    """
    status = migrator.inspect(database)
    if status.exists and status.pending:
        raise BootRefused(
            f"{database} still lacks migration {status.pending[0]}: run `chittygraph migrate` first"
        )
    with staging.opened() as staged:
        _stage(staged, wanted, progress)
        writing = not wanted.dry_run and staged.rejected_lines() == 0
        if not (writing and status.exists):
            with _registry(database, exists=status.exists) as registry:
                counted = imports.check(staged, registry, update=wanted.update, told=progress)
        if writing and staged.rejected_lines() == 0:
            migrator.migrate(database)
            counted = imports.write(
                staged,
                database,
                update=wanted.update,
                min_free_bytes=min_free_bytes,
                told=progress,
            )
        yield staged, counted


@contextmanager
def _registry(database: Path, *, exists: bool) -> Iterator[Path]:
    """The database, or an empty one to check against, so that none is made for a file with faults."""
    if exists:
        yield database
        return
    with temporary_folders.create() as folder:
        empty = folder / "empty.db"
        migrator.migrate(empty)
        yield empty


def _stage(staged: Staging, wanted: Wanted, progress: Progress) -> None:
    checker = RowChecker(now=instants.now(), as_stored=wanted.as_stored)
    with text_files.opened(wanted.file) as (file, size):
        progress.stage("reading", size)
        for entry in _entries(wanted, file, progress):
            _take(staged, checker, entry)
    staged.finish()


def _entries(wanted: Wanted, file: BinaryIO, progress: Progress) -> Iterator[SourceRow]:
    name = "stdin" if str(wanted.file) == "-" else str(wanted.file)
    lines = text_files.lines(name, file, progress.advance)
    if wanted.format == "csv" and wanted.type is not None:
        return csv_rows.read(name, lines, BY_TYPE[wanted.type].table)
    return json_lines.read(lines, wanted.type)


def _take(staged: Staging, checker: RowChecker, entry: SourceRow) -> None:
    if entry.fault is not None:
        staged.reject(entry.line, [entry.fault])
        return
    transfer = BY_TYPE.get(entry.type) if isinstance(entry.type, str) else None
    if transfer is None:
        staged.reject(entry.line, [f"its type must be one of {', '.join(BY_TYPE)}"])
        return
    found = checker.check(transfer, entry.values)
    if isinstance(found, CheckedRow):
        staged.add(transfer, entry.line, found.values, found.columns)
    else:
        brought = (entry.values.get(name) for name in (*transfer.key, "chitty_id"))
        staged.reject(entry.line, found, [each for each in brought if _can_be_id(each)])


def _can_be_id(value: object) -> bool:
    return type(value) is int or (isinstance(value, str) and value.isprintable())
