"""`chittygraph migrate`: apply pending migrations, or show them."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from db.migrating import migrator
from db.migrating.adoption.adoption import Adoption
from server.cli import check, messages, options

if TYPE_CHECKING:
    from server.cli.options import Commands


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "migrate",
        "apply pending migrations to the database",
        details="`serve` does this too, when it starts.",
        examples=("migrate --check", "migrate --database registry.db"),
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="Only list what would be done; exit with 1 if there is anything.",
    )
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Migrate or check; raises BootRefused if the database cannot be migrated."""
    settings = options.settings_of(args)
    path = settings.database_path
    if args.check:
        lines = check.describe(_pending(path))
    else:
        check.log_on_terminal(settings)
        lines = check.describe(migrator.bring_up_to_date(path), done=True)
    print("\n".join(lines) or f"{path} is up to date")
    return messages.FAILED if args.check and lines else 0


def _pending(path: Path) -> Adoption:
    status = migrator.inspect(path)
    return Adoption(list(status.recognised), list(status.pending), list(status.repairs))
