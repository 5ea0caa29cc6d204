"""`chittygraph status`: what the database is and holds."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from db import counts, engine, migrator
from server.cli import options

if TYPE_CHECKING:
    from server.cli.options import Commands


def add_to(commands: "Commands") -> None:
    """Declare the command."""
    parser = options.command(commands, "status", "say what the database is and what it holds")
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the state of the database, changing nothing; raises BootRefused when it is damaged."""
    found = state(options.settings_of(args).database_path)
    print(json.dumps(found, indent=2) if args.json else "\n".join(_lines(found)))
    return 0


def state(path: Path) -> dict[str, Any]:
    """The state of a database: where, how big, how far migrated, and its rows when it is."""
    status = migrator.inspect(path)
    complete = status.exists and not status.pending
    return {
        "database": str(path.resolve()),
        "exists": status.exists,
        "bytes": path.stat().st_size if status.exists else 0,
        "version": status.version,
        "pending": list(status.pending),
        "rows": counts.rows_of_file(path) if complete else {},
        "sqlite": engine.VERSION,
        "sqlite_from": engine.SOURCE,
    }


def _lines(found: dict[str, Any]) -> list[str]:
    size = f"{found['bytes']:,} bytes" if found["exists"] else "not made yet"
    return [
        f"database  {found['database']} ({size})",
        f"version   {found['version'] or 'none'}",
        f"pending   {', '.join(found['pending']) or 'none'}",
        f"sqlite    {found['sqlite']} from {found['sqlite_from']}",
        *(f"{count:9,} {table}" for table, count in found["rows"].items()),
    ]
