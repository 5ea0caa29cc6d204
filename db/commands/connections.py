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

ID_FREE = Precondition(
    """(
        SELECT taken.connection_id FROM connections AS taken
        WHERE taken.connection_id = :connection_id
    )""",
    lambda taken: Problem(
        ErrorCode.ALREADY_EXISTS,
        ("connection_id",),
        f"there is already a connection {taken}: leave the id out to have one generated",
    ),
)
USABLE_SOURCE = preconditions.usable_source(":source_chitty_id", "source")
OPEN_PRECONDITIONS = [
    ID_FREE,
    USABLE_SOURCE,
    preconditions.active_duplicate(
        ":source_chitty_id",
        ":target_service",
        ":target_endpoint",
        ErrorCode.ALREADY_EXISTS,
        "target_service",
    ).when(f"({USABLE_SOURCE.sql}) IS NULL"),  # else it would reveal other owners' connections
    preconditions.usable_installation(":installation_id", "installation_id"),
]
# The statement that stores a connection finds whether its source is a context or an actor.
SOURCE_TYPE = f"""CASE
            WHEN EXISTS (SELECT 1 FROM {CONTEXTS.seen} WHERE chitty_id = :source_chitty_id)
            THEN 'context' ELSE 'actor' END"""
VALUES = {name: f":{name}" for name in CONNECTIONS.columns} | {"source_type": SOURCE_TYPE}
OPEN = f"""
    INSERT INTO connections ({", ".join(VALUES)})
    SELECT {", ".join(VALUES.values())}
    WHERE {STILL_AUTHORIZED} AND {clear(OPEN_PRECONDITIONS)}
"""
WHY_NOT_OPENED = "SELECT {}".format(
    ", ".join(f"{each.sql} AS reason_{n}" for n, each in enumerate(OPEN_PRECONDITIONS))
)


NEW = statements.new_row(
    CONNECTIONS,
    {"status": ConnectionStatus.ACTIVE, "error_count": 0, "request_count": 0, "config": {}},
)


def insert(values: Mapping[str, Any]) -> Program[Connection]:
    """Raises Refused with NOT_FOUND or CONFLICT (source, installation) or ALREADY_EXISTS (id, duplicate)."""
    now = instants.now()
    bind = {**NEW, **statements.binds(values), "created_at": now, "updated_at": now}
    written, explained = yield [
        statements.returning_row(CONNECTIONS, OPEN, bind),
        Statement(WHY_NOT_OPENED, bind, explains=True),
    ]
    if written:
        return CONNECTIONS.of(written[0])
    (reasons,) = explained
    raise Refused(problems(OPEN_PRECONDITIONS, reasons))


def change(
    bind: Mapping[str, Value],
    *,
    changes: str,
    differs: str,
    required: Sequence[Precondition],
    allowed: str | None = None,
) -> Program[Connection]:
    """Change the connection with the bound id if it `differs`; `allowed` is as for `statements.update`.

    Raises Refused with NOT_FOUND, CONFLICT (changed since `:if_updated_at`), or a precondition's problem.
    """
    condition = f"{statements.UNCHANGED} AND {differs} AND {clear(required)}"
    connection, reasons = yield from statements.write_or_explain(
        CONNECTIONS,
        [statements.update(CONNECTIONS, changes, condition, allowed)],
        statements.why_not_written(
            CONNECTIONS, *[precondition.sql for precondition in required], allowed=allowed
        ),
        bind,
    )
    if reasons is not None and (errors := problems(required, reasons)):
        raise Refused(errors)
    return connection


def reference(connection_id: str, if_updated_at: str | None = None) -> dict[str, Value]:
    return {"connection_id": connection_id, "if_updated_at": if_updated_at, "now": instants.now()}


NOT_DISCONNECTED = Precondition(
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

    Raises Refused with NOT_FOUND or CONFLICT (disconnected, changed since, duplicate, source, installation).
    """
    settings, differences = [statements.assignments(CONNECTIONS, changes)] if changes else [], []
    differences.append(statements.differs(CONNECTIONS, changes))
    if active is not None:
        settings.append(ACTIVATE if active else "status = 'inactive'")
        differences.append(f"status <> '{'active' if active else 'inactive'}'")
    return (
        yield from change(
            statements.binds(changes) | reference(connection_id, if_updated_at),
            changes=", ".join(settings) or "status = status",
            differs=f"({' OR '.join(differences)})",
            required=[
                NOT_DISCONNECTED,
                *[each.when(IS_OPEN) for each in _update_preconditions(changes, active)],
            ],
        )
    )


def _update_preconditions(changes: Mapping[str, Any], active: bool | None) -> list[Precondition]:
    required = []
    keeps_endpoint = keeps_installation = "TRUE"
    if "target_endpoint" in changes:
        keeps_endpoint = f"{ENDPOINT} IS :target_endpoint"
        moves = f"NOT ({keeps_endpoint})" + ("" if active else f" AND {IS_ACTIVE}")
        if active is not False:
            required.append(_duplicate(":target_endpoint", "target_endpoint").when(moves))
    if "installation_id" in changes:
        keeps_installation = f"{INSTALLATION} IS :installation_id"
        installation = preconditions.usable_installation(":installation_id", "installation_id")
        required.append(installation.when(f"NOT ({keeps_installation})"))
    if active:
        required.append(
            _duplicate(ENDPOINT, "active").when(f"{IS_NOT_ACTIVE} AND {keeps_endpoint}")
        )
        required += _activation_preconditions("active", keeps_installation)
    return required


def _activation_preconditions(field: str, keeps_installation: str = "TRUE") -> list[Precondition]:
    source = preconditions.usable_source(SOURCE, field)
    removed = preconditions.present_installation(INSTALLATION, field)
    return [
        source.when(IS_NOT_ACTIVE),
        removed.when(f"{IS_NOT_ACTIVE} AND {keeps_installation}"),
    ]


def _duplicate(endpoint: str, field: str) -> Precondition:
    return preconditions.active_duplicate(SOURCE, SERVICE, endpoint, ErrorCode.CONFLICT, field)


def disconnect(connection_id: str, if_updated_at: str | None = None) -> Program[Connection]:
    """Raises Refused with NOT_FOUND, or CONFLICT (changed since `if_updated_at`)."""
    return change(
        reference(connection_id, if_updated_at),
        changes="status = 'disconnected', disconnected_at = :now",
        differs="status <> 'disconnected'",
        required=[],
    )


def reconnect(connection_id: str, if_updated_at: str | None = None) -> Program[Connection]:
    """Make a connection active again, with no errors.

    Raises Refused with NOT_FOUND or CONFLICT (changed since `if_updated_at`, duplicate, source,
    installation).
    """
    return change(
        reference(connection_id, if_updated_at),
        changes="status = 'active', error_count = 0, last_error = NULL, disconnected_at = NULL",
        differs=IS_NOT_ACTIVE,
        required=[
            _duplicate(ENDPOINT, "connection_id").when(IS_NOT_ACTIVE),
            *_activation_preconditions("connection_id"),
        ],
    )
