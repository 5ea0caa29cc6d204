"""`chittygraph backup`: copy a database that may be in use, once or at intervals."""

import argparse
import logging
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from db.backup import backups, clusters, rotation
from db.backup.backups import Advance, CopySummary
from db.database_url import Address
from db.errors import BootRefused
from server.cli import options, signals
from server.cli.output import copy_report, messages
from server.files.progress import Progress
from server.telemetry import logs

if TYPE_CHECKING:
    from server.cli.options import Commands

log = logging.getLogger(__name__)

KEEP = 24
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
MAX_SECONDS = 365 * SECONDS["d"]


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "backup",
        "make a verified copy of the database, even while it is in use",
        examples=(
            "backup copy.db",
            "backup backups --once --keep 7",
            "backup backups --every 1h",
        ),
    )
    parser.add_argument(
        "target",
        type=Path,
        metavar="FILE|FOLDER",
        help="The new file; with --every or --once a folder.",
    )
    parser.add_argument("--overwrite", action="store_true", help="Replace FILE if it exists.")
    parser.add_argument(
        "--every",
        type=seconds,
        metavar="TIME",
        help="Add a backup to FOLDER at this interval, such as 30s, 15m, 1h or 1d, until stopped.",
    )
    parser.add_argument(
        "--once", action="store_true", help="Add one backup to FOLDER, for instance from cron."
    )
    parser.add_argument(
        "--keep",
        type=_count,
        metavar="N",
        help=f"Keep the newest N backups in FOLDER; delete older ones. Default: {KEEP}.",
    )
    options.add_settings(parser, {"database", "log_format", "log_level"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Back up once, or repeatedly until stopped; raises BootRefused, OSError if a single one fails."""
    settings = options.settings_of(args)
    address, in_folder = settings.address, args.once or args.every is not None
    if args.once and args.every is not None:
        return messages.error(
            "--once and --every exclude each other: leave one out", messages.USAGE_ERROR
        )
    if in_folder and args.overwrite:
        return messages.error(
            "--overwrite is for a FILE: in a folder each backup has its own name",
            messages.USAGE_ERROR,
        )
    if args.keep is not None and not in_folder:
        return messages.error("--keep is for a FOLDER: add --once or --every", messages.USAGE_ERROR)
    keep = KEEP if args.keep is None else args.keep
    if args.every is not None:
        signals.set_exit_code(0)
        logs.configure(settings.log_format, settings.log_level)
        _repeat(address, args.target, keep, args.every)
    with Progress() as progress:
        progress.stage("backing up", _size(address))
        if args.once:
            made, copied = _add(address, args.target, keep, progress.advance)
        else:
            made = args.target
            copied = _back_up(address, made, progress.advance, overwrite=args.overwrite)
    print(f"{made} now holds {copy_report.describe(copied)}")
    if copied.broken:
        kept = "; older backups were kept" if args.once else ""
        messages.note(
            f"the database has lost what its migrations made, and so has this backup:"
            f" {'; '.join(copied.broken)}{kept}; `chittygraph status` says what to do"
        )
    return 0


def seconds(text: str) -> int:
    """Parse a duration such as 30s, 15m, 1h or 1d; raises ArgumentTypeError for anything else."""
    match = re.fullmatch(r"(\d{1,9})([smhd])", text)
    length = int(match[1]) * SECONDS[match[2]] if match else 0
    if not 1 <= length <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a duration from 1s to 365d, such as 30s, 15m or 1h"
        )
    return length


def _count(text: str) -> int:
    if not re.fullmatch(r"0*[1-9]\d{0,5}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 999999")
    return int(text)


def _size(address: Address) -> int | None:
    file = address.file
    return file.stat().st_size if file is not None and file.is_file() else None


def _back_up(
    address: Address, target: Path, advance: Advance, *, overwrite: bool = False
) -> CopySummary:
    if address.file is None:
        return clusters.backup(address, target, overwrite=overwrite, advance=advance)
    return backups.backup(address.file, target, overwrite=overwrite, advance=advance)


def _add(address: Address, folder: Path, keep: int, advance: Advance) -> tuple[Path, CopySummary]:
    stem = "rqlite" if address.file is None else address.file.stem
    return rotation.add(stem, lambda new: _back_up(address, new, advance), folder, keep)


def _repeat(address: Address, folder: Path, keep: int, every: int) -> None:
    due = time.monotonic()
    while True:
        try:
            made, copied = _add(address, folder, keep, lambda _: None)
            log.info("backup made", extra={"backup": str(made), "rows": copied.rows})
            if copied.broken:
                log.error("backup lacks tables", extra={"reason": "; ".join(copied.broken)})
        except (BootRefused, OSError) as error:
            # The next one may succeed: the disk may have space again.
            log.error("backup failed", extra={"reason": str(error)})
        now = time.monotonic()
        due = max(due + every, now)
        time.sleep(due - now)
