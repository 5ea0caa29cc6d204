"""`chittygraph erase`: erase an actor's personal data from everything that the database holds."""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from db.errors import Refused
from server.cli import options
from server.cli.output import messages
from server.files.progress import Progress
from server.settings import Settings

if TYPE_CHECKING:
    from db.erasing.erasure import Erasure, ErasureRequest
    from db.erasing.search import Found
    from server.cli.options import Commands

OF_ENGINES = (
    "the engine's own logs, snapshots and backups hold it until newer ones take their place"
)
FOREVER = "this cannot be undone"
ELSEWHERE = "SQL dumps, exports, replicas and copies on other machines hold it too, if they were made before"


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "erase",
        "erase an actor's personal data from its row, the history and all that is kept",
        details=(
            "The actor is deleted and its API keys are revoked; its ChittyID stays, as a pseudonym. Where"
            " other rows name the person, that is listed. A server may run meanwhile. Exits with 75 if"
            " it has to be run again, because another program kept old bytes from being overwritten. On an"
            " engine over HTTP it needs room for two copies of the registry in the temporary folder."
        ),
        examples=(
            "erase CHITTY-ACTOR-000123-A1B2 --dry-run",
            "erase CHITTY-ACTOR-000123-A1B2 --also-text --text 'Ann S.'",
            "erase CHITTY-ACTOR-000123-A1B2 --yes --json",
        ),
    )
    parser.add_argument("actor", type=_chitty_id, metavar="ACTOR", help="The actor's ChittyID.")
    parser.add_argument(
        "--transfer-contexts-to",
        type=_chitty_id,
        metavar="ID",
        help="Actor that takes over the contexts, without which an owner of contexts is not erased.",
    )
    parser.add_argument(
        "--text",
        action="append",
        default=[],
        metavar="TEXT",
        help="Further words that name the person, such as a former name. May be repeated.",
    )
    parser.add_argument(
        "--also-text",
        action="store_true",
        help="Replace what names the person in names, errors and configurations of other rows, too.",
    )
    parser.add_argument(
        "--backups",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="Folder of backups, to list those that still hold the data. May be repeated.",
    )
    parser.add_argument(
        "--no-rewrite",
        action="store_true",
        help="Do not rewrite the file, which stops writers and takes as much memory as the file is large;"
        " run it again without this later.",
    )
    parser.add_argument("--dry-run", action="store_true", help="Only show what would be erased.")
    parser.add_argument("--yes", action="store_true", help="Do not ask.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Erase, unless it is refused or not confirmed; raises BootRefused if the database does not allow it."""
    settings, request = options.settings_of(args), _request(args)
    asks = not (args.dry_run or args.yes)
    if asks and not sys.stdin.isatty():
        return messages.error(f"{FOREVER}: add --yes, or --dry-run to see it", messages.USAGE_ERROR)
    try:
        if asks and not _confirm(_erase(settings, request, for_good=False)):
            return messages.error("nothing was erased")
        done = _erase(settings, request, for_good=not args.dry_run)
    except Refused as refused:
        return messages.error(str(refused).replace("transferContextsTo", "--transfer-contexts-to"))
    print(
        json.dumps(_as_json(done, args), indent=2) if args.json else "\n".join(_lines(done, args))
    )
    if done.cleaning is not None and done.cleaning.left:
        return messages.error(f"{done.cleaning.left}; run this again then", messages.TRY_AGAIN)
    return 0


def _erase(settings: Settings, request: "ErasureRequest", *, for_good: bool) -> "Erasure":
    from db import open_database
    from db.erasing import erasure

    with Progress() as progress:
        if settings.address.file is None:
            return asyncio.run(
                open_database.erase(settings.database, request, progress, for_good=for_good)
            )
        work = erasure.erase if for_good else erasure.preview
        return work(settings.database_path, request, progress.stage)


def _request(args: argparse.Namespace) -> "ErasureRequest":
    from db.erasing.erasure import ErasureRequest

    return ErasureRequest(
        args.actor,
        transfer_contexts_to=args.transfer_contexts_to,
        texts=args.text,
        also_texts=args.also_text,
        rewrites=not args.no_rewrite,
        backups=args.backups,
    )


def _confirm(planned: "Erasure") -> bool:
    for line in _report(planned, "to rewrite"):
        messages.note(line)
    print(f"{FOREVER}: type yes to go on: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() == "yes"


def _lines(done: "Erasure", args: argparse.Namespace) -> Iterator[str]:
    if not done.rows:
        yield f"nothing of {done.chitty_id} is left to erase"
    yield from _report(done, "to rewrite" if args.dry_run else "rewrote")
    if done.copies or done.rows:
        yield ELSEWHERE
    if done.rows and done.cleaning is None and not args.dry_run:
        yield OF_ENGINES


def _report(done: "Erasure", what: str) -> Iterator[str]:
    for table, rows in done.rows.items():
        yield f"{what:10} {rows:7,} {table}"
    for each in done.found:
        yield f"found      {each.rows:7,} {each.table}.{each.column}: {_where(each)}"
    for copy in done.copies:
        yield f"held in    {copy.file}, made {copy.made_at}, {copy.bytes:,} bytes"


def _where(found: "Found") -> str:
    shown = ", ".join(found.keys[:3])
    more = ", …" if found.rows > len(found.keys[:3]) else ""
    return f"{shown}{more} ({found.by_hand or '--also-text replaces it'})"


def _as_json(done: "Erasure", args: argparse.Namespace) -> dict[str, object]:
    return {"dry_run": args.dry_run, **asdict(done)}


def _chitty_id(text: str) -> str:
    from resolvers.validation import secrets, validators

    if secrets.redact(text) != text:  # the message for an unknown actor would repeat it
        raise argparse.ArgumentTypeError("looks like a secret: give the actor's ChittyID")
    try:
        return validators.chitty_id_of_row(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
