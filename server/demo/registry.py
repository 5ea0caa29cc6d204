"""The demo registry: plausible, and always the same, so that the docs can refer to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db import patience
from db.attribution import Attribution
from db.commands import bulk
from db.database import Database
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, Table
from server.demo import connections, rows

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
    """The number of rows added by table, and a first query to try."""

    counts: dict[str, int]
    first_query: str = FIRST_QUERY


async def fill(database: Database) -> DemoReport | None:
    """Fill an empty registry with the demo; returns None, with nothing written, if it has any row.

    Raises BootRefused if another program writes for too long.
    """
    written = await patience.write(
        database, lambda: bulk.fill_empty(_registry()), attribution=Attribution("demo")
    )
    return DemoReport(written) if written else None


def _registry() -> dict[Table[Any], Sequence[Any]]:
    """The rows by table, parents before children."""
    actors = rows.actors()
    contexts = rows.contexts(actors)
    installations = rows.installations(actors)
    return {
        ACTORS: actors,
        INSTALLATIONS: installations,
        CONTEXTS: contexts,
        CONNECTIONS: connections.connections(actors, contexts, installations),
    }
