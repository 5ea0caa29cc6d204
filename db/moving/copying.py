"""Copies the rows of a table in batches, each of which is stored together with how far it has come."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from db.errors import BootRefused, EngineError
from db.moving import move_ledger, row_texts
from db.moving.ends import End
from db.moving.move_ledger import Position
from db.moving.moved_tables import MovedTable
from db.moving.source_checks import describe
from db.program import Rows
from db.remote.transport import Bound

MOST_ROWS = 500
MOST_BYTES = 512 * 1024

Advance: TypeAlias = Callable[[int], None]
"""Called with the number of rows done since; an exception in it ends the work."""

INSERT = f"""
    INSERT INTO {{table}} ({{columns}})
    SELECT {{values}} FROM json_each(:rows) AS moved WHERE EXISTS ({move_ledger.IS_AT})
"""


@dataclass(frozen=True, slots=True)
class Row:
    """The key and the row, both encoded."""

    key: str
    text: str


async def read_page(end: End, table: MovedTable, after: str | None, most_bytes: int) -> list[Row]:
    """The next rows after a key, at most 500 and as many as fit into so many bytes, but at least one."""
    bind = {"after": after, "most_rows": MOST_ROWS, "most_bytes": most_bytes}
    if after is None:
        del bind["after"]
    (found,) = await end.read(Bound(row_texts.page(table, begins=after is None), bind))
    return [await _exact(end, table, Row(str(key), str(text))) for key, text in found]


async def _exact(end: End, table: MovedTable, row: Row) -> Row:
    """The row with its texts in hex, if one of them may not be UTF-8."""
    if row.text.isascii() or not row_texts.NOT_UTF_8.search(row.text):
        return row
    if row_texts.NOT_UTF_8.search(row.key):
        raise BootRefused(
            f"{end.name}: a key of {table.name} is not UTF-8, and no row of it can be moved: {row.key!r}"
        )
    ((found,),) = await end.read(Bound(row_texts.one_row(table), {"key": row.key}))
    return Row(row.key, str(found[1]))


def budget(target: End) -> int:
    """How many bytes of rows one batch has: JSON within JSON may take four times as many."""
    return min(MOST_BYTES, target.limits.value_bytes // 4, target.limits.batch_bytes // 4)


async def copy(
    source: End, target: End, table: MovedTable, position: Position, advance: Advance
) -> int:
    """Copy what comes after a position; returns the number of all rows that were copied to the table.

    Raises BootRefused, naming the row, if the target does not take one.
    """
    most_bytes = budget(target)
    while True:
        rows = await read_page(source, table, position.after, most_bytes)
        if not rows:
            return position.rows
        before = position.rows
        position = await _store(target, table, position, rows)
        advance(position.rows - before)


async def _store(
    target: End, table: MovedTable, position: Position, rows: Sequence[Row]
) -> Position:
    """Store rows; returns how far the table has come, which is not further if another move was first."""
    batch = _batch(table, position, rows)
    try:
        *_, found = await target.write(*batch)
    except EngineError as error:
        if len(rows) == 1:
            raise BootRefused(
                f"{target.name} does not take {describe(table, rows[0].key)}: {error}: correct that row"
                " in the source, and move again with --restart"
            ) from error
        return await _store_halves(target, table, position, rows)
    return _required(target, found)


async def _store_halves(
    target: End, table: MovedTable, position: Position, rows: Sequence[Row]
) -> Position:
    """To find the row that is not taken, or because all of them are too large for one batch."""
    half = len(rows) // 2
    first = await _store(target, table, position, rows[:half])
    if first.after != rows[half - 1].key:
        return first
    return await _store(target, table, first, rows[half:])


def _batch(table: MovedTable, position: Position, rows: Sequence[Row]) -> list[Bound]:
    sql = INSERT.format(
        table=table.name,
        columns=", ".join(table.columns),
        values=", ".join(row_texts.decoded("moved.value", len(table.columns))),
    )
    where = {"name": table.name, "before": position.after}
    texts = ",".join(row.text for row in rows)
    return [
        Bound(sql, {**where, "rows": f"[{texts}]"}),
        Bound(move_ledger.ADVANCE, {**where, "last": rows[-1].key, "count": len(rows)}),
        Bound(move_ledger.READ_ONE, {"name": table.name}),
    ]


def _required(target: End, found: Rows) -> Position:
    position = move_ledger.position_of(found)
    if position is None:
        raise BootRefused(f"{target.name}: another move has emptied what this one has copied")
    return position
