"""What exports and imports contain: the four tables and the installation facts.

Rows of `installations` are computed from the facts, so without them a late delivery could undo a newer one.
Deliveries and the server's keys are only in backups and SQL dumps.
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
    """A stored fact (`db.commands.installation_facts`); `value` is JSON text."""

    installation_id: BigInt
    aspect: Text
    at: Instant
    rank: BigInt
    value: Text
    receipt: BigInt


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
    """Values that no two rows may share: SQL over a row named `{row}`, if `when` holds for both."""

    name: str  # for messages
    of: tuple[str, ...]
    when: str
    parked: str = ""  # assigns a temporary value that clashes with no other


@dataclass(frozen=True, slots=True, eq=False)
class Transfer:
    """One type of row: its table, the columns of its key and what must be unique."""

    table: Table[Any]
    key: tuple[str, ...]
    order: tuple[str, ...]  # in which rows are written fastest
    unique: tuple[Uniqueness, ...] = ()

    @property
    def type(self) -> str:
        return self.table.name

    def same(self, one: str, other: str) -> str:
        """SQL: the rows with these aliases have the same key."""
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

# Parents before children, so that every row finds those it refers to.
TRANSFERS = (
    Transfer(ACTORS, (ACTORS.key,), ("created_at",), (PRINCIPAL,)),
    Transfer(INSTALLATIONS, (INSTALLATIONS.key,), ("installed_at",), (INSTALLATION_CHITTY_ID,)),
    Transfer(CONTEXTS, (CONTEXTS.key,), ("owner_chitty_id", "created_at"), (NAME,)),
    Transfer(CONNECTIONS, (CONNECTIONS.key,), ("source_chitty_id", "created_at"), (ACTIVE_PLACE,)),
    Transfer(FACTS, (FACTS.key, "aspect"), (FACTS.key, "aspect")),
)
BY_TYPE = {transfer.type: transfer for transfer in TRANSFERS}
