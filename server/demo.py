"""The demo registry: believable, and the same every time, so that the README can speak of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db import bulk
from db.database import Database
from db.program import Program
from db.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, TABLES, Table
from server import demo_connections, demo_rows

# Parents before children, so that every reference finds what it names.
ORDER: tuple[Table[Any], ...] = (ACTORS, INSTALLATIONS, CONTEXTS, CONNECTIONS)

FIRST_QUERY = """\
{
  contexts(first: 3, filter: { name: { startsWith: "atlas" } }) {
    nodes {
      name
      owner { displayName }
      connections(first: 5) {
        nodes { targetService status installation { accountLogin } }
      }
    }
  }
}
"""


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What was filled in: the number of rows by table, and a first query to try."""

    counts: dict[str, int]
    first_query: str = FIRST_QUERY


async def fill(database: Database) -> DemoReport | None:
    """Fill an empty registry with the demo; leave one that holds any row alone and return None."""
    return await database.write(_filling(_registry()))


def _registry() -> dict[str, Sequence[Any]]:
    actors = demo_rows.actors()
    contexts = demo_rows.contexts(actors)
    installations = demo_rows.installations(actors)
    return {
        ACTORS.name: actors,
        INSTALLATIONS.name: installations,
        CONTEXTS.name: contexts,
        CONNECTIONS.name: demo_connections.connections(actors, contexts, installations),
    }


def _filling(rows: dict[str, Sequence[Any]]) -> Program[DemoReport | None]:
    written = yield [
        bulk.insert_rows(
            table,
            rows[table.name],
            when=_still_empty_after(ORDER[:place]),
            bind={"first": rows[ACTORS.name][0].chitty_id} if place else None,
        )
        for place, table in enumerate(ORDER)
    ]
    if not written[0]:
        return None
    return DemoReport({table.name: len(keys) for table, keys in zip(ORDER, written, strict=True)})


def _still_empty_after(filled: Sequence[Table[Any]]) -> str:
    """True where the demo's first actor is there, if actors are filled, and the rest is empty.

    A batch cannot ask in between whether its first statement wrote; this condition can.
    """
    conditions = [
        f"NOT EXISTS (SELECT 1 FROM {table.name})" for table in TABLES if table not in filled
    ]
    if filled:
        conditions.append("EXISTS (SELECT 1 FROM actors WHERE chitty_id = :first)")
    return " AND ".join(conditions)
