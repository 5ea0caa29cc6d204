"""`chittygraph migrate`: bring the database up to date, or say what that would take."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from db.migrating import migrator
from db.migrating.adoption.adoption import Adoption
from server.cli import check, options
from server.cli.complaints import FAILED

if TYPE_CHECKING:
    from server.cli.options import Commands


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
    settings = options.settings_of(args)
    path = settings.database_path
    if args.check:
        lines = check.told(_to_do(path))
    else:
        check.tell_how_far(settings)
        lines = check.told(migrator.bring_up_to_date(path), done=True)
    print("\n".join(lines) or f"{path} is up to date")
    return FAILED if args.check and lines else 0


def _to_do(path: Path) -> Adoption:
    status = migrator.inspect(path)
    return Adoption(list(status.recognised), list(status.pending), list(status.repairs))
