"""Repairs references between rows, after all values and in the same transaction."""

import sqlite3

from db.commands.installation_facts import Rank
from db.migrating.adoption import value_repair
from db.migrating.adoption.repair_report import Report
from db.model import tables
from db.model.instants import LATER
from db.program import json_list

MISSING_ACTOR = "an owner or source without an actor, which was made"
SOURCE_TYPE = "a source of the other type"
TWIN = "an active connection beside a newer one to the same place"

# Every ChittyID that stands for an actor. A source that is a context does not.
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
UNKNOWN_ACTORS = f"""
    SELECT chitty_id FROM ({_NAMED})
    WHERE chitty_id IS NOT NULL AND chitty_id NOT IN (SELECT chitty_id FROM actors)
    ORDER BY chitty_id
"""
ADD_ACTOR = """
    INSERT INTO actors (chitty_id, actor_type, capabilities, session_count, status, created_at, updated_at)
    VALUES (:chitty_id, :actor_type, '[]', 0, 'active', :now, :now)
"""


def add_missing_actors(connection: sqlite3.Connection, now: str, report: Report) -> None:
    """Add an actor for every owner and source without one, of the type that its ChittyID names."""
    unknown = [chitty_id for (chitty_id,) in connection.execute(UNKNOWN_ACTORS)]
    for chitty_id in unknown:
        kind = value_repair.actor_type(chitty_id).value
        connection.execute(ADD_ACTOR, {"chitty_id": chitty_id, "actor_type": kind, "now": now})
        report.keep("actors", chitty_id, "chitty_id", None, chitty_id)
    report.note("actors", "chitty_id", MISSING_ACTOR, len(unknown))


WRONG_TYPE = """
    SELECT connection_id, source_type FROM connections
    WHERE CASE source_type
        WHEN 'context' THEN source_chitty_id NOT IN (SELECT chitty_id FROM contexts)
        ELSE source_chitty_id NOT IN (SELECT chitty_id FROM actors) END
"""
CORRECT_TYPE = """
    UPDATE connections
    SET source_type = iif(source_type = 'context', 'actor', 'context')
    WHERE connection_id IN (SELECT value FROM json_each(:connections))
"""


def correct_source_types(connection: sqlite3.Connection, report: Report) -> None:
    """Set the type of every source to that of the table it is in."""
    rows = connection.execute(WRONG_TYPE).fetchall()
    connection.execute(CORRECT_TYPE, {"connections": json_list(key for key, _ in rows)})
    for key, before in rows:
        after = "actor" if before == "context" else "context"
        report.keep("connections", key, "source_type", before, after)
    report.note("connections", "source_type", SOURCE_TYPE, len(rows))


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
    """Leave only the newest of several active connections to the same place active."""
    twins = [key for (key,) in connection.execute(TWINS)]
    connection.execute(END_TWINS, {"connections": json_list(twins), "now": now})
    for key in twins:
        report.keep("connections", key, "status", "active", "inactive")
    report.note("connections", "status", TWIN, len(twins))


KEEP_SUSPENSIONS = f"""
    INSERT INTO installation_facts (installation_id, aspect, at, rank, value)
    SELECT installation_id, stated.key, suspended_at, {Rank.SUSPENSION.value}, json_quote(stated.value)
    FROM installations, json_each(
        json_object('suspended_at', suspended_at, 'suspended_by_chitty_id', suspended_by_chitty_id)
    ) AS stated
    WHERE suspended_at IS NOT NULL
    ON CONFLICT DO NOTHING
"""


def keep_suspensions(connection: sqlite3.Connection) -> None:
    """Record since when installations are suspended, so that no older webhook event ends that."""
    # Whatever GitHub sends is newer than the other columns of a row, and nothing undoes a removal.
    connection.execute(KEEP_SUSPENSIONS)
