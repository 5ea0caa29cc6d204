"""Tables of ChittyConnect that have the names of ours and another structure, recognised by their columns.

Adoption renames each, with all that it holds, and `lineage_rows` copies what has a place here into our table.
"""

import dataclasses
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from db.errors import BootRefused
from db.model.tables import TABLES
from db.sqlite.catalog import Object

MAIN = "ChittyConnect's main line"
EARLIER = "an earlier ChittyConnect"
CATALOGUE = "ChittyConnect's catalogue of services"

BEFORE_ADOPTION = "_before_adoption"


@dataclass(frozen=True, slots=True)
class Shape:
    """A table is of this shape if it has all columns of `has` and none of `lacks`.

    With `beside`, only in a database whose table of that name is of the same lineage.
    """

    lineage: str
    table: str
    has: frozenset[str]
    lacks: frozenset[str]
    beside: str = ""

    def fits(self, stored: Object) -> bool:
        return (
            stored.type == "table"
            and self.has <= stored.columns.keys()
            and self.lacks.isdisjoint(stored.columns)
        )


_OURS = frozenset({"owner_chitty_id", "installed_at", "connection_id"})
# They made their tables in this order, whose names are those of ours.
SHAPES = (
    Shape(MAIN, "contexts", frozenset({"chittyid", "name", "dna_id", "metadata"}), _OURS),
    Shape(
        EARLIER, "contexts", frozenset({"id", "name", "owner_id", "dna_record", "metadata"}), _OURS
    ),
    Shape(MAIN, "installations", frozenset({"installation_id", "chittyid"}), _OURS),
    Shape(MAIN, "installations", frozenset({"installation_id"}), _OURS, beside="contexts"),
    Shape(EARLIER, "installations", frozenset({"id", "metadata"}), _OURS, beside="contexts"),
    Shape(
        CATALOGUE,
        "connections",
        frozenset({"id", "name", "slug", "category", "provider", "base_url", "config_json"}),
        _OURS,
    ),
)


@dataclass(frozen=True, slots=True)
class Relative:
    """A table of another lineage, under the name that it has before adoption."""

    lineage: str
    table: str
    stored: Object

    @property
    def aside(self) -> str:
        """The name that adoption gives it."""
        return f"{self.table}{BEFORE_ADOPTION}"


def recognise(stored: Mapping[str, Object], file: Path) -> list[Relative]:
    """The tables that adoption renames; raises BootRefused if there is nothing else to adopt, or no name."""
    found: dict[str, Relative] = {}
    for shape in SHAPES:
        table = stored.get(shape.table)
        neighbour = found.get(shape.beside)
        if table is None or shape.table in found or not shape.fits(table):
            continue
        if not shape.beside or (neighbour is not None and neighbour.lineage == shape.lineage):
            found[shape.table] = Relative(shape.lineage, shape.table, table)
    relatives = list(found.values())
    if "connections" in found and stored.keys().isdisjoint(("actors", "contexts", "installations")):
        raise BootRefused(
            f"{file} holds {CATALOGUE}, whose table connections lists services and their health and not"
            " what contexts are connected to: it is no registry, so name another file"
        )
    for relative in relatives:
        if relative.aside in stored:
            raise BootRefused(
                f"{file} cannot be adopted: its table {relative.table} is to be kept as {relative.aside},"
                " and a table of that name is there already: rename or drop that one"
            )
    return relatives


def needed(stored: Mapping[str, Object], file: Path) -> list[str]:
    """The tables without which it is no whole registry of its lineage or of ours; raises BootRefused."""
    if {"contexts", "installations"}.isdisjoint(each.table for each in recognise(stored, file)):
        return [table.name for table in TABLES]
    return ["contexts", "installations"]


def after_renaming(
    stored: Mapping[str, Object], relatives: Sequence[Relative]
) -> dict[str, Object]:
    """What the database holds once `rename` has run."""
    names = {relative.table: relative.aside for relative in relatives}
    result = {}
    for name, each in stored.items():
        table = names.get(each.table.lower(), each.table)
        if name in names:
            result[names[name]] = dataclasses.replace(each, name=table, table=table)
        else:
            result[name] = dataclasses.replace(each, table=table)
    return result


def rename(connection: sqlite3.Connection, relatives: Sequence[Relative], file: Path) -> None:
    """Rename the tables in the open transaction, and with it what refers to them in other objects."""
    for relative in relatives:
        try:
            connection.execute(f"ALTER TABLE {relative.table} RENAME TO {relative.aside}")
        except (
            sqlite3.OperationalError
        ) as error:  # a view of others that cannot be read, for example
            raise BootRefused(
                f"{file} cannot be adopted: its table {relative.table} cannot be renamed to"
                f" {relative.aside}: {error}: repair or drop what that names"
            ) from error
