"""`chittygraph backup`: a copy of a database in use, once or every so often."""

import argparse
import logging
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from db.backup import backups, rotation
from db.errors import BootRefused
from server.cli import copies, options, stopping
from server.cli.complaints import MISUSED, complain
from server.files.progress import Progress
from server.telemetry import logs

if TYPE_CHECKING:
    from server.cli.options import Commands

log = logging.getLogger(__name__)

KEEP = 24
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
LONGEST = 365 * SECONDS["d"]


def add_to(commands: "Commands") -> None:
    """Declare the command."""
    parser = options.command(
        commands, "backup", "make a verified copy of the database, which may be in use"
    )
    parser.add_argument(
        "target",
        type=Path,
        metavar="FILE|FOLDER",
        help="A new file; with --every or --once a folder.",
    )
    parser.add_argument("--overwrite", action="store_true", help="Replace FILE where it exists.")
    parser.add_argument(
        "--every",
        type=seconds,
        metavar="TIME",
        help="Add a backup to FOLDER every 30s, 15m, 1h or 1d, until stopped.",
    )
    parser.add_argument(
        "--once", action="store_true", help="Add one backup to FOLDER and end: for cron."
    )
    parser.add_argument(
        "--keep",
        type=_count,
        metavar="N",
        help=f"Keep the newest N backups in FOLDER and delete older ones. Default: {KEEP}.",
    )
    options.add_settings(parser, {"database", "log_format", "log_level"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Back up once, or until told to stop; raises BootRefused, OSError when it fails once."""
    settings = options.settings_of(args)
    database, in_folder = settings.database_path, args.once or args.every is not None
    if args.once and args.every is not None:
        return complain("--once and --every exclude each other: leave one out", MISUSED)
    if in_folder and args.overwrite:
        return complain(
            "--overwrite is for a FILE: in a folder each backup has its own name", MISUSED
        )
    if args.keep is not None and not in_folder:
        return complain("--keep is for a FOLDER: add --once or --every", MISUSED)
    keep = KEEP if args.keep is None else args.keep
    if args.every is not None:
        stopping.end_with(0)
        logs.configure(settings.log_format, settings.log_level)
        _repeat(database, args.target, keep, args.every)
    with Progress() as progress:
        progress.stage("backing up", database.stat().st_size if database.is_file() else None)
        if args.once:
            made, copied = rotation.keep_another(database, args.target, keep, progress.advance)
        else:
            made = args.target
            copied = backups.backup(
                database, made, overwrite=args.overwrite, advance=progress.advance
            )
    print(f"{made} now holds {copies.told(copied)}")
    return 0


def seconds(text: str) -> int:
    """A time such as 30s, 15m, 1h or 1d in seconds; raises ArgumentTypeError for anything else."""
    found = re.fullmatch(r"(\d{1,9})([smhd])", text)
    length = int(found[1]) * SECONDS[found[2]] if found else 0
    if not 1 <= length <= LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no time from 1s to 365d: write 30s, 15m, 1h")
    return length


def _count(text: str) -> int:
    if not re.fullmatch(r"0*[1-9]\d{0,5}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 999999")
    return int(text)


def _repeat(database: Path, folder: Path, keep: int, every: int) -> None:
    due = time.monotonic()
    while True:
        try:
            made, copied = rotation.keep_another(database, folder, keep, lambda _: None)
            log.info("backup made", extra={"backup": str(made), "rows": copied.rows})
        except (BootRefused, OSError) as error:
            # The next turn may find the disk with room again.
            log.error("backup failed", extra={"reason": str(error)})
        now = time.monotonic()
        due = max(due + every, now)
        time.sleep(due - now)
