"""A PostgreSQL of the benchmark's own, which holds the rows of a SQLite database and is thrown away."""

import contextlib
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks import data, node
from benchmarks.errors import BenchmarkError
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, Table

SCHEMA = Path(__file__).parent / "postgres.sql"
POSTGRAPHILE = node.FOLDER / "postgraphile"
# It refuses to run as root; Debian's package makes this user.
USER = "postgres"
DEBIAN = Path("/usr/lib/postgresql")
OWNER = DATABASE = "bench"
START_SECONDS = 30
# Its answers are durable, as by default. Nothing is to run beside what is measured.
SETTINGS = ("listen_addresses=", "autovacuum=off", "shared_buffers=256MB")
# PostGraphile sends enumerations as they are stored.
ENUMS = frozenset({"actor_type", "connection_type", "source_type", "status"})
ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


@cache
def require() -> None:
    """Find PostgreSQL, and install PostGraphile; raises BenchmarkError if that fails."""
    _program("postgres")
    if user := _user():
        data.FOLDER.mkdir(exist_ok=True)
        reach = subprocess.run(["test", "-x", str(data.FOLDER)], user=user, check=False)
        if reach.returncode:
            raise BenchmarkError(
                f"the user {user}, who runs PostgreSQL, cannot reach {data.FOLDER}"
            )
    node.install(POSTGRAPHILE, "PostGraphile")


@contextmanager
def running(rows: Path) -> Iterator[str]:
    """A server that holds the rows of a SQLite database; yields its URL, and throws it away at the end."""
    with _folder(data.FOLDER) as cluster, _folder(None) as sockets:
        _run("initdb", "-D", str(cluster), "-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C")
        settings = [part for each in SETTINGS for part in ("-c", each)]
        process = subprocess.Popen(
            [_program("postgres"), "-D", str(cluster), "-k", str(sockets), *settings], user=_user()
        )
        try:
            _wait_until_it_answers(process, sockets)
            _fill(rows, sockets)
            yield f"postgres://{OWNER}@{str(sockets).replace('/', '%2F')}/{DATABASE}"
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: its files are thrown away
            process.wait()


def _fill(rows: Path, sockets: Path) -> None:
    _psql(sockets, "postgres", "-c", f"CREATE DATABASE {DATABASE}")
    _psql(sockets, DATABASE, "-f", str(SCHEMA))
    with closing(sqlite3.connect(rows)) as connection:
        for table in (ACTORS, INSTALLATIONS, CONTEXTS, CONNECTIONS):
            _copy(connection, table, sockets)
    _psql(sockets, DATABASE, "-c", "VACUUM (ANALYZE)", "-c", "CHECKPOINT")


def _copy(connection: sqlite3.Connection, table: Table[Any], sockets: Path) -> None:
    columns = ", ".join(table.columns)
    command = f"COPY {table.name} ({columns}) FROM STDIN"
    with subprocess.Popen(
        _command(sockets, DATABASE, "-c", command), stdin=subprocess.PIPE, text=True
    ) as psql:
        assert psql.stdin
        values = ", ".join(f"upper({name})" if name in ENUMS else name for name in table.columns)
        for row in connection.execute(f"SELECT {values} FROM {table.name}"):
            psql.stdin.write("\t".join(map(copied, row)) + "\n")
    if psql.returncode:
        raise BenchmarkError(f"PostgreSQL does not take the rows of {table.name}")


def copied(value: str | int | None) -> str:
    """A value as PostgreSQL's COPY reads it."""
    return r"\N" if value is None else str(value).translate(ESCAPES)


def _wait_until_it_answers(process: subprocess.Popen[bytes], sockets: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        asked = subprocess.run(_client("pg_isready", sockets, "postgres"), check=False)
        if asked.returncode == 0:
            return
        time.sleep(0.1)
    raise BenchmarkError("PostgreSQL did not start; what it said is above")


def _psql(sockets: Path, database: str, *arguments: str) -> None:
    subprocess.run(_command(sockets, database, *arguments), check=True, stdout=subprocess.DEVNULL)


def _command(sockets: Path, database: str, *arguments: str) -> list[str]:
    stops_at_errors = ("-X", "-v", "ON_ERROR_STOP=1")
    return [*_client("psql", sockets, database), *stops_at_errors, *arguments]


def _client(program: str, sockets: Path, database: str) -> list[str]:
    return [_program(program), "-q", "-h", str(sockets), "-U", OWNER, "-d", database]


def _run(name: str, *arguments: str) -> None:
    subprocess.run(
        [_program(name), *arguments], check=True, user=_user(), stdout=subprocess.DEVNULL
    )


@contextmanager
def _folder(parent: Path | None) -> Iterator[Path]:
    """A folder of the user that runs PostgreSQL."""
    path = Path(tempfile.mkdtemp(prefix="postgres-", dir=parent))
    try:
        if user := _user():
            shutil.chown(path, user)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _user() -> str | None:
    """The user to change to, if this one is root."""
    if os.geteuid():
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(USER).pw_name
    raise BenchmarkError(f"PostgreSQL does not run as root, and there is no user {USER}")


def _program(name: str) -> str:
    newest = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = str(newest[-1]) if newest else shutil.which(name)
    if not found:
        raise BenchmarkError("PostgreSQL is missing (on Debian: apt install postgresql)")
    return found
