"""`chittygraph status`: show the state of the database."""

import argparse
import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from db import open_database
from db.errors import Unavailable
from db.history import checkpoint
from db.migrating import migrator
from db.migrating.adoption import changed_cells, repair_report
from db.migrating.adoption.changed_cells import Change
from db.migrating.adoption.repair_report import Recorded, Repair
from db.program import Program
from db.queries import row_counts, troubled_webhooks, waiting_installations
from db.sqlite import describe, file_reads, library
from server.cli import files_only, options
from server.identity.advice import REFUSED_ADVICE, UNANSWERED_ADVICE
from server.settings import Settings

if TYPE_CHECKING:
    from server.cli.options import Commands


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "status",
        "show the state of the database: version, pending migrations, rows, repairs",
        examples=("status", "status --schema", "status --json"),
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    parser.add_argument(
        "--schema", action="store_true", help="Show tables, columns, indexes and foreign keys too."
    )
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the state of the database without changing it; raises BootRefused if it is damaged."""
    settings = options.settings_of(args)
    if settings.address.file is None:
        if args.schema:
            files_only.require_file("status --schema", settings.address)
        report = asyncio.run(_remote_state(settings))
    else:
        report = state(settings.database_path)
        report["replica"] = _replica(settings.database_path)
    if args.schema and report["exists"]:
        report["schema"] = describe.schema(settings.database_path)
    print(json.dumps(report, indent=2) if args.json else "\n".join(_lines(report)))
    return 0


def state(path: Path) -> dict[str, Any]:
    """The state of a database: path, size, migrations and, once they are complete, rows."""
    status = migrator.inspect(path)
    complete = status.exists and not (status.pending or status.recognised)
    return {
        "database": str(path.resolve()),
        "exists": status.exists,
        "bytes": path.stat().st_size if status.exists else 0,
        "version": status.version,
        "recognised": list(status.recognised),
        "pending": list(status.pending),
        "to_mend": list(status.unrecorded),
        "to_repair": [asdict(repair) for repair in status.repairs],
        "to_replace": [_change(each) for each in status.changes],
        "repaired": [_recorded(each) for each in repair_report.of_file(path)] if complete else [],
        **(file_reads.read(path, figures()) if complete else NO_FIGURES),
        "sqlite": library.VERSION,
        "sqlite_from": library.SOURCE,
    }


def _replica(path: Path) -> dict[str, Any] | None:
    """The copy that a replica keeps beside this path, if there is a replica."""
    if not Path(f"{path}-replica").exists():
        return None
    from db.replica import promotion  # what most databases have no need of

    try:
        found = promotion.contents(path)
    except Unavailable as error:
        return {"unreadable": str(error)}
    return None if found is None else {**asdict(found), "copy": str(found.copy), "age": found.age}


def _replica_lines(replica: dict[str, Any] | None) -> Iterator[str]:
    if replica is None:
        return
    if "unreadable" in replica:
        yield f"replica   {replica['unreadable']}"
        return
    yield f"replica   {replica['copy']}"
    yield f"          newest change {replica['newest_change'] or 'none'}"
    beat, age = replica["beat_at"], replica["age"]
    yield f"          newest heartbeat {'none' if beat is None else f'{beat}, {age:.1f} s ago'}"


async def _remote_state(settings: Settings) -> dict[str, Any]:
    """The same of a database on an engine over HTTP, with the engine's version and what is wrong with it."""
    found = await open_database.examine(settings.database)
    told = NO_FIGURES
    if found.is_complete:
        database = await open_database.open_database(settings.database, migrate=False)
        try:
            told = await database.read(figures())
        finally:
            await database.close()
    return {
        "database": str(settings.address),
        "exists": not found.is_new,
        "bytes": found.status.bytes_on_disk,
        "version": found.version,
        "recognised": [],
        "pending": found.pending,
        "to_mend": found.differences,
        "to_repair": [],
        "to_replace": [],
        "repaired": [],
        **told,
        "engine": settings.address.engine.value,
        "engine_version": found.status.version,
        "engine_warning": found.status.warning,
    }


NO_FIGURES: dict[str, Any] = {"rows": {}, "history": None, "waiting": None, "webhooks_out": None}


def figures() -> Program[dict[str, Any]]:
    """What the rows of a migrated database tell."""
    rows = yield from row_counts.count()
    history = yield from checkpoint.growth()
    waiting = yield from waiting_installations.find()
    webhooks = yield from troubled_webhooks.find()
    return {
        "rows": rows,
        "history": asdict(history),
        "waiting": asdict(waiting),
        "webhooks_out": asdict(webhooks),
    }


def _history_lines(history: dict[str, Any] | None) -> Iterator[str]:
    if history is None:
        return
    since = f", the first of {history['oldest_at']}" if history["oldest_at"] else ""
    noun = "change" if history["changes"] == 1 else "changes"
    yield f"history   {history['changes']:,} {noun}{since}"
    if history["pruned_at"]:
        yield (
            f"          {history['removed']:,} older ones were removed, last at {history['pruned_at']};"
            f" {history['bases']:,} stay as bases of rows"
        )


def _lines(report: dict[str, Any]) -> list[str]:
    size = f"{report['bytes']:,} bytes" if report["exists"] else "does not exist yet"
    return [
        f"database  {report['database']} ({size})",
        f"version   {report['version'] or 'none'}",
        *(f"elsewhere {name}" for name in report["recognised"]),
        f"pending   {', '.join(report['pending']) or 'none'}",
        *_engine_lines(report),
        *(f"{count:9,} {table}" for table, count in report["rows"].items()),
        *_history_lines(report["history"]),
        *(f"to mend   {each}{_why_to_mend(report)}" for each in report["to_mend"]),
        *(f"to repair {Repair(**each)}" for each in report["to_repair"]),
        *(f"          {Change(**each)}" for each in report["to_replace"]),
        *_all_repaired(report["repaired"]),
        *_waiting_lines(report["waiting"]),
        *_webhook_lines(report["webhooks_out"]),
        *_replica_lines(report.get("replica")),
        *(
            line
            for table, description in report.get("schema", {}).items()
            for line in _table_lines(table, description)
        ),
    ]


def _engine_lines(report: dict[str, Any]) -> Iterator[str]:
    if "engine" not in report:
        yield f"sqlite    {report['sqlite']} from {report['sqlite_from']}"
        return
    yield f"engine    {report['engine']} {report['engine_version'] or ''}".rstrip()
    if report["engine_warning"]:
        yield f"          {report['engine_warning']}"


def _why_to_mend(report: dict[str, Any]) -> str:
    return "" if "engine" in report else ", so changes are not recorded"


def _recorded(each: Recorded) -> dict[str, Any]:
    return {**asdict(each), "replaced": [_change(change) for change in each.replaced]}


def _change(change: Change) -> dict[str, Any]:
    """As JSON can write it: bytes as SQL writes them."""
    values = asdict(change)
    return {
        name: changed_cells.shown(value) if isinstance(value, bytes) else value
        for name, value in values.items()
    }


def _all_repaired(repaired: list[dict[str, Any]]) -> Iterator[str]:
    """Each repair, and once for those that were made together where the database before them is."""
    for copy, together in groupby(repaired, key=lambda each: each["copy"]):
        for each in together:
            yield from _repaired(each)
        yield (
            f"          the database before: {copy}"
            if copy
            else "          no copy was made before"
        )


def _repaired(each: dict[str, Any]) -> Iterator[str]:
    yield f"repaired  {each['repaired_at']} {Repair(**each['repair'])}"
    for change in each["replaced"]:
        yield f"          {Change(**change)}"
    if each["has_more_replaced"]:
        yield "          and more in the table replaced_values"


def _waiting_lines(waiting: dict[str, Any] | None) -> Iterator[str]:
    """What waits for a ChittyID and why, with what to do."""
    if not waiting or not waiting["count"]:
        return
    yield f"waiting   {waiting['count']:,} installations have no ChittyID yet"
    for each in waiting["first"]:
        state = "refused" if each["refused"] else "not answered"
        why = f"{state} {each['failures']} times ({each['reason']})" if each["failures"] else "new"
        again = f"asked for again after {each['retry_at']}" if each["retry_at"] else "due"
        yield f"          installation {each['installation_id']} since {each['since']}: {why}, {again}"
    if waiting["count"] > len(waiting["first"]):
        yield f"          and {waiting['count'] - len(waiting['first']):,} more"
    yield f"          {REFUSED_ADVICE if waiting['refused'] else UNANSWERED_ADVICE}"


def _webhook_lines(webhooks: dict[str, Any] | None) -> Iterator[str]:
    """How many outgoing webhooks there are, and which of them are paused or fail."""
    if not webhooks or not webhooks["webhooks"]:
        return
    yield (
        f"webhooks  {webhooks['webhooks']:,} outgoing, {webhooks['failing']:,} failing,"
        f" {webhooks['paused']:,} paused, {webhooks['dead_letters']:,} dead letters"
    )
    for each in webhooks["first"]:
        reason = each["paused_because"]
        state = "fails" if reason is None else f"is paused ({reason})"
        since = "" if each["since"] is None else f" since {each['since']}"
        last = "" if each["error"] is None else f": {each['error']}"
        yield f"          {each['webhook_id']} {state}{since}{last}"


def _table_lines(table: str, description: dict[str, Any]) -> list[str]:
    names = [column["name"] for column in description["columns"]]
    widest = max(map(len, names), default=0)
    lines = ["", table]
    for column in description["columns"]:
        default = f" default {column['default']}" if column["default"] is not None else ""
        words = f"{column['type']}{' not null' * column['required']}{default}"
        lines.append(
            f"  {column['name']:{widest}}  {words}{' key' * bool(column['place'])}".rstrip()
        )
    for index in description["indexes"]:
        kind = f"{'unique ' * index['unique']}{'partial ' * index['partial']}index"
        lines.append(f"  {kind} {index['name']} ({', '.join(index['columns'])})")
    for key in description["foreign_keys"]:
        to = f" ({', '.join(key['keys'])})" if key["keys"] else ""
        lines.append(f"  foreign key ({', '.join(key['columns'])}) to {key['table']}{to}")
    return lines
