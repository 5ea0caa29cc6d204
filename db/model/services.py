"""Services, which are in no table: each is a name that connections, not disconnected, have as their target.

A viewer sees a service by a connection to it that it sees. RowSecurity replaces `seen.services` and
`listed.services` by these names.
"""

from dataclasses import dataclass

from db.model.tables import CONNECTIONS, CONTEXTS, Relation, Table, Text


@dataclass(frozen=True)
class Service:
    name: Text


SERVICES = Table(
    Service,
    "services",
    key="name",
    newest="name",
    live="TRUE",
    ends=frozenset[str](),
    is_derived=True,
)

# RowSecurity puts the column here, so that a viewer's connections are found from what is its own.
_SERVICE = f"sought_{CONNECTIONS.name}({{row}}.target_service)"
_OF_LINK = _SERVICE.format(row="link")
_LIVE = CONNECTIONS.live.format(row="link")
SERVICE_CONNECTIONS = Relation(
    SERVICES,
    CONNECTIONS,
    SERVICES.key,
    f"{_SERVICE} = {{parent}}",
    many=True,
    shared=False,
    sorts=True,
)
SERVICE_CONTEXTS = Relation(
    SERVICES,
    CONTEXTS,
    SERVICES.key,
    f"{{row}}.chitty_id IN (SELECT link.source_chitty_id FROM {CONNECTIONS.listed} AS link"
    f" WHERE {_OF_LINK} = {{parent}} AND link.source_type = 'context' AND {_LIVE})",
    many=True,
    shared=True,
)
CONNECTION_SERVICE = Relation(
    CONNECTIONS,
    SERVICES,
    "target_service",
    "{row}.name = {parent}",
    many=False,
    shared=True,
)

# Other programs may store anything; what is no text and no number has no id.
_IS_NAME = "typeof({name}) NOT IN ('null', 'blob')"
# Of all connections, each name is sought behind the one before it: so many seeks as there are services.
# Of the viewer's own connections, all are read.
_OF_ALL = f"""
    (WITH RECURSIVE each (name) AS (
        SELECT (SELECT link.target_service FROM {CONNECTIONS.picked} AS link
            WHERE link.target_service IS NOT NULL AND {_LIVE} ORDER BY link.target_service LIMIT 1)
        UNION ALL
        SELECT (SELECT link.target_service FROM {CONNECTIONS.picked} AS link
            WHERE link.target_service > each.name AND {_LIVE} ORDER BY link.target_service LIMIT 1)
        FROM each WHERE each.name IS NOT NULL
    ) SELECT name FROM each WHERE {_IS_NAME.format(name="name")})
"""
_OF_OWN = f"""
    (SELECT DISTINCT link.target_service AS name FROM {CONNECTIONS.listed} AS link
        WHERE {_IS_NAME.format(name="link.target_service")} AND {_LIVE})
"""


def names(*, sees_all: bool) -> str:
    """The subquery in place of the table, with placeholders; `sees_all` is of the viewer's connections."""
    return " ".join((_OF_ALL if sees_all else _OF_OWN).split())


def with_names(row: str, wanted: str) -> str:
    """What follows FROM to look up the visible services, named `row`, whose names are in a JSON list."""
    return (
        f"(SELECT value AS name FROM json_each({wanted})) AS {row}"
        f" WHERE EXISTS (SELECT 1 FROM {CONNECTIONS.listed} AS link"
        f" WHERE {_OF_LINK} = {row}.name AND {_LIVE})"
    )
