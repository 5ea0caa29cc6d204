"""What an export holds and an import takes: the four tables, and what is known of installations.

The facts go along because a row of `installations` is made from them: without them a late delivery
could undo what a later one said. Deliveries themselves and the server's keys are no part of the
registry; a backup and an SQL dump carry those.
"""

from dataclasses import dataclass
from typing import Any

from db.model.tables import (
    ACTORS,
    CONNECTIONS,
    CONTEXTS,
    INSTALLATIONS,
    BigInt,
    Instant,
    Table,
    Text,
)


@dataclass(frozen=True)
class InstallationFact:
    """A stored fact (`db.facts`); `value` is JSON text, compared as it is spelt."""

    installation_id: BigInt
    aspect: Text
    at: Instant
    rank: BigInt
    value: Text


FACTS = Table(
    InstallationFact,
    "installation_facts",
    key="installation_id",
    newest="at",
    live="TRUE",
    ends=frozenset(),
)


@dataclass(frozen=True, slots=True, eq=False)
class Uniqueness:
    """What no two rows may share: SQL over a row named `{row}`, where `when` holds of both.

    `said` names it for people; `parked` assigns a value that clashes with none while rows change.
    """

    said: str
    of: tuple[str, ...]
    when: str
    parked: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Transfer:
    """One type of row that moves: its table, the columns of its key and what must be unique.

    `along` is the order in which rows are best written.
    """

    table: Table[Any]
    key: tuple[str, ...]
    along: tuple[str, ...]
    unique: tuple[Uniqueness, ...] = ()

    @property
    def type(self) -> str:
        """What a line of a file calls it: the name of its table."""
        return self.table.name

    def same(self, one: str, other: str) -> str:
        """SQL that is true of two rows, by their aliases, with the same key."""
        return " AND ".join(f"{one}.{column} = {other}.{column}" for column in self.key)


PRINCIPAL = Uniqueness(
    "chitty_auth_principal_id",
    ("{row}.chitty_auth_principal_id",),
    "{row}.chitty_auth_principal_id IS NOT NULL",
    "chitty_auth_principal_id = char(0) || chitty_id",
)
NAME = Uniqueness("name", ("{row}.name",), "TRUE", "name = char(0) || chitty_id")
INSTALLATION_CHITTY_ID = Uniqueness(
    "chitty_id", ("{row}.chitty_id",), "TRUE", "chitty_id = char(0) || installation_id"
)
ACTIVE_PLACE = Uniqueness(
    "source, service and endpoint of an active connection",
    ("{row}.source_chitty_id", "{row}.target_service", "coalesce({row}.target_endpoint, '')"),
    "{row}.status = 'active'",
    "status = 'inactive'",
)

# Parents before children, so that every row finds what it refers to.
TRANSFERS = (
    Transfer(ACTORS, (ACTORS.key,), ("created_at",), (PRINCIPAL,)),
    Transfer(INSTALLATIONS, (INSTALLATIONS.key,), ("installed_at",), (INSTALLATION_CHITTY_ID,)),
    Transfer(CONTEXTS, (CONTEXTS.key,), ("owner_chitty_id", "created_at"), (NAME,)),
    Transfer(CONNECTIONS, (CONNECTIONS.key,), ("source_chitty_id", "created_at"), (ACTIVE_PLACE,)),
    Transfer(FACTS, (FACTS.key, "aspect"), (FACTS.key, "aspect")),
)
BY_TYPE = {transfer.type: transfer for transfer in TRANSFERS}
