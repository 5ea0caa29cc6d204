"""`chittygraph webhooks replay`: apply saved GitHub payloads as if GitHub delivered them."""

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from db.commands import pending_installations
from server.cli import messages, options
from server.settings import Settings

if TYPE_CHECKING:
    from server.cli.options import Commands

STILL_WAITING = (
    "installations wait for a ChittyID, since the identity authority mints none now:"
    " run this again later, or start the server, which keeps trying"
)


def add_to(commands: "Commands") -> None:
    parser = options.command(commands, "webhooks", "work with GitHub webhook deliveries")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    replay = options.command(
        actions,
        "replay",
        "apply saved payloads as if GitHub delivered them",
        details="Exits with 1 if any payload was refused or must wait for a ChittyID.",
        examples=("webhooks replay payloads/", "webhooks replay installation.json"),
    )
    replay.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="A payload, or a folder of *.json."
    )
    options.add_settings(replay, {"database", *options.MINTING})
    replay.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    settings = options.settings_of(args)
    return asyncio.run(_replay(settings, args.paths))


async def _replay(settings: Settings, paths: list[Path]) -> int:
    from db.open_database import open_database
    from server.files import webhook_replay
    from server.identity.minting import open_minter

    database = await open_database(settings.database)
    code = 0
    try:
        async with open_minter(settings) as mint:
            async for replayed in webhook_replay.replay(database, paths, mint=mint):
                result = replayed.outcome or f"refused: {replayed.error}"
                print(f"{replayed.where}: {result}")
                code = messages.FAILED if replayed.error else code
        if await database.read(pending_installations.any_unclaimed()):
            code = messages.error(STILL_WAITING)
    finally:
        await database.close()
    return code
