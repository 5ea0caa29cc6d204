"""What nodes say of themselves: version, size, whether they keep foreign keys, and how far they are."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from db.remote.transport import EngineStatus

FLOOR = (10, 7)
OLD = "rqlite {version} has lost or hidden committed rows in rare cases: use {floor} or newer, on every node"
UNKNOWN = (
    "rqlite does not say its whole version: see that every node is {floor} or newer, since earlier ones have"
    " lost or hidden committed rows in rare cases"
)
NO_FOREIGN_KEYS = "an rqlite node does not keep foreign keys: start every node with -fk"


@dataclass(frozen=True, slots=True)
class NodeStatus:
    version: str
    keeps_foreign_keys: bool
    bytes_on_disk: int
    applied: int
    """The index in the Raft log, which all nodes share, of the last entry that its database holds, or 0."""


def parsed(body: bytes) -> NodeStatus:
    """Raises ValueError if it is no status of rqlite."""
    try:
        status: Any = orjson.loads(body)
        store = status["store"]
        file = store["sqlite3"]
        return NodeStatus(
            str(status["build"]["version"]),
            bool(store["db_conf"]["fk_constraints"]),
            int(file["db_size"]) + int(file.get("wal_size", 0)),
            int(store.get("db_applied_index", 0)),
        )
    except (KeyError, TypeError) as error:
        raise ValueError("it is no status of rqlite") from error


def together(nodes: list[NodeStatus]) -> EngineStatus:
    """The oldest version, and what is wrong."""
    versions = [_numbers(node.version) for node in nodes]
    known = [numbers for numbers in versions if numbers is not None]
    version = ".".join(map(str, min(known))) if len(known) == len(nodes) else None
    floor = ".".join(map(str, FLOOR))
    warning = refusal = None
    if known and min(known) < FLOOR:
        warning = OLD.format(version=".".join(map(str, min(known))), floor=floor)
    elif version is None:
        warning = UNKNOWN.format(floor=floor)
    if not all(node.keeps_foreign_keys for node in nodes):
        refusal = NO_FOREIGN_KEYS
    size = max(node.bytes_on_disk for node in nodes)
    return EngineStatus(version, warning, size, refusal)


def _numbers(version: str) -> tuple[int, ...] | None:
    """The parts of v10.7.3; None of a single number, as builds without a version have it."""
    found = re.match(r"v?(\d+(?:\.\d+)+)", version)
    return tuple(map(int, found[1].split("."))) if found else None
