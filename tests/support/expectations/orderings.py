"""The orderings of lists, and the relations that lead to many."""

from enum import Enum
from typing import Any

import pytest

from db.model import tables
from db.model.services import SERVICE_CONNECTIONS, SERVICE_CONTEXTS
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, Relation, Table
from schema import enums

ORDERINGS: list[tuple[Table[Any], type[Enum]]] = [
    (ACTORS, enums.ActorOrderField),
    (CONTEXTS, enums.ContextOrderField),
    (INSTALLATIONS, enums.InstallationOrderField),
    (CONNECTIONS, enums.ConnectionOrderField),
]
LISTS = [
    pytest.param(table, field.value, id=f"{table.name} by {field.name}")
    for table, fields in ORDERINGS
    for field in fields
]
DIRECT: dict[str, Relation[Any]] = {
    "Actor.contexts": tables.ACTOR_CONTEXTS,
    "Actor.connections": tables.ACTOR_CONNECTIONS,
    "Actor.suspendedInstallations": tables.ACTOR_SUSPENDED_INSTALLATIONS,
    "Context.connections": tables.CONTEXT_CONNECTIONS,
    "Installation.connections": tables.INSTALLATION_CONNECTIONS,
}
OF_SERVICES = {
    "Service.connections": SERVICE_CONNECTIONS,
    "Service.contexts": SERVICE_CONTEXTS,
}
OF_LOGS = {f"{table.row.__name__}.history": each for table, each in tables.HISTORIES.items()}
# Of which an index holds the default ordering only.
OF_SOURCES = {name: DIRECT[name] for name in ("Actor.connections", "Context.connections")}
THROUGH_CONNECTIONS = {
    "Context.installations": tables.CONTEXT_INSTALLATIONS,
    "Installation.contexts": tables.INSTALLATION_CONTEXTS,
}
