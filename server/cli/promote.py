"""`chittygraph promote`: make a replica's copy the registry of a new primary."""

import argparse
from typing import TYPE_CHECKING

from db.replica import promotion
from db.replica.promotion import Contents
from server import called_as
from server.cli import options

if TYPE_CHECKING:
    from server.cli.options import Commands


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "promote",
        "make a replica's copy the registry of a new primary",
        details="End the old primary for good and stop the replica first. What the old primary wrote"
        " after the newest heartbeat in the copy may be lost.",
        examples=("promote --database registry.db",),
    )
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Promote; raises BootRefused or OSError, having changed nothing, if that is not possible."""
    database = options.settings_of(args).database_path
    found = promotion.promote(database)
    print(f"{database} now holds what was copied of the old primary")
    print("\n".join(describe(found)))
    print(f"start the new primary: {called_as.command(f'serve --database {database}')}")
    return 0


def describe(found: Contents) -> list[str]:
    """What a copy has, and what it lacks at most."""
    change = (
        "none" if found.newest_change is None else f"{found.newest_change:,}, {found.changed_at}"
    )
    lines = [f"newest change     {change}"]
    if found.beat_at is None:
        return [*lines, "newest heartbeat  none, so how old the copy is, is not known"]
    return [
        *lines,
        f"newest heartbeat  {found.beat_at}, {_ago(found.age or 0.0)} ago",
        "complete up to    that heartbeat: of what was written later, some may be missing",
    ]


def _ago(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"
