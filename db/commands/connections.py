"""Programs that open, change, close and reopen connections."""

from collections.abc import Mapping, Sequence
from typing import Any

from db.commands import preconditions, statements
from db.errors import ErrorCode, Problem, Refused
from db.model import instants
from db.model.enums import ConnectionStatus
from db.model.tables import CONNECTIONS, CONTEXTS, Connection
from db.precondition import Precondition, clear, problems
from db.program import Program, Statement, Value
from db.security.revalidation import STILL_AUTHORIZED

SOURCE = "connections.source_chitty_id"
SERVICE = "connections.target_service"
ENDPOINT = "connections.target_endpoint"
INSTALLATION = "connections.installation_id"
IS_ACTIVE = "connections.status = 'active'"
IS_NOT_ACTIVE = "connections.status <> 'active'"
IS_OPEN = "connections.status <> 'disconnected'"

TAKEN = Precondition(
    """(
        SELECT taken.connection_id FROM connections AS taken
        WHERE taken.connection_id = :connection_id
    )""",
    lambda taken: Problem(
        ErrorCode.ALREADY_EXISTS,
        ("connection_id",),
        f"there is a connection {taken} already: leave the id out to have one made",
    ),
)
UNUSABLE_SOURCE = preconditions.unusable_source(":source_chitty_id", "source")
IN_THE_WAY_OF_OPENING = [
    TAKEN,
    UNUSABLE_SOURCE,
    preconditions.active_twin(
        ":source_chitty_id",
        ":target_service",
        ":target_endpoint",
        ErrorCode.ALREADY_EXISTS,
        "target_service",
    ).when(f"({UNUSABLE_SOURCE.sql}) IS NULL"),  # whose twins are nobody else's business
    preconditions.unusable_installation(":installation_id", "installation_id"),
]
# Which of the two kinds of source an id is of is found by the statement that stores it.
SOURCE_TYPE = f"""CASE
            WHEN EXISTS (SELECT 1 FROM {CONTEXTS.seen} WHERE chitty_id = :source_chitty_id)
            THEN 'context' ELSE 'actor' END"""
VALUES = {name: f":{name}" for name in CONNECTIONS.columns} | {"source_type": SOURCE_TYPE}
OPEN = f"""
    INSERT INTO connections ({", ".join(VALUES)})
    SELECT {", ".join(VALUES.values())}
    WHERE {STILL_AUTHORIZED} AND {clear(IN_THE_WAY_OF_OPENING)}
"""
WHY_NOT_OPENED = "SELECT {}".format(
    ", ".join(f"{each.sql} AS reason_{n}" for n, each in enumerate(IN_THE_WAY_OF_OPENING))
)


def insert(values: Mapping[str, Any]) -> Program[Connection]:
    """Store a new, active connection with these columns; the source's type is found.

    Raises Refused with NOT_FOUND for an unknown source or installation, CONFLICT for one that
    cannot be used now, and ALREADY_EXISTS for a taken id or an active connection to the same place.
    """
    now = instants.now()
    start = {"status": ConnectionStatus.ACTIVE, "error_count": 0, "request_count": 0, "config": {}}
    columns = {**start, **values, "created_at": now, "updated_at": now}
    bind = statements.new_row(CONNECTIONS, columns)
    written, [reasons] = yield [
        statements.returning_row(CONNECTIONS, OPEN, bind),
        Statement(WHY_NOT_OPENED, bind),
    ]
    if written:
        return CONNECTIONS.of(written[0])
    raise Refused(problems(IN_THE_WAY_OF_OPENING, reasons))


def revise(
    bind: Mapping[str, Value],
    *,
    changes: str,
    differs: str,
    in_the_way: Sequence[Precondition],
    may: str | None = None,
) -> Program[Connection]:
    """Change the connection with the bound id where it `differs` and nothing is in the way.

    `may` is which connections the viewer may change so, as for `rules.update`.

    One that does not differ is returned as it is. Raises Refused with NOT_FOUND, with CONFLICT
    where it has changed since `:if_updated_at`, and with the problems of what is in the way.
    """
    condition = f"{statements.UNCHANGED} AND {differs} AND {clear(in_the_way)}"
    connection, reasons = yield from statements.attempt(
        CONNECTIONS,
        [statements.update(CONNECTIONS, changes, condition, may)],
        statements.why(CONNECTIONS, *[precondition.sql for precondition in in_the_way], may=may),
        bind,
    )
    if reasons is not None and (found := problems(in_the_way, reasons)):
        raise Refused(found)
    return connection


def reference(connection_id: str, if_updated_at: str | None = None) -> dict[str, Value]:
    """The binds for the connection with this id and the present instant."""
    return {"connection_id": connection_id, "if_updated_at": if_updated_at, "now": instants.now()}


DISCONNECTED = Precondition(
    "CASE WHEN connections.status = 'disconnected' THEN connections.connection_id END",
    lambda connection: Problem(
        ErrorCode.CONFLICT,
        ("connection_id",),
        f"connection {connection} is disconnected: reconnect it first",
    ),
)
ACTIVATE = """status = 'active',
            error_count = CASE WHEN status = 'active' THEN error_count ELSE 0 END,
            last_error = CASE WHEN status = 'active' THEN last_error END"""


def update(
    connection_id: str,
    changes: Mapping[str, Any],
    active: bool | None = None,
    if_updated_at: str | None = None,
) -> Program[Connection]:
    """Set the changed columns, and with `active` switch the connection on or off.

    Raises Refused with NOT_FOUND, and with CONFLICT where it is disconnected, has changed since
    `if_updated_at`, or would be active beside a twin, without a usable source or installation.
    """
    settings, differences = [statements.assignments(CONNECTIONS, changes)] if changes else [], []
    differences.append(statements.differs(CONNECTIONS, changes))
    if active is not None:
        settings.append(ACTIVATE if active else "status = 'inactive'")
        differences.append(f"status <> '{'active' if active else 'inactive'}'")
    return (
        yield from revise(
            statements.binds(changes) | reference(connection_id, if_updated_at),
            changes=", ".join(settings) or "status = status",
            differs=f"({' OR '.join(differences)})",
            in_the_way=[
                DISCONNECTED,
                *[each.when(IS_OPEN) for each in _in_the_way_of_changing(changes, active)],
            ],
        )
    )


def _in_the_way_of_changing(changes: Mapping[str, Any], active: bool | None) -> list[Precondition]:
    found = []
    keeps_endpoint = keeps_installation = "TRUE"
    if "target_endpoint" in changes:
        keeps_endpoint = f"{ENDPOINT} IS :target_endpoint"
        moves = f"NOT ({keeps_endpoint})" + ("" if active else f" AND {IS_ACTIVE}")
        if active is not False:
            found.append(_twin(":target_endpoint", "target_endpoint").when(moves))
    if "installation_id" in changes:
        keeps_installation = f"{INSTALLATION} IS :installation_id"
        installation = preconditions.unusable_installation(":installation_id", "installation_id")
        found.append(installation.when(f"NOT ({keeps_installation})"))
    if active:
        found.append(_twin(ENDPOINT, "active").when(f"{IS_NOT_ACTIVE} AND {keeps_endpoint}"))
        found += _in_the_way_of_activating("active", keeps_installation)
    return found


def _in_the_way_of_activating(field: str, keeps_installation: str = "TRUE") -> list[Precondition]:
    source = preconditions.unusable_source(SOURCE, field)
    removed = preconditions.removed_installation(INSTALLATION, field)
    return [
        source.when(IS_NOT_ACTIVE),
        removed.when(f"{IS_NOT_ACTIVE} AND {keeps_installation}"),
    ]


def _twin(endpoint: str, field: str) -> Precondition:
    return preconditions.active_twin(SOURCE, SERVICE, endpoint, ErrorCode.CONFLICT, field)


def disconnect(connection_id: str, if_updated_at: str | None = None) -> Program[Connection]:
    """Disconnect a connection; raises Refused with NOT_FOUND, and CONFLICT where it has changed."""
    return revise(
        reference(connection_id, if_updated_at),
        changes="status = 'disconnected', disconnected_at = :now",
        differs="status <> 'disconnected'",
        in_the_way=[],
    )


def reconnect(connection_id: str, if_updated_at: str | None = None) -> Program[Connection]:
    """Make a connection active again, its errors forgotten.

    Raises Refused with NOT_FOUND, and with CONFLICT where it has changed since `if_updated_at`, has
    an active twin, a source that may open nothing, or an installation that was uninstalled.
    """
    return revise(
        reference(connection_id, if_updated_at),
        changes="status = 'active', error_count = 0, last_error = NULL, disconnected_at = NULL",
        differs=IS_NOT_ACTIVE,
        in_the_way=[
            _twin(ENDPOINT, "connection_id").when(IS_NOT_ACTIVE),
            *_in_the_way_of_activating("connection_id"),
        ],
    )
