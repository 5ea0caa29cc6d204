"""The tables, their columns and relations: all fields, filters, orderings and loaders derive from them.

A row holds stored values; the annotation of each attribute is its ColumnType.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from db.model import column_types, enums
from db.model.column_types import ColumnType
from db.model.retention import LAST_PRUNED
from db.program import Value

ChittyId = Annotated[str, column_types.CHITTY_ID]
Text = Annotated[str, column_types.TEXT]
Int = Annotated[int, column_types.INT]
BigInt = Annotated[int, column_types.BIG_INT]
Instant = Annotated[str, column_types.INSTANT]
StringList = Annotated[str, column_types.STRING_LIST]
Object = Annotated[str, column_types.OBJECT]


@dataclass(frozen=True)
class Actor:
    chitty_id: ChittyId
    actor_type: Annotated[str, column_types.enumeration(enums.ActorType)]
    display_name: Text | None
    email: Text | None
    avatar_url: Text | None
    capabilities: StringList
    chitty_dna_id: ChittyId | None
    chitty_auth_principal_id: Text | None
    last_seen_at: Instant | None
    session_count: BigInt
    status: Annotated[str, column_types.enumeration(enums.ActorStatus)]
    created_at: Instant
    updated_at: Instant


@dataclass(frozen=True)
class Context:
    chitty_id: ChittyId
    name: Text
    owner_chitty_id: ChittyId
    data: StringList
    systems: StringList
    tools: StringList
    chitty_dna_id: ChittyId | None
    chitty_chronicle_timeline_id: ChittyId | None
    status: Annotated[str, column_types.enumeration(enums.ContextStatus)]
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None


@dataclass(frozen=True)
class Installation:
    installation_id: BigInt
    chitty_id: ChittyId
    chitty_dna_id: ChittyId | None
    account_id: BigInt
    account_login: Text
    account_type: Annotated[str, column_types.enumeration(enums.AccountType)]
    account_avatar_url: Text | None
    repository_selection: Annotated[str, column_types.enumeration(enums.RepositorySelection)]
    permissions: Object  # access by permission
    events: StringList
    selected_repositories: StringList
    suspended_at: Instant | None
    suspended_by_chitty_id: ChittyId | None
    installed_at: Instant
    updated_at: Instant
    uninstalled_at: Instant | None


@dataclass(frozen=True)
class Connection:
    connection_id: Text
    source_chitty_id: ChittyId
    source_type: Annotated[str, column_types.enumeration(enums.SourceType)]
    target_service: Text
    target_endpoint: Text | None
    connection_type: Annotated[str, column_types.enumeration(enums.ConnectionType)]
    credentials_kv_key: Text | None
    status: Annotated[str, column_types.enumeration(enums.ConnectionStatus)]
    last_health_check: Instant | None
    last_error: Text | None
    error_count: Int
    request_count: BigInt
    last_used_at: Instant | None
    config: Object
    installation_id: BigInt | None
    created_at: Instant
    updated_at: Instant
    disconnected_at: Instant | None


@dataclass(frozen=True)
class Change:
    sequence: BigInt
    at: Instant
    actor: ChittyId | None
    cause: Text
    request_id: Text | None
    kind: Annotated[str, column_types.enumeration(enums.NodeKind)]
    key: Text  # an installation's is a number
    operation: Annotated[str, column_types.enumeration(enums.ChangeOperation)]
    is_private: Int
    before: Object | None
    after: Object | None


R = TypeVar("R")
LONGEST_KEY_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Private:
    hidden: str | None = None  # what a viewer gets who sees the row, but not this column


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: ColumnType
    nullable: bool
    private: Private | None = None

    def is_null(self, stored: Value) -> bool:
        if self.private is not None:
            return stored is None or stored == self.private.hidden
        return stored is None and self.nullable

    def read(self, row: object) -> Any:
        stored: Value = getattr(row, self.name)
        return None if self.is_null(stored) else self.type.read(stored)


@dataclass(frozen=True, eq=False)
class Table(Generic[R]):
    """One table: `live` is SQL for a row, named `{row}`, that is not soft-deleted.

    `newest` is the column of the default ordering. Filters that name a column of `ends` include soft-deleted
    rows. `unique` excludes the key. An index finds rows by each column of `sought`, newest last. Rows of a
    `log` are appended in the order of their key, which clients must not learn: lists are in this order only.
    One that is `derived` is stored nowhere: RowSecurity puts a query in its place.
    `personal` are the columns about a person, with what they hold once that person's data is erased.
    """

    row: type[R]
    name: str
    key: str
    newest: str
    live: str
    ends: frozenset[str]
    unique: frozenset[str] = frozenset()
    sought: frozenset[str] = frozenset()
    is_log: bool = False
    is_derived: bool = False
    private: Mapping[str, Private] = dataclasses.field(default_factory=dict)
    personal: Mapping[str, Value] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        hints = get_type_hints(self.row, include_extras=True)
        names = [field.name for field in dataclasses.fields(self.row)]  # type: ignore[arg-type]
        columns = {name: _column(name, hints[name], self.private.get(name)) for name in names}
        object.__setattr__(self, "columns", columns)

    columns: dict[str, Column] = dataclasses.field(init=False)

    @property
    def seen(self) -> str:
        """The name for SQL, which RowSecurity replaces with what the viewer sees."""
        return f"seen.{self.name}"

    @property
    def listed(self) -> str:
        """Like `seen`, for a list of the whole table: it starts from the viewer's own rows."""
        return f"listed.{self.name}"

    @property
    def picked(self) -> str:
        """Like `seen`, for rows that another condition has found to be visible."""
        return f"picked.{self.name}"

    def select_list(self, row: str) -> str:
        """Of a log, JSON comes as bytes: nobody can repair a text in it that is not UTF-8."""
        return ", ".join(
            f"CAST({row}.{name} AS BLOB)"
            if self.is_log and column.type is column_types.OBJECT
            else f"{row}.{name}"
            for name, column in self.columns.items()
        )

    def place(self, row: object) -> str:
        """The row by its table and key, for messages; without the key if clients must not learn it."""
        if self.is_log:
            return self.name
        key = getattr(row, self.key)
        shown = key[:LONGEST_KEY_SHOWN] if isinstance(key, str | bytes) else key
        return f"{self.name} {shown!r}"

    def of(self, values: Sequence[Value]) -> R:
        return self.row(*values)

    def new(self, **values: Value) -> R:
        """Raises TypeError for a column that is unknown, or missing and not nullable."""
        nulls = dict.fromkeys(name for name, each in self.columns.items() if each.nullable)
        return self.row(**nulls | values)


def _column(name: str, hint: Any, private: Private | None) -> Column:
    parts = [part for part in get_args(hint) if part is not type(None)]
    nullable = get_origin(hint) is not Annotated
    annotated = parts[0] if nullable else hint
    return Column(name, annotated.__metadata__[0], nullable, private)


# Columns that a row may omit, besides nullable ones (NULL), JSON (empty) and instants (now).
DEFAULTS: Mapping[str, Value] = {
    "status": enums.ActorStatus.ACTIVE.value,
    "connection_type": enums.ConnectionType.API.value,
    "session_count": 0,
    "error_count": 0,
    "request_count": 0,
    "receipt": 0,
}
ACTORS = Table(
    Actor,
    "actors",
    key="chitty_id",
    newest="created_at",
    live="{row}.status <> 'deleted'",
    ends=frozenset({"status"}),
    unique=frozenset({"chitty_auth_principal_id"}),
    sought=frozenset({"display_name", "email"}),
    private=dict.fromkeys(
        (
            *("email", "capabilities", "chitty_dna_id", "chitty_auth_principal_id"),
            *("last_seen_at", "session_count"),
        ),
        Private(),
    ),
    personal={
        **dict.fromkeys(("display_name", "email", "avatar_url")),
        # They lead to the person in other services.
        **dict.fromkeys(("chitty_dna_id", "chitty_auth_principal_id")),
        "last_seen_at": None,
        "session_count": 0,
    },
)
CONTEXTS = Table(
    Context,
    "contexts",
    key="chitty_id",
    newest="created_at",
    live="{row}.status <> 'deleted'",
    ends=frozenset({"status", "deleted_at"}),
    unique=frozenset({"name"}),
)
INSTALLATIONS = Table(
    Installation,
    "installations",
    key="installation_id",
    newest="installed_at",
    live="{row}.uninstalled_at IS NULL",
    ends=frozenset({"uninstalled_at"}),
    unique=frozenset({"chitty_id"}),
    sought=frozenset({"account_login", "account_id"}),
)
CONNECTIONS = Table(
    Connection,
    "connections",
    key="connection_id",
    newest="created_at",
    live="{row}.status <> 'disconnected'",
    ends=frozenset({"status", "disconnected_at"}),
    sought=frozenset({"target_service", "target_endpoint", "last_error"}),
    private={"credentials_kv_key": Private("")},  # that there are credentials is for everyone
)
TABLES: tuple[Table[Any], ...] = (ACTORS, CONTEXTS, INSTALLATIONS, CONNECTIONS)
# The history of the rows of TABLES, whose names are its `kind`.
CHANGES = Table(
    Change,
    "changes",
    key="sequence",
    newest="sequence",
    live=f"{{row}}.sequence > {LAST_PRUNED}",
    ends=frozenset(),
    sought=frozenset({"actor", "kind", "key"}),
    is_log=True,
)


@dataclass(frozen=True, eq=False)
class Relation(Generic[R]):
    """Leads from a row's `column` to rows of `child`: `match` is SQL about `{row}` and the value, `{parent}`.

    A parent that does not meet the SQL `only` has no rows. To-one relations include soft-deleted rows.
    Several parents of a `shared` relation may lead to the same row. If a viewer sees all of a parent's rows
    or none, `whole` lists the columns that decide it, with the SQL of their common values; whoever sees the
    parent sees all rows of an `inherited` one. If it `sorts`, an index has a parent's rows in the default
    ordering only.
    """

    parent: Table[Any]
    child: Table[R]
    column: str
    match: str
    many: bool
    shared: bool
    only: str = ""
    whole: Mapping[str, str] = dataclasses.field(default_factory=dict)
    inherited: bool = False
    sorts: bool = False


def _to_one(parent: Table[Any], column: str, child: Table[R], only: str = "") -> Relation[R]:
    match = f"{{row}}.{child.key} = {{parent}}"
    return Relation(parent, child, column, match, many=False, shared=True, only=only)


def _to_many(parent: Table[Any], child: Table[R], column: str) -> Relation[R]:
    match = f"{{row}}.{column} = {{parent}}"
    return Relation(parent, child, parent.key, match, many=True, shared=False)


def _to_all(
    parent: Table[Any], child: Table[R], column: str, *, sorts: bool = False, **same: str
) -> Relation[R]:
    whole = {column: "{parent}"} | {name: f"'{value}'" for name, value in same.items()}
    match = " AND ".join(f"{{row}}.{name} = {value}" for name, value in whole.items())
    return Relation(
        parent, child, parent.key, match, many=True, shared=False, whole=whole, sorts=sorts
    )


def _through_connections(parent: Table[Any], child: Table[R], near: str, far: str) -> Relation[R]:
    links = (
        f"SELECT link.{far} FROM {CONNECTIONS.listed} AS link"
        f" WHERE link.{near} = {{parent}} AND link.installation_id IS NOT NULL"
        f" AND link.source_type = 'context' AND {CONNECTIONS.live.format(row='link')}"
    )
    match = f"{{row}}.{child.key} IN ({links})"
    return Relation(parent, child, parent.key, match, many=True, shared=True)


def _history(parent: Table[Any]) -> Relation[Change]:
    match = f"{{row}}.kind = '{parent.name}' AND {{row}}.key = {{parent}}"
    return Relation(parent, CHANGES, parent.key, match, many=True, shared=False, inherited=True)


CONTEXT_OWNER = _to_one(CONTEXTS, "owner_chitty_id", ACTORS)
INSTALLATION_SUSPENDED_BY = _to_one(INSTALLATIONS, "suspended_by_chitty_id", ACTORS)
CONNECTION_INSTALLATION = _to_one(CONNECTIONS, "installation_id", INSTALLATIONS)
CONNECTION_SOURCE_CONTEXT = _to_one(
    CONNECTIONS, "source_chitty_id", CONTEXTS, "{row}.source_type = 'context'"
)
CONNECTION_SOURCE_ACTOR = _to_one(
    CONNECTIONS, "source_chitty_id", ACTORS, "{row}.source_type = 'actor'"
)

ACTOR_CONTEXTS = _to_all(ACTORS, CONTEXTS, "owner_chitty_id")
ACTOR_CONNECTIONS = _to_all(
    ACTORS, CONNECTIONS, "source_chitty_id", sorts=True, source_type="actor"
)
ACTOR_SUSPENDED_INSTALLATIONS = _to_many(ACTORS, INSTALLATIONS, "suspended_by_chitty_id")
CONTEXT_CONNECTIONS = _to_all(
    CONTEXTS, CONNECTIONS, "source_chitty_id", sorts=True, source_type="context"
)
CONTEXT_INSTALLATIONS = _through_connections(
    CONTEXTS, INSTALLATIONS, near="source_chitty_id", far="installation_id"
)
INSTALLATION_CONNECTIONS = _to_many(INSTALLATIONS, CONNECTIONS, "installation_id")
INSTALLATION_CONTEXTS = _through_connections(
    INSTALLATIONS, CONTEXTS, near="installation_id", far="source_chitty_id"
)

REFERENCES: tuple[Relation[Any], ...] = (
    CONTEXT_OWNER,
    INSTALLATION_SUSPENDED_BY,
    CONNECTION_INSTALLATION,
    CONNECTION_SOURCE_CONTEXT,
    CONNECTION_SOURCE_ACTOR,
)
"""The relations by which rows of TABLES name others."""

HISTORIES = {table: _history(table) for table in TABLES}
CHANGE_ACTOR = _to_one(CHANGES, "actor", ACTORS)
CHANGE_ENTITIES = {
    table.name: _to_one(CHANGES, "key", table, f"{{row}}.kind = '{table.name}'") for table in TABLES
}
