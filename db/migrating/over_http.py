"""Migrates a database on an engine that is reached over HTTP; several servers may do so at once.

Each migration is one transaction whose first statement records it in the ledger: whoever comes second
conflicts with that record, and nothing of its migration is stored.
"""

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from db.consistency import At
from db.database_url import Address
from db.errors import BootRefused, EngineError, EngineLimit
from db.migrating import (
    ledger,
    lost_tables,
    missing_module,
    remote_repair,
    remote_schema,
    schema_comparison,
    wrangler,
)
from db.migrating.adoption import adoption, recognition
from db.migrating.ledger import MIGRATIONS, Migration
from db.migrating.schema_comparison import Comparison
from db.program import Statement
from db.remote.transport import Bound, Transport
from db.sqlite import catalog

RESTORE = (
    "undo that change, or copy a registry that is whole into a new database with `chittygraph move`"
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """What a database is. `found` is how it differs from what the migrations that ran on it made.

    `by_wrangler` has the first pending migrations, if wrangler ran them: they only have to be recorded.
    """

    done: Mapping[str, str]
    pending: tuple[Migration, ...]
    by_wrangler: tuple[Migration, ...]
    found: Comparison
    has_others_ledger: bool  # a table with the name of wrangler's ledger that is not wrangler's

    @property
    def is_new(self) -> bool:
        return not self.done and not self.by_wrangler

    @property
    def differences(self) -> list[str]:
        """Those that matter: without an index, lists are only slow."""
        return [*self.found.broken, *self.found.unenforced, *self.found.unrecorded]


async def look(
    transport: Transport,
    place: Address,
    folder: Path = MIGRATIONS,
    *,
    at: At = remote_schema.NEWEST,
) -> State:
    """Raises BootRefused for what is none of ours or newer than this code, and else like Transport.send."""
    migrations = ledger.load(folder)
    async with remote_schema.copied(transport, at) as copy:
        if adoption.is_due(copy):
            raise BootRefused(
                f"{place} holds the registry of another program, and only a file can be adopted: export it,"
                " restore that with `chittygraph restore`, and copy it into a new database with"
                " `chittygraph move`"
            )
        done = ledger.applied(copy, place)
        left = ledger.pending(migrations, done, place)
        lost = lost_tables.find(copy, migrations, done)
        if lost:
            raise BootRefused(f"{place} has lost tables: {'; '.join(lost.values())}: {RESTORE}")
        by_wrangler = _run_by_wrangler(copy, migrations, left)
        found = schema_comparison.compare(copy, migrations, done)
        others = wrangler.is_of_others(copy)
    return State(done, tuple(left), by_wrangler, found, others)


def _run_by_wrangler(
    copy: sqlite3.Connection, migrations: Sequence[Migration], left: Sequence[Migration]
) -> tuple[Migration, ...]:
    named = wrangler.names(copy)
    if not left or left[0].name not in named:
        return ()
    complete = recognition.recognise(catalog.read(copy), migrations).complete
    return tuple(takewhile(lambda each: each.name in named and each.name in complete, left))


def require_intact(state: State, place: Address) -> None:
    """Raise BootRefused, with every difference, if what is relied on is gone or altered.

    A trigger of the history is none of it: the next start makes it anew.
    """
    found = [*state.found.broken, *state.found.unenforced]
    if found:
        raise BootRefused(
            f"{place} is not as its migrations made it: {'; '.join(found)}: {RESTORE}"
        )


async def migrate(
    transport: Transport, place: Address, names: list[str], folder: Path = MIGRATIONS
) -> State:
    """Mend a history that has lost triggers, and apply the pending migrations; what was found before.

    The names of those that this call ran are added to `names`. Raises BootRefused, with the migration that
    failed undone, and else like Transport.send; whoever calls it again then goes on.
    """
    before = state = await look(transport, place, folder)
    require_intact(state, place)
    if state.found.unrecorded:
        await remote_repair.mend(transport, place, ledger.load(folder), state.done)
    if state.pending and not state.done:
        await remote_schema.write(transport, [Statement(ledger.CREATE)])
    while state.pending:
        for migration in state.by_wrangler:
            await transport.migrate([_bound(ledger.record_of(migration))])
        # Another server may be ahead by any number of them, so what is left is looked up each time.
        for migration in state.pending[len(state.by_wrangler) :]:
            level = logging.INFO if before.done else logging.DEBUG
            log.log(level, "migration started", extra={"migration": migration.name})
            if not await _run(transport, place, migration, state):
                break
            log.debug("migration applied", extra={"migration": migration.name})
            names.append(migration.name)
        state = await look(transport, place, folder)
    return before


async def _run(transport: Transport, place: Address, migration: Migration, state: State) -> bool:
    """Run one; False if another has run it meanwhile."""
    batch = [ledger.record_of(migration), *map(Statement, migration.statements())]
    if not state.has_others_ledger:
        batch += [Statement(wrangler.CREATE), Statement(wrangler.ADD_MISSING)]
    try:
        return await transport.migrate([_bound(statement) for statement in batch])
    except (EngineError, EngineLimit) as error:
        advice = missing_module.advice(error) or "correct the file or the data and start again"
        raise BootRefused(
            f"migration {migration.name}.sql failed: {error}; {place} was left as the migration before made"
            f" it: {advice}"
        ) from error


def _bound(statement: Statement) -> Bound:
    return Bound(statement.sql, statement.bind)
