"""Imports a file of rows into the registry, all of them or none."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from db import temporary_folders
from db.errors import BootRefused, Unavailable
from db.migrating import migrator
from db.model import instants
from db.sqlite import file_checks, new_files
from db.transfer import imports, staging
from db.transfer.imports import RowCounts
from db.transfer.layout import BY_TYPE
from db.transfer.staging import Staging
from resolvers.import_rules import CheckedRow, RowChecker, SourceRow
from server.files import csv_rows, json_lines, text_files
from server.files.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What to import, and how; CSV needs a `type`."""

    file: Path
    format: str
    type: str | None
    update: bool = False
    as_stored: bool = False
    dry_run: bool = False


@contextmanager
def run_import(
    database: Path, request: ImportRequest, *, min_free_bytes: int, progress: Progress
) -> Iterator[tuple[Staging, list[RowCounts]]]:
    """Import a file unless a line is rejected; yields the staged lines and the row counts.

    Raises FileRefused, BootRefused or Unavailable, with nothing written, if a file cannot be used.
    """
    status = migrator.inspect(database)
    if status.exists and status.pending:
        raise BootRefused(
            f"{database} still lacks migration {status.pending[0]}: run `chittygraph migrate` first"
        )
    rules = imports.Rules(update=request.update, as_stored=request.as_stored)
    with staging.create() as staged:
        _stage(staged, request, progress)
        writing = not request.dry_run and staged.rejected_lines() == 0
        if not (writing and status.exists):
            with _registry(database, exists=status.exists) as registry:
                counts = imports.check(staged, registry, rules, progress)
        if writing and staged.rejected_lines() == 0:
            with _written(database, exists=status.exists) as registry:
                counts = imports.write(
                    staged,
                    registry,
                    rules,
                    min_free_bytes=min_free_bytes,
                    progress=progress,
                )
        yield staged, counts


@contextmanager
def _written(database: Path, *, exists: bool) -> Iterator[Path]:
    """The database to write to, which appears with all its rows or not at all if there is none yet."""
    if exists:
        migrator.migrate(database)  # refuses what cannot be written
        yield database
        return
    file = database.resolve()
    file_checks.require_writable_folder(file)
    with temporary_folders.create(file.parent) as folder:
        new = folder / "new.db"
        migrator.migrate(new)
        try:
            yield new
        except Unavailable as error:
            raise Unavailable(str(error).replace(str(new), str(database))) from error
        if new.with_name("new.db-wal").exists():
            raise Unavailable(
                f"{database} could not be finished: see that the disk is sound and has room"
            )
        if not new_files.publish_first(new, file):
            raise BootRefused(
                f"another program has made {database} meanwhile: import into that, or name another"
            )


@contextmanager
def _registry(database: Path, *, exists: bool) -> Iterator[Path]:
    """The database, or an empty temporary one to check against: a rejected import creates none."""
    if exists:
        yield database
        return
    with temporary_folders.create() as folder:
        empty = folder / "empty.db"
        migrator.migrate(empty)
        yield empty


def _stage(staged: Staging, request: ImportRequest, progress: Progress) -> None:
    checker = RowChecker(now=instants.now(), as_stored=request.as_stored)
    with text_files.open_file(request.file) as (file, size):
        progress.stage("reading", size)
        for row in _source_rows(request, file, progress):
            _stage_row(staged, checker, row)
    staged.finish()


def _source_rows(request: ImportRequest, file: BinaryIO, progress: Progress) -> Iterator[SourceRow]:
    name = "stdin" if str(request.file) == "-" else str(request.file)
    lines = text_files.lines(name, file, progress.advance)
    if request.format == "csv" and request.type is not None:
        return csv_rows.read(name, lines, BY_TYPE[request.type].table)
    return json_lines.read(lines, request.type)


def _stage_row(staged: Staging, checker: RowChecker, row: SourceRow) -> None:
    if row.fault is not None:
        staged.reject(row.line, [row.fault])
        return
    transfer = BY_TYPE.get(row.type) if isinstance(row.type, str) else None
    if transfer is None:
        staged.reject(row.line, [f"its type must be one of {', '.join(BY_TYPE)}"])
        return
    checked = checker.check(transfer, row.values)
    if isinstance(checked, CheckedRow):
        staged.add(transfer, row.line, checked.values, checked.columns)
    else:
        ids = (row.values.get(name) for name in (*transfer.key, "chitty_id"))
        staged.reject(row.line, checked, [each for each in ids if _can_be_id(each)])


def _can_be_id(value: object) -> bool:
    return type(value) is int or (isinstance(value, str) and value.isprintable())
