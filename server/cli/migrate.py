"""`chittygraph migrate`: apply pending migrations, or show them."""

import argparse
import asyncio
from typing import TYPE_CHECKING

from db.migrating import migrator
from db.sqlite.damage import Extent
from server.cli import check, files_only, options
from server.cli.output import messages
from server.files import changes
from server.settings import Settings

if TYPE_CHECKING:
    from server.cli.options import Commands


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "migrate",
        "apply pending migrations to the database",
        details="`serve` does this too, when it starts.",
        examples=(
            "migrate --check",
            "migrate --database registry.db",
            "migrate --recreate contexts --check",
        ),
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="Only list what would be done, tried out on a copy; exit with 1 if there is anything.",
    )
    parser.add_argument(
        "--recreate",
        action="extend",
        nargs="+",
        default=[],
        metavar="TABLE",
        help="Make tables anew, empty, that are missing or unfit; what is there is renamed.",
    )
    check.add_changes(parser)
    options.add_settings(parser, {"database", "boot_check"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Migrate or check; raises BootRefused if the database cannot be migrated."""
    settings = options.settings_of(args)
    tables = tuple(dict.fromkeys(map(str.lower, args.recreate)))
    if settings.address.file is None:
        return _migrate_remote(settings, args)
    path = settings.database_path
    with changes.written_to(args.changes) as tell:
        check.log_on_terminal(settings)
        if args.check:
            done = migrator.foresee(path, tell=tell, to_make=tables)
        else:
            extent = Extent(settings.boot_check)
            done = migrator.bring_up_to_date(path, tell=tell, to_make=tables, extent=extent)
    lines = check.describe(done, done=not args.check)
    print("\n".join(lines) or f"{path} is up to date")
    is_broken = done.recreation is not None and bool(done.recreation.broken)
    return messages.FAILED if is_broken or (args.check and lines) else 0


def _migrate_remote(settings: Settings, args: argparse.Namespace) -> int:
    from db import open_database

    address = settings.address
    for flag in ("recreate", "changes"):
        if vars(args)[flag]:
            files_only.require_file(f"migrate --{flag}", address)
    check.log_on_terminal(settings)
    if args.check:
        found = asyncio.run(open_database.examine(settings.database))
        lines = [f"pending {name}" for name in found.pending]
        lines += [f"found {each}" for each in found.differences]
    else:
        done = asyncio.run(open_database.migrate(settings.database))
        lines = [f"applied {name}" for name in done.applied]
    print("\n".join(lines) or f"{address} is up to date")
    return messages.FAILED if args.check and lines else 0
