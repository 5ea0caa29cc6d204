"""`chittygraph demo`: fill an empty registry with sample data."""

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from db.database_url import Address
from server.cli import options

if TYPE_CHECKING:
    from server.cli.options import Commands
    from server.demo.registry import DemoReport


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "demo",
        "fill an empty registry with sample data",
        details="A registry that has any row is left as it is.",
        examples=("demo --database demo.db",),
    )
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    settings = options.settings_of(args)
    print(describe(settings.address, fill(settings.database)))
    return 0


def fill(url: str | Path) -> "DemoReport | None":
    """Migrate and fill a registry; None, and nothing written, if it has any row."""
    from db.open_database import open_database
    from server.demo import registry

    async def fill_and_close() -> "DemoReport | None":
        database = await open_database(url)
        try:
            return await registry.fill(database)
        finally:
            await database.close()

    return asyncio.run(fill_and_close())


def describe(address: Address, report: "DemoReport | None") -> str:
    if report is None:
        return f"{address} already has data, so no sample data was added"
    counts = ", ".join(f"{count} {table}" for table, count in report.counts.items())
    return f"{address} now holds {counts}\n\nA first query to try:\n\n{report.first_query}"
