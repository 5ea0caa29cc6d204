"""`chittygraph webhooks replay`: saved GitHub payloads, through the code that takes live ones."""

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from db.commands import pending_installations
from server.cli import options
from server.cli.complaints import FAILED, complain
from server.settings import Settings

if TYPE_CHECKING:
    from server.cli.options import Commands

STILL_WAITING = (
    "installations wait for a ChittyID, since the identity authority gives none now:"
    " run this again later, or serve, which keeps trying"
)


def add_to(commands: "Commands") -> None:
    """Declare the command."""
    parser = options.command(commands, "webhooks", "work with GitHub's webhook deliveries")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    replay = options.command(actions, "replay", "apply saved payloads, as if GitHub sent them")
    replay.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="A payload, or a folder of *.json."
    )
    options.add_settings(replay, {"database", *options.MINTING})
    replay.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Migrate and replay, one line per payload; 1 when any could not be taken or has to wait."""
    settings = options.settings_of(args)
    return asyncio.run(_replay(settings, args.paths))


async def _replay(settings: Settings, paths: list[Path]) -> int:
    from db.open_database import open_database
    from server.files import webhook_replay
    from server.identity.minting import minter

    database = await open_database(settings.database)
    code = 0
    try:
        async with minter(settings) as mint:
            async for replayed in webhook_replay.replay(database, paths, mint=mint):
                told = replayed.outcome or f"refused: {replayed.error}"
                print(f"{replayed.where}: {told}")
                code = FAILED if replayed.error else code
        if await database.read(pending_installations.any_unclaimed()):
            code = complain(STILL_WAITING)
    finally:
        await database.close()
    return code
