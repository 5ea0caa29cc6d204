"""Erases an actor's personal data from a registry on an engine over HTTP.

What names a person is found by code that no engine runs. So the registry is copied into a file, erased there,
and the rows that differ then are written to the engine in one transaction, which stores nothing if anybody
has written to the registry since it was copied.
"""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from db import temporary_folders
from db.database_url import Address
from db.erasing import erasure, row_differences
from db.erasing.erasure import Erasure, ErasureRequest
from db.errors import BootRefused, EngineError
from db.migrating import ledger, schema_comparison
from db.model import searched
from db.model.retention import NEWEST_CHANGE
from db.moving import ends, move
from db.moving.ends import RemoteEnd
from db.moving.moved_tables import moved_tables
from db.moving.stages import Stages
from db.program import Rows, Value
from db.remote.applied_writes import CONFLICT, STATE, Attempt, State
from db.remote.transport import Bound, Transport

TRIES = 3
# Fails as a batch that was applied before does.
FAIL_IF_CHANGED = f"""
    INSERT INTO applied_writes (operation, at)
    SELECT :operation, '' WHERE :newest <> {NEWEST_CHANGE} OR :number <> (
        SELECT coalesce(max(number), 0) FROM applied_writes WHERE operation <> :operation
    )
"""
DROP_TRIGGER = "DROP TRIGGER IF EXISTS {name}"


async def erase(
    transport: Transport,
    address: Address,
    request: ErasureRequest,
    stages: Stages,
    *,
    for_good: bool,
) -> Erasure:
    """What `erasure.erase` does to a file, or with `for_good` false what it would do; raises like it.

    Raises BootRefused, too, if the registry is written to meanwhile each time, and like Transport.send.
    """
    end = RemoteEnd(address, transport)
    for _ in range(TRIES if for_good else 1):
        with temporary_folders.create() as folder:
            state = await _state(end)
            done, changes = await _on_copy(end, folder, request, stages)
            if not for_good or not done.rows:
                return done
            stages.stage("writing what was erased")
            if await _write(end, changes, state):
                return done
    raise BootRefused(
        f"{address} was written to each time that it was looked at: stop the servers, and erase again"
    )


async def _state(end: RemoteEnd) -> State:
    (rows,) = await end.read(Bound(STATE, {}))
    return State.of(rows)


async def _on_copy(
    end: RemoteEnd, folder: Path, request: ErasureRequest, stages: Stages
) -> tuple[Erasure, list[Bound]]:
    """Erase in a copy; what was done, and what does the same to the original."""
    before, after = folder / "before.db", folder / "erased" / "after.db"
    after.parent.mkdir()  # alone, since copies beside it would be told as such
    with ends.file_target(after) as target:
        await move.move(end, target, stages)
    shutil.copyfile(after, before)
    # The copies go, so there is nothing to rewrite.
    done = erasure.erase(after, replace(request, rewrites=False), stages.stage)
    with closing(sqlite3.connect(after, isolation_level=None)) as connection:
        connection.execute("ATTACH :before AS before", {"before": str(before)})
        changes = row_differences.statements(connection, moved_tables(_migrations()))
    return replace(done, cleaning=None), changes


async def _write(end: RemoteEnd, changes: Sequence[Bound], state: State) -> bool:
    """Write the changed rows past all triggers; False, with nothing stored, if others have written since."""
    attempt = Attempt.new()
    unchanged: dict[str, Value] = {
        "operation": attempt.operation,
        "number": state.number,
        "newest": state.newest,
    }
    triggers = _triggers()
    batch = [
        attempt.guard(),
        Bound(FAIL_IF_CHANGED, unchanged),
        *(Bound(DROP_TRIGGER.format(name=name), {}) for name in triggers),
        *changes,
        *(Bound(sql, {}) for sql in searched.refill()),
        *(Bound(sql, {}) for sql in triggers.values()),
    ]
    try:
        await end.write(*batch)
    except EngineError as error:
        if CONFLICT not in str(error):
            raise
        return bool(await _found(end, attempt))  # sent twice, since the first answer was lost
    return True


async def _found(end: RemoteEnd, attempt: Attempt) -> Rows:
    (rows,) = await end.read(attempt.find())
    return rows


def _triggers() -> dict[str, str]:
    made = schema_comparison.made_by(_migrations()).values()
    return {each.name: each.sql for each in made if each.type == "trigger"}


def _migrations() -> list[ledger.Migration]:
    return ledger.load(ledger.MIGRATIONS)
