"""`chittygraph demo`: fill an empty registry with something to look at."""

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from server.cli import options

if TYPE_CHECKING:
    from server.cli.options import Commands
    from server.demo.registry import DemoReport


def add_to(commands: "Commands") -> None:
    """Declare the command."""
    parser = options.command(commands, "demo", "fill an empty registry with demonstration data")
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Migrate and fill; a registry that holds anything is left as it is."""
    settings = options.settings_of(args)
    print(told(settings.database_path, fill(settings.database_path)))
    return 0


def fill(path: Path) -> "DemoReport | None":
    """Fill a migrated registry; None, and nothing written, when it holds any row."""
    from db.open_database import open_database
    from server.demo import registry

    async def work() -> "DemoReport | None":
        database = await open_database(path)
        try:
            return await registry.fill(database)
        finally:
            await database.close()

    return asyncio.run(work())


def told(path: Path, report: "DemoReport | None") -> str:
    """What filling did, for people."""
    if report is None:
        return f"{path} holds data already, so no demonstration data was added"
    counts = ", ".join(f"{count} {table}" for table, count in report.counts.items())
    return f"{path} now holds {counts}\n\nA first query to try:\n\n{report.first_query}"
