"""Checks of the database: whether it can be used, is whole, and is as its migrations made it."""

import os

from db.errors import BootRefused
from db.migrating import diagnosis
from db.migrating.schema_comparison import Comparison
from db.queries import newest_instant, troubled_webhooks, waiting_installations
from db.security import api_keys
from db.sqlite import (
    damage,
    file_checks,
    file_reads,
    library,
    wal_state,
)
from db.sqlite.connection_thread import PRAGMAS
from db.sqlite.damage import Extent
from server.doctor import processes, replica, rows
from server.doctor.findings import (
    Check,
    Deployment,
    Findings,
    ok,
    problem,
    refusal,
    skipped,
    warning,
)

LARGE_LOG = 64 * 2**20
RESTORE = "restore a backup with `chittygraph restore FILE`"


def sqlite(_: Deployment) -> Findings:
    name = f"SQLite {library.VERSION} from {library.SOURCE}"
    if library.IS_SAFE_FOR_SEVERAL_WRITERS:
        yield ok(f"{name}, safe for several writers")
    else:
        yield warning(
            f"{name} can corrupt a file that several processes write",
            "install the package pysqlite3 or a Python with SQLite 3.51.3 or newer; until then the"
            " server starts one worker, and no other program should write",
        )


def usable(deployment: Deployment) -> Findings:
    path = deployment.database
    if deployment.settings.replica_of:
        yield from replica.copy(deployment)
        return
    try:
        if not file_checks.exists(path):
            file_checks.require_writable_folder(path)
            yield warning(f"{path} does not exist yet", "make it with `chittygraph migrate`")
            return
        file_checks.require_usable(path, writable=True)
    except BootRefused as refused:
        yield refusal(refused)
        return
    yield ok(f"{path}, {path.stat().st_size:,} bytes, can be read and written by this user")


def integrity(deployment: Deployment) -> Findings:
    with file_checks.observing(deployment.database) as connection:
        found = damage.find(connection, deployment.database, Extent.WHOLE)
    if found is None:
        yield ok("no damage in the whole file")
    else:
        yield problem(f"the file is damaged: {' '.join(found.split())}", RESTORE)


def journal(deployment: Deployment) -> Findings:
    synchronous = next(each.split()[-1] for each in PRAGMAS if "synchronous" in each)
    if wal_state.is_on(deployment.database):
        yield ok(f"write-ahead log; the server commits with synchronous = {synchronous}")
    else:
        yield warning(
            "a rollback journal, with which readers and the writer wait for each other",
            "start the server or run `chittygraph migrate`, which turn the write-ahead log on",
        )


def schema(deployment: Deployment) -> Findings:
    try:
        with file_checks.observing(deployment.database) as connection:
            comparison = diagnosis.compare(connection, deployment.database)
    except BootRefused:
        comparison = None
    if comparison is None:
        yield skipped("there is no record of migrations to compare the tables with")
        return
    for each in comparison.broken:
        yield problem(
            each,
            f"undo that change, or {RESTORE}; without one see `chittygraph migrate --recreate`",
        )
    for each in comparison.unenforced:
        yield problem(each, "run `chittygraph check --fix`")
    for each in comparison.unrecorded:
        yield problem(
            f"{each}, so changes are missing from the history",
            "restart the server or run `chittygraph check --fix`, which record them",
        )
    for each in comparison.slow:
        yield warning(f"{each}, so lists are slow", "run `chittygraph check --fix`")
    if comparison == Comparison():
        yield ok("tables, columns, indexes and triggers are as the migrations made them")


def migrations(deployment: Deployment) -> Findings:
    try:
        with file_checks.observing(deployment.database) as connection:
            pending = diagnosis.pending(connection, deployment.database)
    except BootRefused as refused:
        yield refusal(refused)
        return
    if pending is None:
        yield warning(
            "the tables are another program's, not adopted yet",
            "see what adoption does with `chittygraph migrate --check`, then run `chittygraph migrate`",
        )
    elif pending:
        yield warning(
            f"pending: {', '.join(pending)}",
            "back up, then run `chittygraph migrate`, or restart the server",
        )
    else:
        yield ok("all have run")


def instants(deployment: Deployment) -> Findings:
    with file_checks.observing(deployment.database) as connection:
        newest = (
            file_reads.read_on(connection, newest_instant.find())
            if diagnosis.has_rows(connection)
            else None
        )
    yield from rows.instants(newest)


def log(deployment: Deployment) -> Findings:
    state = wal_state.of(deployment.database)
    if state is None or state.bytes == 0:
        yield ok("the write-ahead log is empty")
        return
    waiting = state.frames - state.checkpointed
    found = f"{state.bytes:,} bytes, {waiting:,} pages not in the database yet"
    holders = ", ".join(processes.name(pid) for pid in state.holders)
    if holders:
        found += f", kept for {holders}, which reads an older state"
    if waiting * state.page_bytes <= LARGE_LOG:
        yield ok(found)
    elif holders:
        yield warning(
            found,
            "end what reads there: a long query, or a program that left its transaction open",
        )
    elif deployment.processes:
        yield warning(found, "look again when the server is less busy")
    else:
        yield warning(
            f"{found}, left by a process that was killed",
            "start the server, which takes them into the database",
        )


def writers(deployment: Deployment) -> Findings:
    """Other users' servers cannot be seen, so none found is no proof that there is none."""
    pids = deployment.processes
    names = ", ".join(map(processes.name, pids))
    if len(pids) > 1 and not library.IS_SAFE_FOR_SEVERAL_WRITERS:
        yield problem(f"open in {names}, which can corrupt it", "end all but one of them")
    elif pids:
        yield ok(f"open in {names}")
    else:
        seen = "" if os.geteuid() == 0 else " of this user"
        yield skipped(f"open in no process{seen}")


def chitty_ids(deployment: Deployment) -> Findings:
    try:
        with file_checks.observing(deployment.database) as connection:
            if diagnosis.pending(connection, deployment.database) != []:
                yield skipped("the migrations come first")
                return
            waiting = file_reads.read_on(connection, waiting_installations.find())
    except BootRefused as refused:
        yield refusal(refused)
        return
    yield from rows.chitty_ids(waiting)


def webhooks_out(deployment: Deployment) -> Findings:
    try:
        with file_checks.observing(deployment.database) as connection:
            if diagnosis.pending(connection, deployment.database) != []:
                yield skipped("the migrations come first")
                return
            found = file_reads.read_on(connection, troubled_webhooks.find())
    except BootRefused as refused:
        yield refusal(refused)
        return
    yield from rows.webhooks_out(found)


def credentials(deployment: Deployment) -> Findings:
    if deployment.settings.auth == "open":
        yield skipped("open mode needs none")
        return
    try:
        with file_checks.observing(deployment.database) as connection:
            keys = file_reads.read_on(connection, api_keys.count_valid())
    except BootRefused:
        yield skipped("there is no table of API keys to read")
        return
    yield from rows.credentials(keys, deployment.settings)


CHECKS = (
    Check("sqlite", sqlite),
    Check("database", usable),
    Check("integrity", integrity, needs="database"),
    Check("journal", journal, needs="database"),
    Check("migrations", migrations, needs="database"),
    Check("schema", schema, needs="database"),
    Check("clock", instants, needs="database"),
    Check("wal", log, needs="database"),
    Check("chitty ids", chitty_ids, needs="database"),
    Check("webhooks out", webhooks_out, needs="database"),
    Check("processes", writers, needs="database"),
    Check("credentials", credentials, needs="database"),
)
