"""Mends a history on an engine over HTTP that has lost triggers, as `history_repair` mends that of a file."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from db.database_url import Address
from db.migrating import history_queries, history_repair, remote_schema, schema_comparison
from db.migrating.adoption.repair_report import Repair
from db.migrating.history_repair import UNRECORDED, Deviation, Row
from db.migrating.history_triggers import EXTERNAL, HISTORIED
from db.migrating.ledger import Migration
from db.model.tables import Table
from db.program import Statement
from db.remote.transport import Bound, Transport

REPAIR_SECONDS = 60.0
RECORDED_AT_ONCE = 100

log = logging.getLogger(__name__)


async def mend(
    transport: Transport, place: Address, migrations: Sequence[Migration], ran: Collection[str]
) -> None:
    """Make lost triggers anew, then record what changed meanwhile; several may do so at once.

    Raises like Transport.send.
    """
    async with remote_schema.copied(transport) as copy:
        lost = schema_comparison.lost_history(copy, migrations, ran)
        defaults = {table: history_repair.defaults(copy, table) for table in HISTORIED}
    if not lost:  # another was first
        return
    # As a migration, since a trigger that is there makes no sense of what makes it before it is dropped.
    await transport.migrate(
        [Bound(each.sql, each.bind) for each in history_repair.making(migrations, ran, lost)]
    )
    mended = [Repair(each.table, "", f"trigger {each.name}, {each.problem}", 1) for each in lost]
    for table in HISTORIED:
        found = await _deviations(transport, table, defaults[table])
        await _record(transport, found)
        if found:
            mended.append(Repair(table.name, "", UNRECORDED, len(found)))
    for each in mended:
        log.warning("history mended", extra={"database": str(place), **asdict(each)})


async def _deviations(transport: Transport, table: Table[Any], defaults: Row) -> list[Deviation]:
    sql = history_queries.of(table)
    deviating, gone = await remote_schema.read(
        transport, [Statement(sql.deviating), Statement(sql.gone)], seconds=REPAIR_SECONDS
    )
    changed = history_repair.changed(table, deviating, defaults)
    return [*changed, *history_repair.gone(table, gone)]


async def _record(transport: Transport, found: Sequence[Deviation]) -> None:
    for first in range(0, len(found), RECORDED_AT_ONCE):
        some = found[first : first + RECORDED_AT_ONCE]
        statements = [history_repair.recording(each, EXTERNAL) for each in some]
        await remote_schema.write(transport, statements, seconds=REPAIR_SECONDS)
