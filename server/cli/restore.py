"""`chittygraph restore`: replace the database with a backup or a dump."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from db.backup import clusters, restores
from server.cli import options
from server.cli.output import copy_report
from server.files.progress import Progress

if TYPE_CHECKING:
    from server.cli.options import Commands


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "restore",
        "replace the database with a backup or an SQL dump, and keep the old one",
        details=(
            "The old database stays beside the new one, under another name; that of a cluster of rqlite is"
            " kept as a file in this folder. Stop the server first."
        ),
        examples=("restore backups/chittygraph-20270131T180000.000Z.db", "restore dump.sql"),
    )
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="A file made by `backup`, or SQL from `export --sql`, `sqlite3 .dump` or"
        " `wrangler d1 export`.",
    )
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Restore; raises BootRefused or OSError, having changed nothing, if that is not possible."""
    address = options.settings_of(args).address
    with Progress() as progress:
        progress.stage("restoring", args.file.stat().st_size if args.file.is_file() else None)
        if address.file is None:
            restored = clusters.restore(
                args.file, address, folder=Path.cwd(), advance=progress.advance
            )
        else:
            restored = restores.restore(args.file, address.file, advance=progress.advance)
    print(f"{address} now holds {copy_report.describe(restored.copied)}")
    if restored.kept is not None:
        print(f"the old database is kept as {restored.kept}")
    return 0
