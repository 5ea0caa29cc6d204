"""`chittygraph migrate`: apply pending migrations, or show them."""

import argparse
from typing import TYPE_CHECKING

from db.migrating import migrator
from db.sqlite.damage import Extent
from server.cli import check, options
from server.cli.output import messages
from server.files import changes

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
        help="Only list what would be done; exit with 1 if there is anything.",
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
    path, tables = settings.database_path, tuple(dict.fromkeys(map(str.lower, args.recreate)))
    with changes.written_to(args.changes) as tell:
        if args.check:
            done = migrator.foresee(path, tell=tell, to_make=tables)
        else:
            check.log_on_terminal(settings)
            extent = Extent(settings.boot_check)
            done = migrator.bring_up_to_date(path, tell=tell, to_make=tables, extent=extent)
    lines = check.describe(done, done=not args.check)
    print("\n".join(lines) or f"{path} is up to date")
    is_broken = done.recreation is not None and bool(done.recreation.broken)
    return messages.FAILED if is_broken or (args.check and lines) else 0
