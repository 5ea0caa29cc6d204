"""Moves a registry to another database, between any two engines, so that it can be killed at any moment.

The source is only read. The target gets the schema first, then rows, in batches that are stored together with
how far the move has come; triggers are lifted meanwhile. When all rows were compared with the source, one
transaction makes the triggers again and ends the move. Until then nobody takes the target for a registry.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from db.errors import BootRefused, EngineError
from db.migrating import ledger, schema_comparison
from db.migrating.ledger import MIGRATIONS, Migration
from db.moving import copying, move_ledger, source_checks, targets, verifying
from db.moving.ends import End
from db.moving.move_ledger import Ledger
from db.moving.moved_tables import MovedTable, moved_tables
from db.moving.stages import Stages
from db.moving.verifying import Checksum
from db.remote.transport import Bound

MOST_VERIFICATIONS = 3

COUNT = "(SELECT count(*) FROM {table})"
NEWEST = """(
        SELECT sequence || ' ' || at || ' ' || kind || ' ' || quote(key)
        FROM changes ORDER BY sequence DESC LIMIT 1
    )"""
SEQUENCES = "SELECT name, seq FROM sqlite_sequence"
CHANGED = "has changed since the move began: stop what writes to it, and move again with --restart"


@dataclass(frozen=True, slots=True)
class State:
    """What tells one registry from another, and from itself after most writes."""

    newest: str | None
    counts: Mapping[str, int]

    def __str__(self) -> str:
        return json.dumps([self.newest, list(self.counts.values())])


@dataclass(frozen=True, slots=True)
class Moved:
    """`was_done` says that the target held the very same registry before; `others` is left behind."""

    source: str
    target: str
    checksums: Mapping[str, Checksum]
    others: source_checks.Others
    was_done: bool

    @property
    def sha256(self) -> str:
        """Of all tables: equal if all rows of the registry are."""
        return verifying.combined(self.checksums)


async def move(source: End, target: End, stages: Stages, *, restarts: bool = False) -> Moved:
    """Copy a registry, or go on with it; raises BootRefused, EngineError or Unavailable.

    With `restarts`, what an unfinished move has copied is removed first.
    """
    if source.name == target.name:
        raise BootRefused(f"{target.name} is the source itself: name another database to move to")
    migrations = ledger.load(MIGRATIONS)
    tables = moved_tables(migrations)
    state = await _state(source, tables)
    others = await source_checks.others(source, tables)
    begun = await targets.unfinished(target)
    if begun is not None and begun.source and restarts:
        await targets.undo(target, tables, migrations)
        begun = None
    if begun is None and await targets.is_filled(target, tables):
        await _require_same(source, target, tables, state)
        checksums = await _verify(source, target, tables, state, stages)
        return Moved(source.name, target.name, checksums, others, was_done=True)
    stages.stage("checking the source")
    await source_checks.require_movable(source, target, tables)
    if begun is None:
        await target.migrate()
    await targets.require_current(target, migrations)
    if begun is None or not begun.source:
        begun = await targets.begin(target, tables, migrations, str(state))
    _require_of(begun, source, target, state)
    await _copy(source, target, tables, state, begun, stages)
    checksums = await _verify_settled(source, target, tables, state, stages)
    await _end(source, target, migrations)
    return Moved(source.name, target.name, checksums, others, was_done=False)


async def _state(end: End, tables: Sequence[MovedTable]) -> State:
    counts = ", ".join(COUNT.format(table=each.name) for each in tables)
    sql = f"SELECT {NEWEST} AS newest, json_array({counts}) AS counts"
    (((newest, counted),),) = await end.read(Bound(sql, {}))
    numbers = json.loads(str(counted))
    names = [each.name for each in tables]
    return State(None if newest is None else str(newest), dict(zip(names, numbers, strict=True)))


def _require_of(begun: Ledger, source: End, target: End, state: State) -> None:
    if begun.source != str(state):
        raise BootRefused(
            f"{target.name} holds the beginning of another registry, or of {source.name} as it was before it"
            " changed: stop what writes to the source, and move again with --restart, which empties the"
            " target first; or name another target"
        )


async def _require_same(
    source: End, target: End, tables: Sequence[MovedTable], state: State
) -> None:
    if await _state(target, tables) != state:
        raise targets.holds_registry(target)


async def _copy(
    source: End,
    target: End,
    tables: Sequence[MovedTable],
    state: State,
    begun: Ledger,
    stages: Stages,
) -> None:
    await targets.require_schema(target, ledger.load(MIGRATIONS), with_triggers=False)
    for table in tables:
        position = begun.positions[table.name]
        stages.stage(f"copying {table.name}", state.counts[table.name])
        stages.advance(position.rows)
        await copying.copy(source, target, table, position, stages.advance)
    if await _state(source, tables) != state:
        raise BootRefused(f"{source.name} {CHANGED}")


async def _verify_settled(
    source: End, target: End, tables: Sequence[MovedTable], state: State, stages: Stages
) -> Mapping[str, Checksum]:
    """Verify; again if a file has changed meanwhile, since that may have been in what is not moved."""
    for _ in range(MOST_VERIFICATIONS):
        before = await _sequences(source)
        checksums = await _verify(source, target, tables, state, stages)
        if await source.renew():
            continue
        if await _sequences(source) != before or await _state(source, tables) != state:
            break
        return checksums
    raise BootRefused(f"{source.name} {CHANGED}")


async def _verify(
    source: End, target: End, tables: Sequence[MovedTable], state: State, stages: Stages
) -> Mapping[str, Checksum]:
    checksums = {}
    for table in tables:
        stages.stage(f"verifying {table.name}", state.counts[table.name])
        checksums[table.name] = await verifying.verify(source, target, table, stages.advance)
    return checksums


async def _sequences(end: End) -> Mapping[str, int]:
    """The numbers that were given last, by table.

    That of `applied_writes` grows with each write over HTTP.
    """
    (rows,) = await end.read(Bound(SEQUENCES, {}))
    return {str(name): int(str(seq)) for name, seq in rows}


async def _end(source: End, target: End, migrations: Sequence[Migration]) -> None:
    made = schema_comparison.made_by(migrations)
    given = await _sequences(source)
    sequences = {
        name: given[name]
        for name, each in made.items()
        if "AUTOINCREMENT" in each.sql.upper() and name in given
    }
    await targets.require_schema(target, migrations, with_triggers=False)
    try:
        await target.write(*move_ledger.end(targets.triggers(migrations), sequences))
    except EngineError:
        # It may have been sent twice, since the first answer was lost.
        if await targets.unfinished(target) is not None:
            raise
    await targets.require_schema(target, migrations, with_triggers=True)
