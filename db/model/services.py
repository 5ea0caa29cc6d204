"""Services, which are in no table: each is a name that connections, not disconnected, have as their target.

A viewer sees a service by a connection to it that it sees. RowSecurity replaces `seen.services` and
`listed.services` by these names.
"""

from collections.abc import Sequence
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


def in_order(
    begins: Sequence[str] = (), goes_on: Sequence[str] = (), *, descending: bool = False
) -> str:
    """The subquery for the names of all connections' services in their order, each by one seek.

    The first one meets the conditions `begins`, and behind one that does not meet `goes_on` none is sought.
    Each condition is SQL with `{name}` in place of the name.
    """
    direction, past = ("DESC", "<") if descending else ("ASC", ">")

    def sought(conditions: str) -> str:
        return (
            f"(SELECT link.target_service FROM {CONNECTIONS.picked} AS link WHERE {conditions}"
            f" AND {_LIVE} ORDER BY link.target_service {direction} LIMIT 1)"
        )

    first = ["{name} IS NOT NULL", *begins]
    more = ["{name} IS NOT NULL", *goes_on]
    return (
        "(WITH RECURSIVE each (name) AS ("
        f"SELECT {sought(' AND '.join(first).format(name='link.target_service'))}"
        f" UNION ALL SELECT {sought(f'link.target_service {past} each.name')}"
        f" FROM each WHERE {' AND '.join(more).format(name='each.name')}"
        f") SELECT name FROM each WHERE {_IS_NAME.format(name='name')})"
    )


# Of the viewer's own connections, all are read.
_OF_OWN = f"""
    (SELECT DISTINCT link.target_service AS name FROM {CONNECTIONS.listed} AS link
        WHERE {_IS_NAME.format(name="link.target_service")} AND {_LIVE})
"""


def names(*, sees_all: bool) -> str:
    """The subquery in place of the table, with placeholders; `sees_all` is of the viewer's connections."""
    return in_order() if sees_all else " ".join(_OF_OWN.split())


def with_names(row: str, wanted: str) -> str:
    """What follows FROM to look up the visible services, named `row`, whose names are in a JSON list."""
    return (
        f"(SELECT value AS name FROM json_each({wanted})) AS {row}"
        f" WHERE EXISTS (SELECT 1 FROM {CONNECTIONS.listed} AS link"
        f" WHERE {_OF_LINK} = {row}.name AND {_LIVE})"
    )
