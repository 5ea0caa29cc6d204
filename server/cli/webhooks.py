"""`chittygraph webhooks`: apply saved GitHub payloads, and ask for missing ChittyIDs."""

import argparse
import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from db.commands import pending_installations
from server.cli import options
from server.cli.output import messages
from server.settings import Settings

if TYPE_CHECKING:
    from server.cli.options import Commands

STILL_WAITING = (
    "installations wait for a ChittyID, since the identity authority mints none now:"
    " `chittygraph status` says why; a server keeps trying"
)


def add_to(commands: "Commands") -> None:
    parser = options.command(commands, "webhooks", "work with GitHub webhook deliveries")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    replay = options.command(
        actions,
        "replay",
        "apply saved payloads as if GitHub delivered them",
        details=(
            "A folder stands for all *.json below it, in the order of their paths; files that hold no payload"
            " are skipped. Afterwards it does what `identify` does. Exits with 1 if any payload was refused"
            " or an installation waits for a ChittyID."
        ),
        examples=("webhooks replay payloads/", "webhooks replay installation.json"),
    )
    replay.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="A payload, or a folder of them."
    )
    identify = options.command(
        actions,
        "identify",
        "ask now for the ChittyIDs that installations wait for",
        details=(
            "It asks for those too that the identity authority refused, which a server asks for once an hour."
            " Exits with 1 if any installation still waits."
        ),
        examples=("webhooks identify",),
    )
    identify.set_defaults(paths=[])
    for action in (replay, identify):
        options.add_settings(action, {"database", *options.MINTING})
        action.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    settings = options.settings_of(args)
    return asyncio.run(_replay(settings, args.paths))


def _summary(counts: Counter[str], left_out: int) -> str:
    total = f"{counts.total():,} {'payload' if counts.total() == 1 else 'payloads'}"
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.most_common())
    others = f"; {left_out:,} {'file is' if left_out == 1 else 'files are'} no payload"
    return f"{total}{f': {outcomes}' if outcomes else ''}{others if left_out else ''}"


async def _replay(settings: Settings, paths: list[Path]) -> int:
    from db.open_database import open_database
    from server.files import webhook_replay
    from server.identity.minting import open_minter

    database = await open_database(settings.database)
    code, counts, left_out = 0, Counter[str](), 0
    try:
        async with open_minter(settings) as mint:
            async for replayed in webhook_replay.replay(database, paths, mint=mint):
                if replayed.outcome is None and replayed.error is None:
                    left_out += 1
                    continue
                result = replayed.outcome or f"refused: {replayed.error}"
                print(f"{replayed.where}: {result}")
                if replayed.event or replayed.error:  # else an installation that waited
                    counts[replayed.outcome or "refused"] += 1
                code = messages.FAILED if replayed.error else code
        if paths:
            print(_summary(counts, left_out))
        if await database.read(pending_installations.any_waiting()):
            code = messages.error(STILL_WAITING)
        elif not paths:
            messages.note("no installation waits for a ChittyID")
    finally:
        await database.close()
    return code
