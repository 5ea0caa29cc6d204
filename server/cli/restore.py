"""`chittygraph restore`: put a backup or a dump in the place of the database."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from db.backup import restores
from server.cli import copies, options
from server.files.progress import Progress

if TYPE_CHECKING:
    from server.cli.options import Commands


def add_to(commands: "Commands") -> None:
    """Declare the command."""
    parser = options.command(
        commands,
        "restore",
        "replace the database by a backup or by a dump as SQL text, and keep the old one beside it",
    )
    parser.add_argument(
        "file",
        type=Path,
        help="A file that `backup` made, or SQL of `export --sql`, `sqlite3 .dump`, `wrangler d1 export`.",
    )
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Restore; raises BootRefused, OSError, having changed nothing, where that cannot be done."""
    database = options.settings_of(args).database_path
    with Progress() as progress:
        progress.stage("restoring", args.file.stat().st_size if args.file.is_file() else None)
        restored = restores.restore(args.file, database, advance=progress.advance)
    print(f"{database} now holds {copies.told(restored.copied)}")
    if restored.kept is not None:
        print(f"what it held before is kept in {restored.kept}")
    return 0
