"""Makes an empty registry of a target, or finds the unfinished move there, and refuses anything else."""

from collections.abc import Mapping, Sequence

from db.errors import BootRefused, EngineError
from db.migrating import ledger, schema_comparison
from db.migrating.ledger import UNFINISHED_MOVE, Migration
from db.moving import move_ledger
from db.moving.ends import End
from db.moving.move_ledger import Ledger
from db.moving.moved_tables import MovedTable
from db.remote.transport import Bound
from db.sqlite import catalog

DEFINITIONS = "SELECT lower(name) AS name, sql FROM sqlite_master WHERE sql IS NOT NULL"
IS_FILLED = "SELECT {any_has_rows} AS is_filled"
UNTIL = "name another target, or an empty one"


async def unfinished(target: End) -> Ledger | None:
    """The move to this target that has not ended."""
    if UNFINISHED_MOVE not in await _tables(target):
        return None
    (rows,) = await target.read(Bound(move_ledger.READ, {}))
    return Ledger.of(rows)


async def is_filled(target: End, tables: Sequence[MovedTable]) -> bool:
    """Whether a registry with rows is there; raises BootRefused if other tables are."""
    stored = await _tables(target)
    if stored and "chittygraph_migrations" not in stored:
        raise BootRefused(
            f"{target.name} holds the tables of another program, {', '.join(sorted(stored)[:6])}: {UNTIL}"
        )
    condition = move_ledger.any_has_rows([each for each in tables if each.name in stored])
    (((filled,),),) = await target.read(Bound(IS_FILLED.format(any_has_rows=condition), {}))
    return bool(filled)


async def begin(
    target: End, tables: Sequence[MovedTable], migrations: Sequence[Migration], source: str
) -> Ledger:
    """Begin a move to an empty registry; raises BootRefused if somebody fills it meanwhile."""
    await _begin(target, tables, migrations, source)
    begun = await unfinished(target)
    if begun is None:
        raise BootRefused(f"{target.name}: another move has just ended there: {UNTIL}")
    return begun


async def _begin(
    target: End, tables: Sequence[MovedTable], migrations: Sequence[Migration], source: str
) -> None:
    await require_schema(target, migrations, with_triggers=True)
    await target.write(Bound(move_ledger.CREATE, {}))
    try:
        await target.write(*move_ledger.begin(tables, list(triggers(migrations)), source))
    except EngineError as error:
        # It may have been sent twice, since the first answer was lost.
        begun = await unfinished(target)
        if begun is None or begun.source:
            return
        await target.write(Bound(move_ledger.DROP, {}))
        if await is_filled(target, tables):
            raise holds_registry(target) from error
        raise


def holds_registry(target: End) -> BootRefused:
    return BootRefused(f"{target.name} holds a registry, which a move never changes: {UNTIL}")


async def undo(target: End, tables: Sequence[MovedTable], migrations: Sequence[Migration]) -> None:
    """Empty what an unfinished move has filled, and make the triggers again."""
    ran = await _applied(target)
    own = [each for each in migrations if each.name in ran]
    made = schema_comparison.made_by(own)
    await target.write(move_ledger.abandon())
    for table in reversed([each for each in tables if each.name in made]):
        is_left = True
        while is_left:  # engines over HTTP give a statement some seconds only
            *_, ((found,),) = await target.write(*move_ledger.remove_some(table))
            is_left = bool(found)
    await target.write(*move_ledger.undo(triggers(own)))


async def require_current(target: End, migrations: Sequence[Migration]) -> None:
    """Raise BootRefused if another version of chittygraph began the move."""
    if await _applied(target) != {each.name: each.checksum for each in migrations}:
        raise BootRefused(
            f"another version of chittygraph began the move to {target.name}: go on with that version, or"
            " empty the target and begin anew with --restart"
        )


async def _applied(target: End) -> Mapping[str, str]:
    (rows,) = await target.read(Bound(ledger.APPLIED, {}))
    return {str(name): str(checksum) for name, checksum in rows}


async def require_schema(
    target: End, migrations: Sequence[Migration], *, with_triggers: bool
) -> None:
    """Raise BootRefused unless the target is exactly as migrations make an empty database."""
    (rows,) = await target.read(Bound(DEFINITIONS, {}))
    stored = {str(name): catalog.meaning_of(str(sql)) for name, sql in rows}
    for name, made in schema_comparison.made_by(migrations).items():
        if made.type == "trigger" and not with_triggers:
            continue
        if stored.get(name) != made.meaning:
            problem = "is another than migrations make" if name in stored else "is missing"
            raise BootRefused(f"{target.name}: {made.type} {made.name} {problem}: {UNTIL}")


def triggers(migrations: Sequence[Migration]) -> Mapping[str, str]:
    """The SQL of the triggers that these migrations make, by name and in their order."""
    made = schema_comparison.made_by(migrations).values()
    return {each.name: each.sql for each in made if each.type == "trigger"}


async def _tables(target: End) -> set[str]:
    (rows,) = await target.read(Bound(ledger.TABLES, {}))
    return {str(name) for (name,) in rows}
