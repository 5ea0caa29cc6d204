"""What a move does with each table of the schema: its rows are copied, or it is said why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from db.errors import BootRefused
from db.migrating import schema_comparison
from db.migrating.ledger import Migration
from db.sqlite.catalog import Object

# Parents before the rows that refer to them, since engines over HTTP always enforce foreign keys.
MOVED = (
    "actors",
    "installations",
    "contexts",
    "connections",
    "installation_facts",
    "waiting_installations",
    "webhook_deliveries",
    "api_keys",
    "repairs",
    "replaced_values",
    "changes",
    "checkpoint",
    "erasures",
    "idempotent_answers",  # a mutation that is repeated on the new engine is still applied once
    "outgoing_webhooks",
    "outgoing_deliveries",
    "server_keys",  # with the key of cursors, so that clients go on after theirs
)
LEFT: Mapping[str, str] = {
    "applied_writes": "says which batches this very engine was sent; its numbers go on after those of before",
    "chittygraph_migrations": "says when each migration ran on this very database",
    "d1_migrations": "wrangler's, of this very database",
    "heartbeat": "says when a server last wrote to this very database",
    "instants_to_read": "has rows only while a trigger acts",
    "replaced_rows": "has rows that matter only while a statement runs",
    "writing": "has a row only while a transaction is open",
}
"""Tables that are not copied, and why; a test compares both with what migrations make."""
MADE_BY_SERVERS = "server_keys"
"""The one table that may have rows in an empty target: servers make their keys when they start."""


@dataclass(frozen=True, slots=True)
class MovedTable:
    """A table whose rows are copied, in the order of its primary key."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    affinities: tuple[str, ...]  # of the columns


def moved_tables(migrations: Sequence[Migration]) -> list[MovedTable]:
    """The tables to copy, in order; raises BootRefused if these migrations make one that is not declared."""
    made = schema_comparison.made_by(migrations)
    unknown = {each.name for each in made.values() if each.type == "table"} - {*MOVED, *LEFT}
    if unknown:
        raise BootRefused(f"it is not known how to move {', '.join(sorted(unknown))}")
    return [_moved(made[name]) for name in MOVED]


def _moved(table: Object) -> MovedTable:
    columns = [each for each in table.columns.values() if not each.generated]
    key = sorted((each.place, each.name) for each in columns if each.place)
    return MovedTable(
        table.name,
        tuple(name for _, name in key),
        tuple(each.name for each in columns),
        tuple(each.affinity for each in columns),
    )
