"""What the rows of a registry have to do with each other, put right where nothing held it.

Each repair takes the database as it is after every value was mended, within one transaction.
"""

import sqlite3

from db.commands.installation_facts import Rank
from db.migrating.adoption import value_repair
from db.migrating.adoption.repair_report import Report
from db.model import tables
from db.model.instants import LATER
from db.program import listed

STRANGER = "an owner or source without an actor, which was made"
SOURCE_TYPE = "a source of the other type"
TWIN = "an active connection beside a newer one to the same place"

# Whoever is named as an actor. A source that is a context is none.
_NAMED = " UNION ".join(
    [
        f"SELECT {relation.column} AS chitty_id FROM {relation.parent.name}"
        for relation in (tables.CONTEXT_OWNER, tables.INSTALLATION_SUSPENDED_BY)
    ]
    + [
        "SELECT source_chitty_id FROM connections"
        " WHERE source_chitty_id NOT IN (SELECT chitty_id FROM contexts)"
    ]
)
STRANGERS = f"""
    SELECT chitty_id FROM ({_NAMED})
    WHERE chitty_id IS NOT NULL AND chitty_id NOT IN (SELECT chitty_id FROM actors)
    ORDER BY chitty_id
"""
ADD_STRANGER = """
    INSERT INTO actors (chitty_id, actor_type, capabilities, session_count, status, created_at, updated_at)
    VALUES (:chitty_id, :actor_type, '[]', 0, 'active', :now, :now)
"""


def make_strangers(connection: sqlite3.Connection, now: str, report: Report) -> None:
    """Make an actor of every owner and source that is none, of the type its ChittyID names."""
    strangers = [chitty_id for (chitty_id,) in connection.execute(STRANGERS)]
    for chitty_id in strangers:
        kind = value_repair.actor_type(chitty_id).value
        connection.execute(ADD_STRANGER, {"chitty_id": chitty_id, "actor_type": kind, "now": now})
        report.keep("actors", chitty_id, "chitty_id", None, chitty_id)
    report.note("actors", "chitty_id", STRANGER, len(strangers))


OTHER_TYPE = """
    SELECT connection_id, source_type FROM connections
    WHERE CASE source_type
        WHEN 'context' THEN source_chitty_id NOT IN (SELECT chitty_id FROM contexts)
        ELSE source_chitty_id NOT IN (SELECT chitty_id FROM actors) END
"""
TELL_TYPE = """
    UPDATE connections
    SET source_type = iif(source_type = 'context', 'actor', 'context')
    WHERE connection_id IN (SELECT value FROM json_each(:connections))
"""


def tell_source_types(connection: sqlite3.Connection, report: Report) -> None:
    """Have every source's type say which table it is in."""
    found = connection.execute(OTHER_TYPE).fetchall()
    connection.execute(TELL_TYPE, {"connections": listed(key for key, _ in found)})
    for key, before in found:
        after = "actor" if before == "context" else "context"
        report.keep("connections", key, "source_type", before, after)
    report.note("connections", "source_type", SOURCE_TYPE, len(found))


# The order in which migration 0006 lets one of them stay.
TWINS = """
    SELECT connection_id FROM (
        SELECT connection_id, row_number() OVER (
            PARTITION BY source_chitty_id, target_service, coalesce(target_endpoint, '')
            ORDER BY julianday(created_at) DESC, connection_id DESC
        ) AS place
        FROM connections
        WHERE status = 'active'
    )
    WHERE place > 1
"""
END_TWINS = f"""
    UPDATE connections
    SET status = 'inactive', updated_at = {LATER}
    WHERE connection_id IN (SELECT value FROM json_each(:connections))
"""


def end_twins(connection: sqlite3.Connection, now: str, report: Report) -> None:
    """Leave the newest of several active connections to the same place active."""
    found = [key for (key,) in connection.execute(TWINS)]
    connection.execute(END_TWINS, {"connections": listed(found), "now": now})
    for key in found:
        report.keep("connections", key, "status", "active", "inactive")
    report.note("connections", "status", TWIN, len(found))


KEEP_SUSPENSIONS = f"""
    INSERT INTO installation_facts (installation_id, aspect, at, rank, value)
    SELECT installation_id, said.key, suspended_at, {Rank.SUSPENSION.value}, json_quote(said.value)
    FROM installations, json_each(
        json_object('suspended_at', suspended_at, 'suspended_by_chitty_id', suspended_by_chitty_id)
    ) AS said
    WHERE suspended_at IS NOT NULL
    ON CONFLICT DO NOTHING
"""


def keep_suspensions(connection: sqlite3.Connection) -> None:
    """Note since when installations are suspended, so that no older webhook event ends that.

    Of anything else that a row says, whatever GitHub sends is newer; removals nothing undoes.
    """
    connection.execute(KEEP_SUSPENSIONS)
