"""Copies the rows of ChittyConnect's other tables into ours, as docs/data.md describes.

The source keeps all of it, so only what a copied value does not tell is kept as replaced.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from db.commands import statements
from db.errors import BootRefused, Unreadable
from db.migrating.adoption import table_repair
from db.migrating.adoption.lineages import CATALOGUE, Relative
from db.migrating.adoption.repair_report import Report
from db.migrating.adoption.table_repair import Repairs
from db.model import chitty_id, column_types, tables
from db.model.chitty_id import normalised_in_sql
from db.model.tables import Table
from db.program import Value
from db.sqlite.catalog import Object

WHOLE = "a table of {lineage}, kept whole as {aside}"
COPIED = "a row copied from {aside}"
CATALOGUED = "a service and no connection, not copied from {aside}"
KEPT = "a value that has no place in {table}, kept there"
NO_OWNER = "no owner that is a ChittyID: owned by the SYSTEM actor that was made for such contexts"
SYSTEM = "a SYSTEM actor, made to own contexts whose owner is not known"
NUMBERED = "a name that another context has already, to which a number was added"
UNKNOWN = "not known until GitHub sends an event of the installation: {default!r}"
MINTED = "minted here, as it had no ChittyID of its own"
LOST_CONTEXT = "a context or actor that is not there: the installation got a ChittyID of its own"
LINKED = "made of an installation's link to a context, as connection to github"

# From which of their columns ours come: from the first that there is.
_SOURCES: dict[str, dict[str, tuple[str, ...]]] = {
    "contexts": {
        "chitty_id": ("chittyid", "chitty_id", "id"),
        "name": ("name",),
        "owner_chitty_id": ("owner_id",),
        "chitty_dna_id": ("dna_id", "dna_record"),
        "created_at": ("created_at",),
        "updated_at": ("updated_at",),
    },
    "installations": {
        "installation_id": ("installation_id", "id"),
        "chitty_id": ("chittyid", "chitty_id"),
        "account_id": ("account_id",),
        "account_login": ("account_login", "account"),
        "account_type": ("account_type",),
        "repository_selection": ("repository_selection",),
        "permissions": ("permissions",),
        "events": ("events",),
        "suspended_at": ("suspended_at",),
        "installed_at": ("created_at",),
        "updated_at": ("updated_at",),
    },
}
# What stands where they have nothing.
_DEFAULTS: dict[str, dict[str, Value]] = {
    "contexts": {"data": "[]", "systems": "[]", "tools": "[]", "status": "active"},
    "installations": {
        "account_id": 0,
        "account_login": "unknown",
        "account_type": "User",
        "repository_selection": "all",
        "permissions": "{}",
        "events": "[]",
        "selected_repositories": "[]",
    },
}
_OF_GITHUB = ("account_id", "account_login", "account_type", "repository_selection")
# What is minted here follows from what it is for, so that a trial and the adoption itself give the same ids.
_NAMESPACE = UUID("b67eb01f-a6f3-4af0-bae4-fe727cf21be9")
# Types of ChittyIDs that are no installation's: contexts and actors are persons to the authority.
_PERSONS = {"CONTEXT", "ACTOR", "P"}


@dataclass(frozen=True, slots=True)
class Source:
    """A table to copy from: `columns` are its names by those of ours."""

    relative: Relative
    columns: Mapping[str, str]

    @classmethod
    def of(cls, relative: Relative) -> "Source":
        names = relative.stored.columns
        placed = {}
        for ours, theirs in _SOURCES.get(relative.table, {}).items():
            there = [name for name in theirs if name in names]
            if there:
                placed[ours] = there[0]
        return cls(relative, placed)

    def rows(self, connection: sqlite3.Connection) -> Iterator[dict[str, Any]]:
        """Rows under our names, with their object `metadata` read; unreadable, it is an empty one."""
        names = [*self.columns.items()]
        if "metadata" in self.relative.stored.columns:
            names.append(("metadata", "metadata"))
        listed = ", ".join(_quoted(theirs) for _, theirs in names)
        for values in connection.execute(f"SELECT {listed} FROM {self.relative.aside}"):
            row = dict(zip((ours for ours, _ in names), values, strict=True))
            yield {**row, "metadata": _read_object(row.get("metadata"))}


def copy(
    connection: sqlite3.Connection,
    relatives: Sequence[Relative],
    expected: Mapping[str, Object],
    now: str,
    report: Report,
) -> None:
    """Fill our empty tables from those that were renamed, in the open transaction.

    Raises BootRefused if two rows have the same key.
    """
    with table_repair.any_text(connection):
        copying = _Copying(connection, expected, now, report)
        for relative in relatives:
            copying.copy(Source.of(relative))


class _Copying:
    def __init__(
        self,
        connection: sqlite3.Connection,
        expected: Mapping[str, Object],
        now: str,
        report: Report,
    ) -> None:
        self._connection = connection
        self._expected = expected
        self._now = now
        self._report = report
        self._system = ""
        self._numbers: dict[str, int] = {}
        self._nameless = 0  # contexts without a ChittyID

    def copy(self, source: Source) -> None:
        relative = source.relative
        words = {"lineage": relative.lineage, "table": relative.table, "aside": relative.aside}
        self._report.note(relative.table, "", WHOLE.format_map(words))
        if relative.lineage == CATALOGUE:
            count = self._count(relative.aside, "*")
            self._report.note(relative.table, "", CATALOGUED.format_map(words), count)
            return
        if relative.table == "contexts":
            first = next(source.rows(self._connection), {"chitty_id": None})
            self._system = _minted("ACTOR", "owner of", first["chitty_id"])
            count = self._insert_all(
                tables.CONTEXTS, map(self._context, source.rows(self._connection))
            )
            self._settle_owners()
        else:
            rows = map(self._installation, source.rows(self._connection))
            count = self._insert_all(tables.INSTALLATIONS, rows)
        self._report.note(relative.table, "", COPIED.format_map(words), count)
        for name, column in relative.stored.columns.items():
            if name not in source.columns.values():
                kept = self._count(relative.aside, _quoted(name))
                self._report.note(relative.aside, column.name, KEPT.format_map(words), kept)

    def _count(self, table: str, what: str) -> int:
        (count,) = self._connection.execute(f"SELECT count({what}) FROM {table}").fetchone()
        return int(count)

    def _insert_all(self, table: Table[Any], rows: Iterator[dict[str, Value]]) -> int:
        repairs, count = Repairs(self._connection, table, self._expected[table.name], self._now), 0
        columns = table_repair.stored_columns(self._connection, table)
        values = ", ".join(f":{name}" for name in columns)
        insert = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({values})"
        for row in rows:
            new = repairs.canonical(row, self._report)
            if table is tables.CONTEXTS:
                new["name"] = self._free_name(new)
            self._insert(insert, table, new)
            count += 1
        return count

    def _insert(self, insert: str, table: Table[Any], row: Mapping[str, Value]) -> None:
        try:
            self._connection.execute(insert, row)
        except sqlite3.IntegrityError as error:
            raise BootRefused(
                f"the rows of {table.name} cannot be adopted: two of them are {row[table.key]!s}, or the"
                f" same without {chitty_id.DID} ({error}): give one of them another key, with the program"
                " that made it"
            ) from error

    def _context(self, old: Mapping[str, Any]) -> dict[str, Value]:
        metadata = old["metadata"]
        named = [old.get("owner_chitty_id"), metadata.get("owner")]
        owner = next((known for each in named if (known := _well_formed(each))), self._system)
        lists = {name: _dumped(metadata.get(name), list) for name in ("data", "systems", "tools")}
        row = _with_defaults("contexts", {**old, **lists, "owner_chitty_id": owner})
        if row["chitty_id"] in (None, ""):
            row["chitty_id"] = _minted("CONTEXT", row["name"], self._nameless)
            self._nameless += 1
            self._report.note("contexts", "chitty_id", MINTED)
        told = [each for each in named if isinstance(each, str) and each]
        if owner == self._system and told:
            key = chitty_id.normalise(str(row["chitty_id"]))
            self._report.cells.add("contexts", key, "owner_chitty_id", told[0], owner)
        return row

    def _free_name(self, row: Mapping[str, Value]) -> str:
        """The name of a context, with a number if another one has it."""
        name = free = str(row["name"])
        while self._is_there(tables.CONTEXTS, "name", free):
            number = self._numbers[name] = self._numbers.get(name, 1) + 1
            free = f"{name} ({number})"
        if free != name:
            self._report.note("contexts", "name", NUMBERED)
            self._report.cells.add("contexts", row["chitty_id"], "name", name, free)
        return free

    def _settle_owners(self) -> None:
        """Let no context be owned by a context, and add the actor that owns those without an owner."""
        for key, owner in self._connection.execute(OWNED_BY_CONTEXTS):
            self._report.cells.add("contexts", key, "owner_chitty_id", owner, self._system)
        bind = {"system": self._system, "now": self._now}
        self._connection.execute(SETTLE_OWNERS, bind)
        (count,) = self._connection.execute(COUNT_OWNED, bind).fetchone()
        if count:
            self._connection.execute(ADD_SYSTEM, bind)
            self._report.note("actors", "chitty_id", SYSTEM)
            self._report.cells.add("actors", self._system, "chitty_id", None, self._system)
            self._report.note("contexts", "owner_chitty_id", NO_OWNER, count)

    def _installation(self, old: Mapping[str, Any]) -> dict[str, Value]:
        metadata = old["metadata"]
        account = metadata.get("account")
        account = account if isinstance(account, dict) else {}
        told = {
            "account_id": _scalar(account.get("id")),
            "account_login": _scalar(account.get("login")),
            "account_type": _scalar(account.get("type")),
            "account_avatar_url": _scalar(account.get("avatar_url")),
            "repository_selection": _scalar(metadata.get("repository_selection")),
            "permissions": _dumped(metadata.get("permissions"), dict),
            "events": _dumped(metadata.get("events"), list),
            "suspended_at": _scalar(metadata.get("suspended_at")),
        }
        found = {name: value for name, value in old.items() if value not in (None, "")}
        row = _with_defaults("installations", {**told, **found})
        for name in _OF_GITHUB:
            if name not in found and told[name] is None:
                default = _DEFAULTS["installations"][name]
                self._report.note("installations", name, UNKNOWN.format(default=default))
        row["chitty_id"] = self._own_id(row["installation_id"], old.get("chitty_id"))
        return row

    def _own_id(self, key: Value, named: Value) -> str:
        """The installation's own ChittyID, which it may be called by: most name a context."""
        text = chitty_id.normalise(named) if isinstance(named, str) else ""
        if text and not self._is_there(tables.CONTEXTS, "chitty_id", text):
            taken = any(
                self._is_there(table, "chitty_id", text)
                for table in (tables.ACTORS, tables.INSTALLATIONS)
            )
            if not taken and chitty_id.type_of(text) not in _PERSONS:
                return text
        minted = _minted("INSTALLATION", key)
        if text and not self._is_there(tables.CONTEXTS, "chitty_id", text):
            self._report.cells.add("installations", key, "chitty_id", named, minted)
            self._report.note("installations", "chitty_id", LOST_CONTEXT)
        else:
            self._report.note("installations", "chitty_id", MINTED)
        return minted

    def _is_there(self, table: Table[Any], column: str, value: Value) -> bool:
        sql = f"SELECT 1 FROM {table.name} WHERE {column} = ?"
        return self._connection.execute(sql, [value]).fetchone() is not None


OWNED_BY_CONTEXTS = """
    SELECT chitty_id, owner_chitty_id FROM contexts
    WHERE owner_chitty_id IN (SELECT chitty_id FROM contexts)
"""
SETTLE_OWNERS = """
    UPDATE contexts SET owner_chitty_id = :system
    WHERE owner_chitty_id IN (SELECT chitty_id FROM contexts)
"""
COUNT_OWNED = "SELECT count(*) FROM contexts WHERE owner_chitty_id = :system"
ADD_SYSTEM = """
    INSERT INTO actors
        (chitty_id, actor_type, display_name, capabilities, session_count, status, created_at, updated_at)
    VALUES (:system, 'system', 'Owner of adopted contexts', '[]', 0, 'active', :now, :now)
"""

LINKS = """
    SELECT ours.installation_id, contexts.chitty_id, ours.installed_at
    FROM {aside} AS old
    JOIN installations AS ours ON ours.installation_id = old.{key}
    JOIN contexts ON contexts.chitty_id = {named}
    ORDER BY ours.installation_id
"""
# A context's first installation is the connection that names no endpoint; more of them need one each.
LINK = """
    INSERT INTO connections
        (connection_id, source_chitty_id, source_type, target_service, target_endpoint, connection_type,
        status, error_count, request_count, config, installation_id, created_at, updated_at)
    SELECT :connection_id, :context, 'context', 'github',
        iif(EXISTS (
            SELECT 1 FROM connections
            WHERE source_chitty_id = :context AND target_service = 'github' AND target_endpoint IS NULL
                AND status = 'active'
        ), '/app/installations/' || :installation, NULL),
        'api', 'active', 0, 0, '{}', :installation, :at, :at
"""


def link(connection: sqlite3.Connection, relatives: Sequence[Relative], report: Report) -> None:
    """Make a connection of each link from an installation to its context, once all migrations have run."""
    for source in map(Source.of, relatives):
        if source.relative.table != "installations" or "chitty_id" not in source.columns:
            continue
        named = normalised_in_sql(f"old.{_quoted(source.columns['chitty_id'])}")
        key = _quoted(source.columns["installation_id"])
        links = LINKS.format(aside=source.relative.aside, key=key, named=named)
        for installation, context, installed_at in connection.execute(links):
            bind = {
                "connection_id": str(uuid5(_NAMESPACE, f"{context} {installation}")),
                "context": context,
                "installation": installation,
                "at": installed_at,
            }
            connection.execute(LINK, bind)
            report.note("connections", "", LINKED)


def _minted(kind: str, *named: Value) -> str:
    return f"CHITTY-{kind}-{uuid5(_NAMESPACE, ' '.join(map(repr, (kind, *named))))}"


def _with_defaults(table: str, row: Mapping[str, Value]) -> dict[str, Value]:
    """All columns of our table; what the source lacks, or has as NULL, has its default."""
    columns = next(each for each in tables.TABLES if each.name == table).columns
    result = {name: row.get(name) for name in columns}
    for name, default in _DEFAULTS[table].items():
        if result[name] is None:
            result[name] = default
    if result["updated_at"] is None:
        result["updated_at"] = row.get("created_at", row.get("installed_at"))
    return result


def _well_formed(owner: object) -> str | None:
    """A normalised ChittyID; None for anything else."""
    text = chitty_id.normalise(owner.strip()) if isinstance(owner, str) else ""
    return text if chitty_id.is_well_formed(text) else None


def _read_object(stored: Value) -> dict[str, Any]:
    try:
        found: dict[str, Any] = column_types.OBJECT.read(stored)
    except Unreadable:
        return {}
    return found


def _dumped(value: object, kind: type) -> Value:
    return statements.stored(value) if isinstance(value, kind) else None


def _scalar(value: object) -> Value:
    """A text or number of JSON as SQLite can take it; None for anything else."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    return value if isinstance(value, str) or abs(value) <= column_types.INT64_MAX else str(value)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
