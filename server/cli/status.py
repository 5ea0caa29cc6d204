"""`chittygraph status`: what the database is and holds."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from db.migrating import migrator
from db.migrating.adoption import repair_report
from db.migrating.adoption.repair_report import Repair
from db.sqlite import describe, library
from server.cli import options

if TYPE_CHECKING:
    from server.cli.options import Commands


def add_to(commands: "Commands") -> None:
    """Declare the command."""
    parser = options.command(commands, "status", "say what the database is and what it holds")
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    parser.add_argument(
        "--schema", action="store_true", help="Tell tables, columns, indexes and foreign keys too."
    )
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the state of the database, changing nothing; raises BootRefused when it is damaged."""
    path = options.settings_of(args).database_path
    found = state(path)
    if args.schema and found["exists"]:
        found["schema"] = describe.schema(path)
    print(json.dumps(found, indent=2) if args.json else "\n".join(_lines(found)))
    return 0


def state(path: Path) -> dict[str, Any]:
    """The state of a database: where, how big, how far migrated, and its rows when it is."""
    status = migrator.inspect(path)
    complete = status.exists and not (status.pending or status.recognised)
    return {
        "database": str(path.resolve()),
        "exists": status.exists,
        "bytes": path.stat().st_size if status.exists else 0,
        "version": status.version,
        "recognised": list(status.recognised),
        "pending": list(status.pending),
        "to_repair": [asdict(repair) for repair in status.repairs],
        "repaired": [asdict(each) for each in repair_report.of_file(path)] if complete else [],
        "rows": describe.row_counts(path) if complete else {},
        "sqlite": library.VERSION,
        "sqlite_from": library.SOURCE,
    }


def _lines(found: dict[str, Any]) -> list[str]:
    size = f"{found['bytes']:,} bytes" if found["exists"] else "not made yet"
    return [
        f"database  {found['database']} ({size})",
        f"version   {found['version'] or 'none'}",
        *(f"elsewhere {name}" for name in found["recognised"]),
        f"pending   {', '.join(found['pending']) or 'none'}",
        f"sqlite    {found['sqlite']} from {found['sqlite_from']}",
        *(f"{count:9,} {table}" for table, count in found["rows"].items()),
        *(f"to mend   {Repair(**each)}" for each in found["to_repair"]),
        *(
            f"mended    {each['repaired_at']} {Repair(**each['repair'])} (before: {each['copy']})"
            for each in found["repaired"]
        ),
        *(line for table, made in found.get("schema", {}).items() for line in _made(table, made)),
    ]


def _made(table: str, made: dict[str, Any]) -> list[str]:
    """A table, and indented below it its columns, indexes and foreign keys."""
    names = [column["name"] for column in made["columns"]]
    widest = max(map(len, names), default=0)
    lines = ["", table]
    for column in made["columns"]:
        default = f" default {column['default']}" if column["default"] is not None else ""
        words = f"{column['type']}{' not null' * column['required']}{default}"
        lines.append(
            f"  {column['name']:{widest}}  {words}{' key' * bool(column['place'])}".rstrip()
        )
    for index in made["indexes"]:
        kind = f"{'unique ' * index['unique']}{'partial ' * index['partial']}index"
        lines.append(f"  {kind} {index['name']} ({', '.join(index['columns'])})")
    for key in made["foreign_keys"]:
        to = f" ({', '.join(key['keys'])})" if key["keys"] else ""
        lines.append(f"  foreign key ({', '.join(key['columns'])}) to {key['table']}{to}")
    return lines
