"""Repairs references between rows, after all values and in the same transaction."""

import sqlite3

from db.commands.installation_facts import Rank
from db.migrating.adoption.repair_report import Report
from db.model import tables, value_repair
from db.model.chitty_id import normalised_in_sql
from db.model.instants import LATER

MISSING_ACTOR = "an owner or source without an actor, which was made"
SOURCE_TYPE = "a source of the other type"
TWIN = "an active connection beside a newer one to the same place"
PRINCIPAL = "the ChittyID of another actor, whom tokens in that name identify"

LOST_CONTEXT = "a source that is a missing context, for which a deleted one stands in"
OWNER_OF_LOST = "CHITTY-UNKNOWN"

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
# All values are texts by now: what is not stands in a damaged index.
UNKNOWN_ACTORS = f"""
    SELECT chitty_id FROM ({_NAMED})
    WHERE typeof(chitty_id) = 'text' AND chitty_id NOT IN (SELECT chitty_id FROM actors)
    ORDER BY chitty_id
"""
LOST_CONTEXTS = """
    SELECT DISTINCT source_chitty_id FROM connections
    WHERE source_type = 'context' AND typeof(source_chitty_id) = 'text'
        AND source_chitty_id NOT IN (SELECT chitty_id FROM contexts)
        AND source_chitty_id NOT IN (SELECT chitty_id FROM actors)
        AND (:all OR source_chitty_id GLOB 'CHITTY-CONTEXT-*' OR source_chitty_id GLOB 'CHITTY-CTX-*')
    ORDER BY source_chitty_id
"""
ADD_CONTEXT = """
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, status, created_at, updated_at, deleted_at)
    VALUES (:chitty_id, :chitty_id, :owner, 'deleted', :now, :now, :now)
"""


def add_lost_contexts(
    connection: sqlite3.Connection, now: str, report: Report, *, all_are_lost: bool
) -> None:
    """Add a deleted context for each source that names one, or for all if their table was lost."""
    for (chitty_id,) in connection.execute(LOST_CONTEXTS, {"all": all_are_lost}):
        bind = {"chitty_id": chitty_id, "owner": OWNER_OF_LOST, "now": now}
        connection.execute(ADD_CONTEXT, bind)
        report.note("contexts", "chitty_id", LOST_CONTEXT)


ADD_ACTOR = """
    INSERT INTO actors (chitty_id, actor_type, capabilities, session_count, status, created_at, updated_at)
    VALUES (:chitty_id, :actor_type, '[]', 0, 'active', :now, :now)
"""


def add_missing_actors(connection: sqlite3.Connection, now: str, report: Report) -> None:
    """Add an actor for every owner and source without one, of the type that its ChittyID names."""
    # In order, and each once: what is added meanwhile changes nothing of what is still to come.
    for (chitty_id,) in connection.execute(UNKNOWN_ACTORS):
        kind = value_repair.actor_type(chitty_id).value
        connection.execute(ADD_ACTOR, {"chitty_id": chitty_id, "actor_type": kind, "now": now})
        report.note("actors", "chitty_id", MISSING_ACTOR)


CORRECT_TYPES = """
    UPDATE connections
    SET source_type = iif(source_type = 'context', 'actor', 'context')
    WHERE CASE source_type
        WHEN 'context' THEN source_chitty_id NOT IN (SELECT chitty_id FROM contexts)
        ELSE source_chitty_id NOT IN (SELECT chitty_id FROM actors) END
"""


def correct_source_types(connection: sqlite3.Connection, report: Report) -> None:
    """Set the type of every source to that of the table it is in."""
    corrected = connection.execute(CORRECT_TYPES).rowcount
    report.note("connections", "source_type", SOURCE_TYPE, corrected)


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
    WHERE connection_id IN ({TWINS})
"""


def end_twins(connection: sqlite3.Connection, now: str, report: Report) -> None:
    """Leave only the newest of several active connections to the same place active."""
    ended = connection.execute(END_TWINS, {"now": now}).rowcount
    report.note("connections", "status", TWIN, ended)


PRINCIPALS_OF_OTHERS = f"""
    SELECT named.chitty_id
    FROM actors AS named JOIN actors AS other
        ON other.chitty_id = {normalised_in_sql("named.chitty_auth_principal_id")}
    WHERE other.chitty_id <> named.chitty_id
"""
CLEAR_PRINCIPALS = f"""
    UPDATE actors SET chitty_auth_principal_id = NULL, updated_at = {LATER}
    WHERE chitty_id IN ({PRINCIPALS_OF_OTHERS})
"""


def clear_principals_of_others(connection: sqlite3.Connection, now: str, report: Report) -> None:
    """Clear every principal that is another actor's ChittyID: it never identified its own actor."""
    cleared = connection.execute(CLEAR_PRINCIPALS, {"now": now}).rowcount
    report.note("actors", "chitty_auth_principal_id", PRINCIPAL, cleared)


KEEP_SUSPENSIONS = f"""
    INSERT INTO installation_facts (installation_id, aspect, at, rank, value)
    SELECT installation_id, stated.key, suspended_at, {Rank.REPORT.value}, json_quote(stated.value)
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
