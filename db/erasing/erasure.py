"""Erases an actor's personal data from a database file: from its row, its history and all that was kept.

All of it is one transaction, in which the triggers that protect the history are lifted. The ChittyID stays as
a pseudonym, so that what the actor did is still told. Other programs may use the file meanwhile.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from db import attribution, change_log
from db.attribution import Attribution
from db.commands import actors
from db.erasing import cleaning, copies, search, sql_functions
from db.erasing.cleaning import Cleaning
from db.erasing.copies import Copy
from db.erasing.own_data import OWN_CHANGES, OwnData
from db.erasing.places import Treatment
from db.erasing.redaction import Redaction
from db.erasing.search import Found
from db.errors import ErrorCode, Refused
from db.history import append_only
from db.migrating import migrator
from db.model import instants, searched
from db.model.tables import ACTORS
from db.program import Value, run
from db.security.delegation import Delegation
from db.security.row_security import UNRESTRICTED
from db.sqlite import catalog, file_checks
from db.sqlite.catalog import Object
from db.sqlite.connection_thread import execute

CAUSE = "erase"
Stage: TypeAlias = Callable[[str], None]
"""Called with what begins."""


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """Whose data is erased. `texts` are further words that name the person.

    `also_texts` are replaced in what others wrote, too. Without `rewrites`, unused parts of the file may
    still hold what was erased.
    """

    chitty_id: str
    transfer_contexts_to: str | None = None
    texts: Sequence[str] = ()
    also_texts: bool = False
    rewrites: bool = True
    backups: Sequence[Path] = ()


@dataclass(frozen=True, slots=True)
class Erasure:
    """`rows` were rewritten, by table. `found` names the person still, and so do the `copies`.

    `cleaning` is None if no file was written.
    """

    chitty_id: str
    rows: Mapping[str, int]
    found: list[Found]
    copies: list[Copy]
    erased_at: str | None
    cleaning: Cleaning | None = None


WRITTEN_SINCE = """
    SELECT kind, count(DISTINCT key) FROM changes WHERE sequence > :last GROUP BY kind
"""


@dataclass(slots=True)
class _Work:
    connection: sqlite3.Connection
    request: ErasureRequest
    stage: Stage
    now: str = field(default_factory=instants.now)
    rows: dict[str, int] = field(default_factory=dict)
    stored: Mapping[str, Object] = field(default_factory=dict)
    redaction: Redaction = field(default_factory=lambda: Redaction((), ""))

    @property
    def bind(self) -> dict[str, Value]:
        return {"chitty_id": self.request.chitty_id, "now": self.now}

    @property
    def own(self) -> OwnData:
        return OwnData(self.connection, self.stored, self.bind)

    def count(self, counts: Mapping[str, int]) -> None:
        for table, count in counts.items():
            if count:
                self.rows[table] = self.rows.get(table, 0) + count


def preview(database: Path, request: ErasureRequest, stage: Stage = lambda _: None) -> Erasure:
    """What `erase` would do; raises like it."""
    return _erase(database, request, stage, for_good=False)


def erase(database: Path, request: ErasureRequest, stage: Stage = lambda _: None) -> Erasure:
    """Erase an actor's data, and then remove it from the bytes of the files.

    Raises Refused if there is no such actor, it is the last active admin, or it owns contexts that nobody
    takes over; BootRefused if the database is not up to date, locked, or cannot be rewritten.
    """
    return _erase(database, request, stage, for_good=True)


def _erase(database: Path, request: ErasureRequest, stage: Stage, *, for_good: bool) -> Erasure:
    migrator.require_migrated(database)
    file = database.resolve()
    file_checks.require_usable(file, writable=True)
    if request.rewrites and for_good:
        cleaning.require_memory(file)
    with file_checks.refusing(file), closing(file_checks.connect(file, "rw")) as connection:
        for pragma in ("foreign_keys", "recursive_triggers", "secure_delete"):
            connection.execute(f"PRAGMA {pragma} = ON").fetchall()
        work = _Work(connection, request, stage)
        with ExitStack() as functions:
            with _transaction(connection, for_good=for_good):
                functions.enter_context(_prepare(work))
                _erase_rows(work)
                if for_good:
                    _index_anew(connection)
                erased_at = _erased_at(work)
                found = [] if for_good else _find(work)
            if for_good:  # while others may write again
                found = _find(work)
        cleaned = None
        if for_good:
            stage("rewriting the file")
            cleaned = cleaning.clean(connection, rewrite=request.rewrites)
    held = copies.find(file, request.backups, erased_at or work.now, request.chitty_id)
    return Erasure(request.chitty_id, dict(work.rows), found, held, erased_at, cleaned)


@contextmanager
def _transaction(connection: sqlite3.Connection, *, for_good: bool) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT" if for_good else "ROLLBACK")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _prepare(work: _Work) -> AbstractContextManager[None]:
    """Read the texts that name the person; what is returned defines the SQL functions that look for them."""
    work.stage("looking for personal data")
    work.stored = catalog.read(work.connection)
    texts = [*work.own.texts(), *work.request.texts]
    work.redaction = Redaction(texts, work.request.chitty_id)
    return sql_functions.defined(work.connection, work.redaction)


def _erase_rows(work: _Work) -> None:
    """Erase everything in the open transaction, and record that it was done."""
    connection, also_texts = work.connection, work.request.also_texts
    ((last,),) = connection.execute(change_log.NEWEST).fetchall()
    connection.execute(attribution.FILL, Attribution(CAUSE).bind())
    _delete_actor(work)
    work.own.erase_row()
    work.count({"api_keys": work.own.erase_keys()})
    work.count(work.own.erase_set_aside())
    work.count({"replaced_values": work.own.erase_replaced()})
    work.count({"idempotent_answers": work.own.forget_answers()})
    if work.redaction:
        treatments = [Treatment.ALWAYS, *([Treatment.ON_REQUEST] if also_texts else [])]
        work.count(search.replace_texts(connection, work.stored, treatments, work.bind))
    connection.execute(attribution.EMPTY)
    work.count(dict(connection.execute(WRITTEN_SINCE, {"last": last}).fetchall()))
    with _lifted(connection):
        work.count({"changes": work.own.erase_changes()})
        if work.redaction and also_texts:
            work.count({"changes": search.replace_in_changes(connection, OWN_CHANGES, work.bind)})
    if work.rows:
        _leave_tombstone(work)


def _index_anew(connection: sqlite3.Connection) -> None:
    """Leave no word of what rows held before in the indexes of searches."""
    for sql in searched.refill():
        connection.execute(sql)


def _find(work: _Work) -> list[Found]:
    if not work.redaction:
        return []
    work.stage("searching all tables")
    are_replaced = work.request.also_texts
    return search.list_all(work.connection, work.stored, are_replaced=are_replaced)


@contextmanager
def _lifted(connection: sqlite3.Connection) -> Iterator[None]:
    for sql in append_only.LIFT:
        connection.execute(sql)
    yield
    for sql in append_only.RESTORE:
        connection.execute(sql)


KNOWN = f"SELECT 1 FROM changes WHERE {OWN_CHANGES}"


def _delete_actor(work: _Work) -> None:
    """Delete it as the API does, unless only the history knows it by this id; raises Refused."""
    # The API's own program, so that its rules hold here as well.
    program = actors.delete(
        work.request.chitty_id,
        delegation=Delegation(keep_admin=True),
        transfer_contexts_to=work.request.transfer_contexts_to,
    )
    try:
        run(program, lambda statement: execute(work.connection, statement, UNRESTRICTED))
    except Refused as refused:
        is_unknown = refused.problems[0].code is ErrorCode.NOT_FOUND
        bind = {"chitty_id": work.request.chitty_id}
        if not is_unknown or not work.connection.execute(KNOWN, bind).fetchone():
            raise


ERASED_AT = "SELECT max(at) FROM erasures WHERE actor = :actor"
TOMBSTONE = """
    INSERT INTO erasures (at, actor, columns, through, rows)
    SELECT :at, :actor, :columns, coalesce(max(sequence), 0), :rows FROM changes
"""


def _leave_tombstone(work: _Work) -> None:
    bind: dict[str, Value] = {
        "at": work.now,
        "actor": work.request.chitty_id,
        "columns": json.dumps(list(ACTORS.personal)),
        "rows": json.dumps(work.rows),
    }
    work.connection.execute(TOMBSTONE, bind)


def _erased_at(work: _Work) -> str | None:
    (at,) = work.connection.execute(ERASED_AT, {"actor": work.request.chitty_id}).fetchone()
    return None if at is None else str(at)
