"""The migrations, the ledger of those that ran on a database, and whether the two agree.

The ledger is a table: a version in the file's header would not survive a dump, and D1 does not allow it.
"""

import hashlib
import re
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from db.errors import BootRefused
from db.migrating import wrangler
from db.model import instants
from db.program import Program, Statement

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"

COMMENTS = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
NOT_ALLOWED = re.compile(
    r"(?:BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE|PRAGMA|ATTACH|DETACH|VACUUM)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Migration:
    """A file's name without `.sql`, and its text with line feeds as line ends."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def statements(self) -> Iterator[str]:
        """Raises BootRefused for a statement that would end or escape the migration's own transaction."""
        statement = ""
        for piece in re.split(r"(?<=;)", self.sql):
            statement += piece
            if sqlite3.complete_statement(statement):
                yield self._allowed(statement)
                statement = ""
        if COMMENTS.fullmatch(statement) is None:
            yield self._allowed(statement)

    def _allowed(self, statement: str) -> str:
        bare = COMMENTS.sub("", statement, count=1)
        word = NOT_ALLOWED.match(bare)
        if word is not None:
            raise BootRefused(
                f"migration {self.name}.sql contains {word[0].upper()}, which a migration may not:"
                " each file runs in one transaction, which the migrator opens and ends"
            )
        return bare


def load(folder: Path) -> list[Migration]:
    """Raises BootRefused unless the files are numbered 0001, 0002 and so on."""
    paths = sorted(folder.glob("*.sql"))
    for number, path in enumerate(paths, start=1):
        if not path.name.startswith(f"{number:04}_"):
            raise BootRefused(
                f"migration {path.name} stands where number {number:04} should: files in {folder}"
                " are named 0001_what_it_does.sql and on, each number once and none left out"
            )
    if not paths:
        raise BootRefused(f"there are no migrations in {folder}: the installation is incomplete")
    # Reading as text turns every line ending into \n.
    return [Migration(path.stem, path.read_text(encoding="utf-8")) for path in paths]


CREATE = """
    CREATE TABLE IF NOT EXISTS chittygraph_migrations (
        name TEXT NOT NULL PRIMARY KEY,
        checksum TEXT NOT NULL,
        applied_at TEXT NOT NULL
    )
"""
UNFINISHED_MOVE = "unfinished_move"
"""The table of a move that has not ended, which is there as long as the database is not to be used."""
# Without those that wrangler and D1 make in every database that they open.
TABLES = """
    SELECT name FROM sqlite_master
    WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'
        AND name <> 'd1_migrations' AND name NOT LIKE '!_cf!_%' ESCAPE '!'
    ORDER BY name
"""
IS_THERE = """
    SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'chittygraph_migrations'
"""
APPLIED = "SELECT name, checksum FROM chittygraph_migrations ORDER BY name"


def applied(connection: sqlite3.Connection, place: object) -> dict[str, str]:
    """The names and checksums of the migrations that ran; `place` is the database, as messages name it.

    Raises BootRefused if there are tables but no ledger: the database belongs to another program. Also if a
    move to it has not ended.
    """
    tables = [name for (name,) in connection.execute(TABLES)]
    require_whole(tables, str(place))
    if "chittygraph_migrations" in tables:
        return dict(connection.execute(APPLIED).fetchall())
    if tables:
        raise BootRefused(
            f"{place} was not made by chittygraph: it holds the tables {', '.join(tables[:6])} and"
            " no record of migrations: name another database, or one that does not exist yet"
        )
    return {}


def require_whole(tables: Collection[str], database: str) -> None:
    """Raise BootRefused if a move to the database with these tables has not ended."""
    if UNFINISHED_MOVE in tables:
        raise BootRefused(
            f"{database} holds only a part of a registry, because `chittygraph move` has not finished: run"
            " the same move again, which goes on where it ended"
        )


def names() -> Program[list[str]]:
    (rows,) = yield [Statement(APPLIED)]
    return [str(name) for name, _ in rows]


def pending(
    migrations: Sequence[Migration], done: Mapping[str, str], place: object
) -> list[Migration]:
    """Raises BootRefused if the database is newer than the code, or a file was edited or left out."""
    known = {migration.name: migration for migration in migrations}
    for name, checksum in done.items():
        if name not in known:
            raise BootRefused(
                f"{place} is newer than this chittygraph: it has migration {name}, which is not"
                " among this version's; install the version that made it, or a later one"
            )
        if known[name].checksum != checksum:
            raise BootRefused(
                f"migration {name}.sql was edited after it ran on {place}: restore the file as it"
                " was, and put the change into a new migration"
            )
    left = [migration for migration in migrations if migration.name not in done]
    if left != list(migrations[len(done) :]):
        raise BootRefused(
            f"{place} had a later migration before {left[0].name}.sql, which never ran: give the"
            " file the next free number"
        )
    return left


def newest() -> str:
    """The name of the newest migration that this version knows."""
    return load(MIGRATIONS)[-1].name


RECORD = """
    INSERT INTO chittygraph_migrations (name, checksum, applied_at)
    VALUES (:name, :checksum, :now)
"""


def record_of(migration: Migration) -> Statement:
    """What records that this migration ran; it fails if that is recorded already."""
    bind = {"name": migration.name, "checksum": migration.checksum, "now": instants.now()}
    return Statement(RECORD, bind)


def record(connection: sqlite3.Connection, migration: Migration) -> None:
    """Record in the open transaction that this migration ran, in wrangler's ledger too."""
    statement = record_of(migration)
    connection.execute(statement.sql, statement.bind)
    wrangler.add_missing(connection)
