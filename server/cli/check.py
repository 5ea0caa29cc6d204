"""`chittygraph check`: what in the database is not as it is stored here, and mending it."""

import argparse
import sys
from typing import TYPE_CHECKING

from db.migrating import migrator
from db.migrating.adoption.adoption import Adoption
from server.cli import options
from server.cli.complaints import FAILED
from server.settings import Settings
from server.telemetry import logs

if TYPE_CHECKING:
    from server.cli.options import Commands


def add_to(commands: "Commands") -> None:
    """Declare the command."""
    parser = options.command(
        commands, "check", "find what other programs stored in another form than is used here"
    )
    parser.epilog = (
        "Without --fix nothing is changed. With it the database is copied, brought up to date and"
        " mended; `chittygraph status` shows what was done. Exits with 1 when something is found,"
        " or remains."
    )
    parser.add_argument("--fix", action="store_true", help="Mend it, after a copy was made.")
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check or mend; raises BootRefused when the database can be neither."""
    settings = options.settings_of(args)
    tell_how_far(settings)
    path = settings.database_path
    found = migrator.check(path)
    if args.fix and told(found):
        done = [migrator.bring_up_to_date(path)]
        if found.repairs and not done[0].recognised:  # what is adopted is mended by that
            done.append(migrator.mend(path))
        print("\n".join(line for each in done for line in told(each, done=True)))
        found = migrator.check(path)
    print("\n".join(told(found)) or f"{path} holds everything in the form used here")
    return FAILED if told(found) else 0


def told(what: Adoption, *, done: bool = False) -> list[str]:
    """What was done, or what there is to do, one line for each thing."""
    return [
        *([f"copied to {what.copy}"] if what.copy else []),
        *(f"recognised {name}" for name in what.recognised),
        *(f"{'applied' if done else 'pending'} {name}" for name in what.applied),
        *(f"{'mended' if done else 'found'} {repair}" for repair in what.repairs),
    ]


def tell_how_far(settings: Settings) -> None:
    """Have the log say on a terminal how far the work is; elsewhere its outcome is enough."""
    if sys.stderr.isatty():
        logs.configure(settings.log_format, settings.log_level)
