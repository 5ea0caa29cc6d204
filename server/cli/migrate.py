"""`chittygraph migrate`: bring the database up to date, or say what that would take."""

import argparse
from typing import TYPE_CHECKING

from db import migrator
from server.cli import options

if TYPE_CHECKING:
    from server.cli.options import Commands

BEHIND = 1


def add_to(commands: "Commands") -> None:
    """Declare the command."""
    parser = options.command(commands, "migrate", "apply the migrations that the database lacks")
    parser.add_argument(
        "--check", action="store_true", help="Change nothing; exit with 1 if any would be applied."
    )
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Migrate or check; raises BootRefused when the database cannot be migrated."""
    path = options.settings_of(args).database_path
    names = migrator.pending(path) if args.check else migrator.migrate(path)
    for name in names:
        print(f"{'pending' if args.check else 'applied'} {name}")
    if not names:
        print(f"{path} is up to date")
    return BEHIND if args.check and names else 0
